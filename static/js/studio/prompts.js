// Markup: a[data-example], links whose text is a prompt; the dialog "prompts" with data-prompts="URL", [data-list] and [data-empty].

import { dialogs } from "./dialogs.js";
import { writePrompt } from "./form.js";

document.addEventListener("click", (event) => {
  const example = event.target.closest("a[data-example]");
  if (!example) return;
  event.preventDefault();
  writePrompt(example.textContent.trim());
});

async function loadPrompts() {
  const dialog = dialogs.prompts;
  const response = await fetch(dialog.dataset.prompts).catch(() => null);
  if (!response?.ok) return;
  const { prompts } = await response.json();
  dialog.querySelector("[data-empty]").hidden = prompts.length > 0;
  dialog.querySelector("[data-list]").replaceChildren(...prompts.map(promptItem));
}

function promptItem(prompt) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: prompt });
  button.addEventListener("click", () => {
    dialogs.prompts.close();
    writePrompt(prompt);
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

for (const button of document.querySelectorAll("[data-opens=prompts]")) button.addEventListener("click", loadPrompts);
