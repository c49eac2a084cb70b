// Markup: form[data-studio] with a button [data-submit] and [data-quote-error]. Other buttons may have a name, which is sent.

import { form } from "./form.js";
import { quote } from "./quote.js";

const button = form.querySelector("[data-submit]");
const beforeSubmit = [];
// A form that is sent by a script leaves out the button.
const chosen = Object.assign(document.createElement("input"), { type: "hidden" });

// Adds a function that must be done before the form is sent; it may return a promise.
export const finishBeforeSubmit = (work) => beforeSubmit.push(work);

form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(button);
});

form.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  if (form.querySelector("button[aria-busy]")) return;
  const pressed = event.submitter ?? button;
  pressed.setAttribute("aria-busy", "true");
  try {
    for (const work of beforeSubmit) await work();
    // The files are uploaded already; the form names them by their digests.
    for (const input of form.querySelectorAll("input[type=file]")) input.disabled = true;
    Object.assign(chosen, { name: pressed.name, value: pressed.value });
    form.append(chosen);
    form.submit();
  } catch (error) {
    pressed.removeAttribute("aria-busy");
    form.querySelector("[data-quote-error]").textContent = error.message;
  }
});

window.addEventListener("pageshow", ({ persisted }) => {
  // A page from the back/forward cache may show an old quote and a busy button.
  if (!persisted) return;
  chosen.remove();
  for (const pressed of form.querySelectorAll("button[aria-busy]")) pressed.removeAttribute("aria-busy");
  for (const input of form.querySelectorAll("input[type=file]")) input.disabled = false;
  quote();
});
