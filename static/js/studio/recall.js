// Markup: form[data-read="URL"]; .prompting with [data-recalled], whose data-done and data-lost are its words, and ul[data-left-out];
// details[data-more-settings]. A picture that is dropped anywhere but on a [data-picture] fills in its settings, and "pictures:given"
// tells the form of its pictures. Settings that cannot be used here are listed, and their fields become empty.

import { changed, form, post } from "./form.js";
import { showModel } from "./model.js";

const prompting = form.querySelector(".prompting");
const recalled = prompting.querySelector("[data-recalled]");
const leftOut = prompting.querySelector("[data-left-out]");
const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");

function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = Boolean(value) && value !== "false";
    else field.value = value ?? "";
  }
  showModel();
  changed();
}

// A model stays chosen.
function empty(names) {
  for (const name of names) if (name !== "checkpoint" && form.elements[name]) form.elements[name].value = "";
}

function list(sentences) {
  leftOut.replaceChildren(...sentences.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // else the browser leaves the page for the file
    prompting.classList.toggle("over", !event.target.closest?.("[data-picture]"));
  });
}
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || prompting.classList.remove("over"));
// In the capture phase: a place for pictures stops what is dropped on it from bubbling.
document.addEventListener("drop", () => prompting.classList.remove("over"), { capture: true });

document.addEventListener("drop", async (event) => {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  recalled.textContent = "";
  list([]);
  const body = new FormData();
  body.append("file", file);
  const answer = await post(form.dataset.read, body).catch(() => ({ ok: false, error: recalled.dataset.lost }));
  recalled.classList.toggle("errorlist", !answer.ok);
  recalled.textContent = answer.ok ? recalled.dataset.done : answer.error;
  if (!answer.ok) return;
  empty(Object.keys(answer.left_out));
  fill(answer.values);
  list(Object.values(answer.left_out));
  form.dispatchEvent(new CustomEvent("pictures:given", { detail: answer.pictures }));
  form.querySelector("[data-more-settings]").open = true;
});
