// Markup: [data-opens="NAME"], buttons that open dialog[data-dialog="NAME"], each with [data-closes]; the dialog "prompts" has
// data-prompts="URL", [data-list] and [data-empty]; "presets" has data-keep="URL", form[data-keep-form], [data-own], [data-keep-error].
// A PNG that is dropped anywhere but on a [data-picture] brings its settings along; [data-recalled] with data-done and data-lost tells so.

import { changed, fill, form, post } from "../studio.js";

const dialogs = Object.fromEntries(Array.from(document.querySelectorAll("[data-dialog]"), (each) => [each.dataset.dialog, each]));

for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => {
    dialogs[button.dataset.opens].showModal();
    if (button.dataset.opens === "prompts") loadPrompts();
  });
}

for (const dialog of Object.values(dialogs)) {
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog || target.closest("[data-closes]")) dialog.close();
  });
}

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
    form.elements.prompt.value = prompt;
    dialogs.prompts.close();
    form.elements.prompt.focus();
    changed();
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

const keeping = dialogs.presets.querySelector("[data-keep-form]");
keeping.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData(form);
  for (const name of ["image_file", "mask_file", "depth_file"]) body.delete(name);
  body.set("preset_name", keeping.elements.preset_name.value);
  const answer = await post(dialogs.presets.dataset.keep, body).catch(() => ({ ok: false }));
  dialogs.presets.querySelector("[data-keep-error]").textContent = answer.ok ? "" : (answer.error ?? "");
  if (!answer.ok) return;
  const own = dialogs.presets.querySelector("[data-own]");
  const known = Array.from(own.querySelectorAll("a")).some((link) => link.textContent === answer.name);
  if (!known) {
    const link = Object.assign(document.createElement("a"), { href: answer.url, textContent: answer.name });
    const item = document.createElement("li");
    item.append(link);
    own.append(item);
  }
  keeping.reset();
});

const prompting = form.querySelector(".prompting");
const recalled = prompting.querySelector("[data-recalled]");
const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // else the browser leaves the page for the file
    prompting.classList.toggle("over", !event.target.closest?.("[data-picture]"));
  });
}
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || prompting.classList.remove("over"));
// What is dropped on a place for pictures does not come up to here otherwise.
document.addEventListener("drop", () => prompting.classList.remove("over"), { capture: true });

document.addEventListener("drop", async (event) => {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  recalled.textContent = "";
  const body = new FormData();
  body.append("file", file);
  const answer = await post(form.dataset.read, body).catch(() => ({ ok: false, error: recalled.dataset.lost }));
  recalled.classList.toggle("errorlist", !answer.ok);
  recalled.textContent = answer.ok ? recalled.dataset.done : answer.error;
  if (!answer.ok) return;
  fill(answer.values);
  form.dispatchEvent(new CustomEvent("pictures:given", { detail: answer.pictures }));
  form.querySelector("[data-more-settings]").open = true;
});
