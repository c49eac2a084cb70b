// Markup: form[data-quote="URL"][data-tokens="URL"] with [data-quote-text], [data-quote-size], [data-quote-error] and
// [data-token-text]; a button [data-drafts] with [data-quote-drafts] is hidden without drafts.
// A hidden field may have a data-label, by which an error names it.

import { csrf, form } from "./form.js";

const DELAY = 250;

const quoteText = form.querySelector("[data-quote-text]");
const quoteSize = form.querySelector("[data-quote-size]");
const quoteError = form.querySelector("[data-quote-error]");
const draftsButton = form.querySelector("[data-drafts]");
const draftsText = form.querySelector("[data-quote-drafts]");
const tokenText = form.querySelector("[data-token-text]");

// Waits for a pause in typing; a later call aborts the request of an earlier one.
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

export const quote = delayed(async (signal) => {
  const settings = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") settings.set(name, value);
  // Prompts do not change the price, and must not get into the access logs of proxies.
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

function showQuote({ text, drafts, size, errors }) {
  const [[name, [message]] = [null, [""]]] = Object.entries(errors);
  quoteText.textContent = text;
  draftsText.textContent = drafts;
  draftsButton.hidden = !drafts;
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

countTokens();
