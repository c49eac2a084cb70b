// Markup: [data-board] with [data-room], whose children [data-side] are handles at the picture's edges; fields left, top, right, bottom, and
// [data-room-help]. Dragging a handle outward adds room.

import { changed, form } from "./form.js";

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
