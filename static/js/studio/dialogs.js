// Markup: dialog[data-dialog="NAME"] with [data-closes]; [data-opens="NAME"], buttons that open it.

export const dialogs = Object.fromEntries(Array.from(document.querySelectorAll("[data-dialog]"), (each) => [each.dataset.dialog, each]));

for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => dialogs[button.dataset.opens].showModal());
}

for (const dialog of Object.values(dialogs)) {
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog || target.closest("[data-closes]")) dialog.close();
  });
}
