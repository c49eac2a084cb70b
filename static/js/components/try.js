// Markup: form[data-try] with the field prompt; a[data-words="PROMPT"], links that begin with these words.

const form = document.querySelector("[data-try]");
const { prompt } = form.elements;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-words]");
  // Whoever opens it in another tab means the link.
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  prompt.value = link.dataset.words;
  prompt.focus();
  form.scrollIntoView({ block: "nearest" });
});

prompt.addEventListener("keydown", (event) => {
  // In some scripts, Enter ends the composition of a word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
