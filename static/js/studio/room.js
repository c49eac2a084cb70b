// Markup: [data-board] with [data-room], whose children [data-side] are handles at the picture's edges; fields left, top, right, bottom, and
// [data-room-help]; [data-strength] with a field `strength`, data-words, what little to much of it does, and data-painted, what precedes that
// where a mask is. Drag a handle outward to add room.

import { changed, form } from "../studio.js";

const STEP = 8;
const MOST = 2048;
const board = form.querySelector("[data-board]");
const room = board.querySelector("[data-room]");
const SIDES = ["left", "top", "right", "bottom"];
let size = { width: 1, height: 1 };

board.addEventListener("picture:shown", ({ detail }) => {
  size = detail;
  form.querySelector("[data-room-help]").hidden = false;
  show();
});

const value = (side) => Number(form.elements[side].value) || 0;

function show() {
  // The picture shrinks within its frame as room grows around it.
  for (const side of SIDES) board.style.setProperty(`--room-${side}`, value(side));
}

for (const handle of room.querySelectorAll("[data-side]")) {
  const { side } = handle.dataset;
  const isAcross = side === "left" || side === "right";
  const sign = side === "left" || side === "top" ? -1 : 1;
  let start = null;
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const shown = board.querySelector("[data-shown]").getBoundingClientRect();
    start = { at: isAcross ? event.clientX : event.clientY, value: value(side), scale: size.width / shown.width };
  });
  handle.addEventListener("pointermove", (event) => {
    if (!start) return;
    const moved = ((isAcross ? event.clientX : event.clientY) - start.at) * sign * start.scale;
    const next = Math.min(Math.max(Math.round((start.value + moved) / STEP) * STEP, 0), MOST);
    form.elements[side].value = next || "";
    show();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    handle.addEventListener(name, () => {
      start = null;
      changed();
    });
  }
}

for (const side of SIDES) form.elements[side].addEventListener("input", show);

// A slider beside the number, that says what it does.
const place = form.querySelector("[data-strength]");
const number = form.elements.strength;
const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.05 });
const words = Object.assign(document.createElement("output"), { className: "small soft" });
slider.setAttribute("aria-label", place.querySelector("label").textContent);
number.after(slider, words);
place.querySelector(".help")?.remove(); // the words beside the slider say it

function showStrength() {
  const mode = form.querySelector("[name=mode]:checked")?.value;
  const usual = { image_to_image: 0.6, depth_to_image: 0.9 }[mode] ?? 1;
  number.placeholder = usual;
  const strength = number.value === "" ? usual : Number(number.value);
  slider.value = strength;
  const phrases = place.dataset.words.split("|");
  // Nothing is kept at 1 alone.
  const phrase = phrases[Math.min(Math.max(Math.floor(strength * (phrases.length - 1)), 0), phrases.length - 1)];
  words.textContent = mode === "inpaint" ? `${place.dataset.painted} ${phrase}` : phrase;
}

slider.addEventListener("input", () => {
  number.value = slider.value;
  changed();
});
form.addEventListener("input", showStrength);
form.addEventListener("change", showStrength);
showStrength();
