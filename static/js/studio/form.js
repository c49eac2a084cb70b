// Markup: form[data-studio] with the field csrfmiddlewaretoken and radio buttons `mode`, whose data-uses names the inputs that the mode
// reads. The other modules of the studio use what it exports.

export const form = document.querySelector("[data-studio]");
export const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));
export const csrf = () => form.elements.csrfmiddlewaretoken.value;
export const mode = () => form.querySelector("[name=mode]:checked");
export const uses = (input) => (mode()?.dataset.uses ?? "").split(" ").includes(input);

// Never throws for an error status: the answer has `ok`, and perhaps `error`.
export async function post(url, body) {
  const response = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrf(), Accept: "application/json" } });
  const answer = await response.json().catch(() => ({}));
  return { ok: response.ok, ...answer };
}

export function writePrompt(text) {
  form.elements.prompt.value = text;
  form.elements.prompt.focus();
  changed();
}
