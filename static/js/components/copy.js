// Markup: any number of .share with input[data-link] and button[data-copy], which shows its data-copied for a moment.

for (const button of document.querySelectorAll("[data-copy]")) {
  const link = button.closest(".share").querySelector("[data-link]");
  const text = button.textContent;
  button.addEventListener("click", async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      button.textContent = button.dataset.copied;
      setTimeout(() => (button.textContent = text), 2_000);
    } catch {
      // The link is selected, so that Ctrl-C copies it.
    }
  });
}
