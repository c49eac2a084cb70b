// Markup: form[data-passkey="get" or "create"] with input[name=credential], a button that is disabled until the script runs, and
// [data-passkey-error] with the words data-refused, data-unknown, data-known, data-address and data-failed. The options are JSON: in the
// element that data-options names, or at data-options-url. [data-passkeys] is shown if the browser supports passkeys.

const NUMBERS = /^(\d+\.){3}\d+$|^\[/;

function toBytes(text) {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

const withIds = (credentials = []) => credentials.map((each) => ({ ...each, id: toBytes(each.id) }));

async function optionsOf(form) {
  const { options, optionsUrl } = form.dataset;
  if (options) return JSON.parse(document.getElementById(options).textContent);
  const response = await fetch(optionsUrl, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`options: ${response.status}`);
  return response.json();
}

async function create(form) {
  const { publicKey } = (await optionsOf(form)).creation_options;
  const alone = form.elements.passwordless?.checked;
  if (alone !== undefined) {
    publicKey.authenticatorSelection = {
      ...publicKey.authenticatorSelection,
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: alone,
      userVerification: alone ? "required" : publicKey.authenticatorSelection.userVerification,
    };
  }
  const credential = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
      excludeCredentials: withIds(publicKey.excludeCredentials),
    },
  });
  return toJson(credential, {
    attestationObject: toText(credential.response.attestationObject),
    transports: credential.response.getTransports?.() ?? [],
  });
}

async function get(form) {
  const { publicKey } = (await optionsOf(form)).request_options;
  const credential = await navigator.credentials.get({
    publicKey: { ...publicKey, challenge: toBytes(publicKey.challenge), allowCredentials: withIds(publicKey.allowCredentials) },
  });
  const { authenticatorData, signature, userHandle } = credential.response;
  return toJson(credential, {
    authenticatorData: toText(authenticatorData),
    signature: toText(signature),
    userHandle: userHandle && toText(userHandle),
  });
}

function toJson(credential, response) {
  return {
    type: credential.type,
    id: credential.id,
    rawId: toText(credential.rawId),
    response: { clientDataJSON: toText(credential.response.clientDataJSON), ...response },
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function explain(error, { refused, known, address, failed }) {
  if (NUMBERS.test(location.hostname)) return address.replace("{address}", location.origin.replace(location.hostname, "localhost"));
  return { NotAllowedError: refused, AbortError: refused, InvalidStateError: known }[error.name] ?? failed;
}

const isKnown = Boolean(window.PublicKeyCredential && navigator.credentials);
for (const element of document.querySelectorAll("[data-passkeys]")) element.hidden = !isKnown;

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const words = form.querySelector("[data-passkey-error]");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    words.textContent = "";
    button.disabled = true;
    try {
      const credential = await { create, get }[form.dataset.passkey](form);
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch (error) {
      words.textContent = explain(error, words.dataset);
    } finally {
      button.disabled = false;
    }
  });
  button.disabled = !isKnown;
  if (!isKnown) words.textContent = words.dataset.unknown;
}
