// Markup: form[data-try] with the field prompt; a[data-words="PROMPT"], links that fill it in.

const form = document.querySelector("[data-try]");
const { prompt } = form.elements;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-words]");
  // With a modifier key, the link opens in another tab.
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  prompt.value = link.dataset.words;
  prompt.focus();
  form.scrollIntoView({ block: "nearest" });
});

prompt.addEventListener("keydown", (event) => {
  // In an input method, Enter only ends the composition of a word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
