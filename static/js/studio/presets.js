// Markup: the dialog "presets" with data-keep="URL", form[data-keep-form], [data-own] and [data-keep-error].

import { dialogs } from "./dialogs.js";
import { form, post } from "./form.js";

const dialog = dialogs.presets;
const keeping = dialog.querySelector("[data-keep-form]");
const own = dialog.querySelector("[data-own]");

keeping.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData(form);
  for (const [name, value] of new FormData(form)) if (value instanceof File) body.delete(name);
  body.set("preset_name", keeping.elements.preset_name.value);
  const answer = await post(dialog.dataset.keep, body).catch(() => ({ ok: false }));
  dialog.querySelector("[data-keep-error]").textContent = answer.ok ? "" : (answer.error ?? "");
  if (!answer.ok) return;
  list(answer);
  keeping.reset();
});

function list({ name, url }) {
  if (Array.from(own.querySelectorAll("a")).some((link) => link.textContent === name)) return;
  const item = document.createElement("li");
  item.append(Object.assign(document.createElement("a"), { href: url, textContent: name }));
  own.append(item);
}
