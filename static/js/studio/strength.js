// Markup: [data-strength] with a field `strength`, data-words, the effects of little to much strength, separated by |, and data-painted, the
// words before them if a mask is used; radio buttons `mode` with data-default-strength. Adds a slider beside the number.

import { changed, form, mode, uses } from "./form.js";

const place = form.querySelector("[data-strength]");
const number = form.elements.strength;
const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.05 });
const words = Object.assign(document.createElement("output"), { className: "small soft" });
slider.setAttribute("aria-label", place.querySelector("label").textContent);
number.after(slider, words);
place.querySelector(".help")?.remove(); // the words beside the slider say it

function show() {
  const usual = Number(mode()?.dataset.defaultStrength ?? 1);
  number.placeholder = usual;
  const strength = number.value === "" ? usual : Number(number.value);
  slider.value = strength;
  const phrases = place.dataset.words.split("|");
  // The last phrase is for exactly 1.
  const phrase = phrases[Math.min(Math.max(Math.floor(strength * (phrases.length - 1)), 0), phrases.length - 1)];
  words.textContent = uses("mask") ? `${place.dataset.painted} ${phrase}` : phrase;
}

slider.addEventListener("input", () => {
  number.value = slider.value;
  changed();
});
form.addEventListener("input", show);
form.addEventListener("change", show);
show();
