// Markup: form[data-studio][data-quote="URL"][data-tokens="URL"] with [data-quote-text], [data-quote-size], [data-quote-error],
// [data-token-text], [data-model-name], [data-bundled-note], radio buttons `checkpoint` that say what their model does (data-modes ...) and,
// within [data-starts], `mode`, the fields prompt, seed, keep_seed, and hidden ones with data-label; template[data-dice], a button;
// a[data-example], links whose text is a prompt.
// Other modules of the studio use what it exports.

const DELAY = 250;
const LARGEST_SEED = 2 ** 32 - 1;

export const form = document.querySelector("[data-studio]");
const quoteText = form.querySelector("[data-quote-text]");
const quoteSize = form.querySelector("[data-quote-size]");
const quoteError = form.querySelector("[data-quote-error]");
const tokenText = form.querySelector("[data-token-text]");
const beforeSubmit = [];

// What a module has to finish before the form goes: a function that may return a promise.
export const finishBeforeSubmit = (work) => beforeSubmit.push(work);
export const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));
export const csrf = () => form.elements.csrfmiddlewaretoken.value;

export async function post(url, body) {
  const response = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrf(), Accept: "application/json" } });
  const answer = await response.json().catch(() => ({}));
  return { ok: response.ok, ...answer };
}

// Fills the form's fields by name, as a person would who types.
export function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = Boolean(value) && value !== "false";
    else field.value = value ?? "";
  }
  showModel();
  changed();
}

// The quote, and how long the prompt is ---------------------------------------------------------

function delayed(work) {
  let timer = null;
  let request = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      request?.abort();
      request = new AbortController();
      try {
        await work(request.signal);
      } catch (error) {
        if (error.name !== "AbortError") console.debug(error);
      }
    }, DELAY);
  };
}

const quote = delayed(async (signal) => {
  const settings = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") settings.set(name, value);
  // What a picture shows makes no difference to its price, and has no place in an address.
  for (const name of ["csrfmiddlewaretoken", "prompt", "negative_prompt"]) settings.delete(name);
  const response = await fetch(`${form.dataset.quote}?${settings}`, { signal });
  if (response.ok && !response.redirected) showQuote(await response.json());
});

const countTokens = delayed(async (signal) => {
  const body = new URLSearchParams({ prompt: form.elements.prompt.value, checkpoint: form.elements.checkpoint.value });
  const headers = { "X-CSRFToken": csrf() };
  const response = await fetch(form.dataset.tokens, { method: "POST", body, headers, signal });
  if (!response.ok) return;
  const { tokens, limit, text } = await response.json();
  tokenText.textContent = text;
  tokenText.classList.toggle("warning", tokens > limit);
});

function showQuote({ text, size, errors }) {
  const [[name, [message]] = [null, [""]]] = Object.entries(errors);
  quoteText.textContent = text;
  quoteSize.textContent = size;
  quoteError.textContent = name ? `${labelOf(name)}: ${message}` : "";
}

function labelOf(name) {
  const field = form.elements[name];
  if (field?.dataset?.label) return field.dataset.label;
  const input = field?.labels ? field : field?.[0];
  return input?.closest("fieldset")?.querySelector("legend")?.textContent ?? input?.labels?.[0]?.textContent ?? name;
}

form.addEventListener("input", ({ target }) => {
  quote();
  if (target === form || ["prompt", "checkpoint"].includes(target.name)) countTokens();
});

// What the chosen model can do ------------------------------------------------------------------

function showModel() {
  const model = form.querySelector("[name=checkpoint]:checked");
  if (!model) return;
  const { dataset } = model;
  const modes = dataset.modes.trim().split(" ");
  for (const mode of form.querySelectorAll("[name=mode]")) {
    mode.disabled = !modes.includes(mode.value);
  }
  if (form.querySelector("[name=mode]:checked")?.disabled ?? true) form.querySelector("[name=mode]:enabled").checked = true;
  form.querySelector("[data-starts]").hidden = modes.length === 1;
  form.querySelector("[data-model-name]").textContent = dataset.name;
  form.querySelector("[data-bundled-note]").hidden = !("bundled" in dataset);
  for (const name of ["num_inference_steps", "guidance_scale"]) {
    form.elements[name].placeholder = dataset[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())];
  }
  for (const name of ["width", "height"]) {
    Object.assign(form.elements[name], { min: dataset.min, max: dataset.max, step: dataset.step, placeholder: dataset.size });
  }
  // Models trained by flow matching have two noise schedulers only.
  for (const option of form.elements.noise_scheduler.options) {
    option.hidden = option.disabled = dataset.family === "sd3" && !["", "euler", "heun"].includes(option.value);
  }
  if (form.elements.noise_scheduler.selectedOptions[0]?.disabled) form.elements.noise_scheduler.value = "";
}

form.addEventListener("change", ({ target }) => {
  if (target.name === "checkpoint") {
    showModel();
    form.querySelector("[data-models]").open = false;
  }
});

// Sending ----------------------------------------------------------------------------------------

form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("[data-submit]"));
});

form.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const button = form.querySelector("[data-submit]");
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    for (const work of beforeSubmit) await work();
    // Files went ahead of the form; here only their names go along.
    for (const input of form.querySelectorAll("input[type=file]")) input.disabled = true;
    form.submit();
  } catch (error) {
    button.removeAttribute("aria-busy");
    quoteError.textContent = error.message;
  }
});

window.addEventListener("pageshow", ({ persisted }) => {
  // A page that comes back from the browser's memory may show an old quote and a busy button.
  if (!persisted) return;
  form.querySelector("[data-submit]").removeAttribute("aria-busy");
  for (const input of form.querySelectorAll("input[type=file]")) input.disabled = false;
  quote();
});

// Seed and examples ------------------------------------------------------------------------------

const seed = form.elements.seed;
const wrapper = document.createElement("div");
wrapper.className = "seed";
seed.replaceWith(wrapper);
wrapper.append(seed, document.querySelector("template[data-dice]").content);
wrapper.querySelector("button").addEventListener("click", () => {
  seed.value = Math.floor(Math.random() * (LARGEST_SEED + 1));
  form.elements.keep_seed.checked = true;
});

document.addEventListener("click", (event) => {
  const example = event.target.closest("a[data-example]");
  if (!example) return;
  event.preventDefault();
  form.elements.prompt.value = example.textContent.trim();
  form.elements.prompt.focus();
  changed();
});

showModel();
countTokens();
