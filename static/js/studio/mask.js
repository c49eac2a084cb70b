// Markup: [data-board] with img[data-shown] and canvas[data-mask]; [data-mask-tools] with [data-tool], [data-action], input[data-brush],
// input[data-feather] and the hidden field `mask`. White is repainted. Works with mouse, pen, finger and keys. The mask is uploaded
// before the form is sent, as a PNG of the picture's proportions.

import { changed, form, post, uses } from "./form.js";
import { finishBeforeSubmit } from "./submit.js";

const UNDO_STEPS = 30;
const LARGEST_SIDE = 1024; // limits the memory of UNDO_STEPS masks on a phone
const VEIL = "rgb(20 160 150 / 0.55)";
// Stands for a mask that is not uploaded yet: a quote only needs to know that one exists.
const UNSENT = "0".repeat(64);

const board = form.querySelector("[data-board]");
const canvas = form.querySelector("canvas[data-mask]");
const tools = form.querySelector("[data-mask-tools]");
const brush = tools.querySelector("[data-brush]");
const feather = tools.querySelector("[data-feather]");
const upload = form.querySelector("[data-pictures]").dataset.pictures;
const lost = form.querySelector("[data-pictures]").dataset.lost;

const mask = document.createElement("canvas"); // white on nothing
const ink = mask.getContext("2d", { willReadFrequently: true });
const veil = canvas.getContext("2d");
const history = [];
let erases = false;
let last = null; // the last point of the current stroke
let cursor = null; // position of the brush that the keyboard moves
let presses = false; // true while the space bar is down
let isSent = true;

board.addEventListener("picture:shown", ({ detail: { width, height, isNew } }) => {
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  for (const each of [mask, canvas]) Object.assign(each, size);
  history.length = 0;
  if (isNew) forget();
  cursor = { x: mask.width / 2, y: mask.height / 2 };
  for (const row of tools.querySelectorAll("[data-tools]")) row.hidden = false;
  restore();
});

// A mask belongs to its picture.
function forget() {
  form.elements.mask.value = canvas.dataset.painted = "";
  isSent = true;
}

form.addEventListener("pictures:given", ({ detail }) => {
  if (!detail.image) return;
  forget();
  if (!detail.mask) return;
  form.elements.mask.value = detail.mask.digest;
  canvas.dataset.painted = detail.mask.url;
});

// Shows a mask that came with the page.
function restore() {
  if (!canvas.dataset.painted) return draw();
  const before = new Image();
  before.addEventListener("load", () => {
    ink.drawImage(before, 0, 0, mask.width, mask.height);
    const pixels = ink.getImageData(0, 0, mask.width, mask.height);
    for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i];
    ink.putImageData(pixels, 0, 0);
    draw();
  });
  before.src = canvas.dataset.painted;
}

function draw() {
  veil.clearRect(0, 0, canvas.width, canvas.height);
  veil.filter = feather.value > 0 ? `blur(${radius(feather.value)}px)` : "none";
  veil.drawImage(mask, 0, 0);
  veil.filter = "none";
  veil.globalCompositeOperation = "source-in";
  veil.fillStyle = VEIL;
  veil.fillRect(0, 0, canvas.width, canvas.height);
  veil.globalCompositeOperation = "source-over";
  if (document.activeElement === canvas && cursor) {
    veil.strokeStyle = "white";
    veil.lineWidth = Math.max(1, canvas.width / 256);
    veil.beginPath();
    veil.arc(cursor.x, cursor.y, radius(brush.value), 0, 2 * Math.PI);
    veil.stroke();
  }
}

// In hundredths of the picture's shorter side.
const radius = (value) => (Number(value) / 100) * Math.min(mask.width, mask.height);

function remember() {
  history.push(ink.getImageData(0, 0, mask.width, mask.height));
  if (history.length > UNDO_STEPS) history.shift();
}

function note() {
  const { data } = ink.getImageData(0, 0, mask.width, mask.height);
  const isPainted = new Uint32Array(data.buffer).some((pixel) => pixel > 0);
  isSent = !isPainted;
  form.elements.mask.value = isPainted ? UNSENT : "";
  draw();
  changed();
}

function stroke(from, to) {
  ink.globalCompositeOperation = erases ? "destination-out" : "source-over";
  ink.strokeStyle = "white";
  ink.lineCap = ink.lineJoin = "round";
  ink.lineWidth = 2 * radius(brush.value);
  ink.beginPath();
  ink.moveTo(from.x, from.y);
  ink.lineTo(to.x + 0.01, to.y);
  ink.stroke();
  ink.globalCompositeOperation = "source-over";
}

function at(event) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return { x: ((event.clientX - left) / width) * canvas.width, y: ((event.clientY - top) / height) * canvas.height };
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button > 0 || !event.isPrimary) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  remember();
  last = at(event);
  stroke(last, last);
  draw();
});

canvas.addEventListener("pointermove", (event) => {
  if (!last || !event.isPrimary) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) {
    const next = at(each);
    stroke(last, next);
    last = next;
  }
  cursor = last;
  draw();
});

for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, ({ isPrimary }) => {
    if (!last || !isPrimary) return;
    last = null;
    note();
  });
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

canvas.addEventListener("keydown", (event) => {
  const { key, shiftKey } = event;
  if (event.ctrlKey || event.metaKey) {
    if (key.toLowerCase() !== "z") return;
    act.undo();
  } else if (key in MOVES) {
    const [x, y] = MOVES[key];
    const far = radius(brush.value) * (shiftKey ? 2 : 0.5);
    const next = {
      x: Math.min(Math.max(cursor.x + x * far, 0), mask.width),
      y: Math.min(Math.max(cursor.y + y * far, 0), mask.height),
    };
    if (presses) stroke(cursor, next);
    cursor = next;
  } else if (key === " ") {
    if (!presses) remember();
    presses = true;
    stroke(cursor, cursor);
  } else if (key.toLowerCase() === "e") choose(erases ? "paint" : "erase");
  else if (key.toLowerCase() === "u") act.undo();
  else return;
  event.preventDefault();
  draw();
});

// One press of the space bar is one stroke.
function lift() {
  if (!presses) return;
  presses = false;
  note();
}

canvas.addEventListener("keyup", ({ key }) => key === " " && lift());
canvas.addEventListener("blur", lift);
for (const name of ["focus", "blur"]) canvas.addEventListener(name, draw);

function choose(tool) {
  erases = tool === "erase";
  for (const button of tools.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === tool);
}

const act = {
  undo() {
    const before = history.pop();
    if (!before) return;
    ink.putImageData(before, 0, 0);
    note();
  },
  invert() {
    remember();
    ink.globalCompositeOperation = "source-out";
    ink.fillStyle = "white";
    ink.fillRect(0, 0, mask.width, mask.height);
    ink.globalCompositeOperation = "source-over";
    note();
  },
  clear() {
    remember();
    ink.clearRect(0, 0, mask.width, mask.height);
    note();
  },
};

tools.addEventListener("click", ({ target }) => {
  const { tool, action } = target.dataset;
  if (tool) choose(tool);
  if (action) act[action]();
});

feather.addEventListener("input", note);
brush.addEventListener("input", draw);

async function send() {
  if (isSent || !uses("mask")) return;
  const whole = document.createElement("canvas");
  Object.assign(whole, { width: mask.width, height: mask.height });
  const paper = whole.getContext("2d");
  paper.fillStyle = "black";
  paper.fillRect(0, 0, whole.width, whole.height);
  if (feather.value > 0) paper.filter = `blur(${radius(feather.value)}px)`;
  paper.drawImage(mask, 0, 0);
  const body = new FormData();
  body.append("file", await new Promise((done) => whole.toBlob(done, "image/png")), "mask.png");
  const answer = await post(upload, body).catch(() => ({ ok: false }));
  if (!answer.ok) throw new Error(answer.error ?? lost);
  form.elements.mask.value = answer.digest;
  isSent = true;
}

finishBeforeSubmit(send);
