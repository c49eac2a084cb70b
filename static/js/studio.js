// Markup: form[data-studio][data-quote="URL"] with [data-quote-text], [data-quote-error] and the fields prompt, checkpoint, seed, keep_seed;
// template[data-dice], a button; a[data-example], links whose text is a prompt.

const DELAY = 250;
const LARGEST_SEED = 2 ** 32 - 1;

const form = document.querySelector("[data-studio]");
const quoteText = form.querySelector("[data-quote-text]");
const quoteError = form.querySelector("[data-quote-error]");
let timer = null;
let request = null;

async function quote() {
  request?.abort();
  request = new AbortController();
  const settings = new URLSearchParams(new FormData(form));
  // What a picture shows makes no difference to its price, and has no place in an address.
  for (const name of ["csrfmiddlewaretoken", "prompt", "negative_prompt"]) settings.delete(name);
  try {
    const response = await fetch(`${form.dataset.quote}?${settings}`, { signal: request.signal });
    if (response.ok && !response.redirected) showQuote(await response.json());
  } catch (error) {
    if (error.name !== "AbortError") quoteText.textContent = "";
  }
}

function showQuote({ text, errors }) {
  const [[name, [message]] = [null, [""]]] = Object.entries(errors);
  quoteText.textContent = text;
  quoteError.textContent = name ? `${labelOf(name)}: ${message}` : "";
}

function labelOf(name) {
  const field = form.elements[name];
  return field?.labels?.[0]?.textContent ?? name;
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(quote, DELAY);
});

form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

form.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) event.submitter?.setAttribute("aria-busy", "true");
});

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
});

// A page that comes back from the browser's memory may show an old quote.
window.addEventListener("pageshow", ({ persisted }) => persisted && quote());
