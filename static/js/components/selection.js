// Markup: [data-pictures], a list of [data-image] with input.tick and perhaps a link; form[data-selection] with [data-count], [data-all],
// [data-clear], [data-compare], [data-menu] and buttons with a data-effect on the pictures (remove, favourite, none); its own data-* are a
// limit, addresses and words. [data-said] shows the result.

const LONG_PRESS = 450;
const TOAST = 8_000;

const list = document.querySelector("[data-pictures]");
const form = document.querySelector("[data-selection]");
const said = document.querySelector("[data-said]");
const words = form?.dataset ?? {};

let anchor = null; // the tile that a range starts from
let press = null;
let wasLong = false;
let taken = []; // pairs of a removed tile and the one that followed it
let toast = null;

const tiles = () => Array.from(list.querySelectorAll("[data-image]"));
const tick = (tile) => tile.querySelector(".tick");
const ticked = () => tiles().filter((tile) => tick(tile).checked);
const handle = (tile) => tile.querySelector("a") ?? tick(tile);

function show() {
  const count = ticked().length;
  const text = count === 1 ? words.one : words.many;
  form.querySelector("[data-count]").textContent = count ? text.replace("{n}", count) : words.none;
  const compare = form.querySelector("[data-compare]");
  if (compare) compare.disabled = count !== 2;
  list.toggleAttribute("data-selecting", count > 0);
}

function select(chosen, isOn = true) {
  const limit = Number(words.limit);
  let count = ticked().length;
  for (const tile of chosen) {
    if (isOn && !tick(tile).checked && count >= limit) {
      say(words.tooMany);
      break;
    }
    count += Number(isOn) - Number(tick(tile).checked);
    tick(tile).checked = isOn;
  }
  show();
}

function toggle(tile) {
  anchor = tile;
  select([tile], !tick(tile).checked);
}

function extend(tile) {
  const all = tiles();
  const [from, to] = [all.indexOf(anchor ?? tile), all.indexOf(tile)].sort((a, b) => a - b);
  select(all.slice(Math.max(from, 0), to + 1));
}

function clear() {
  select(ticked(), false);
  anchor = null;
}

function say(text, ...more) {
  clearTimeout(toast);
  said.replaceChildren(...(text ? [document.createTextNode(text), ...more] : []));
  said.classList.toggle("shown", Boolean(text));
  if (text) toast = setTimeout(() => said.matches(":hover, :focus-within") || say(""), TOAST);
}

async function send(url, body) {
  const response = await fetch(url, { method: "POST", body, headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!response || response.redirected || (!response.ok && response.status !== 400)) {
    location.reload();
    return null;
  }
  return { isDone: response.ok, text: await response.text() };
}

function remove(gone) {
  const focus = gone.at(-1).nextElementSibling ?? gone[0].previousElementSibling;
  taken = gone.map((tile) => [tile, tile.nextElementSibling]).reverse();
  for (const tile of gone) tile.remove();
  if (!tiles().length && !list.querySelector("[data-more]")) location.reload();
  else (focus?.matches("[data-image]") ? handle(focus) : focus?.querySelector("a"))?.focus();
}

function putBack() {
  for (const [tile, next] of taken) {
    tick(tile).checked = false;
    list.insertBefore(tile, next?.isConnected ? next : null);
  }
  handle(taken.at(-1)[0]).focus();
  taken = [];
  show();
}

function undoButton() {
  const button = document.createElement("button");
  button.className = "small";
  button.textContent = words.undoLabel;
  button.addEventListener("click", async () => {
    const answer = await send(words.undo, new FormData(form));
    if (answer?.isDone) putBack();
    if (answer) say(answer.text);
  });
  return button;
}

const effects = {
  favourite: (chosen) => {
    for (const tile of chosen) tile.querySelector(".star").hidden = false;
    clear();
  },
  remove: (chosen) => {
    clear();
    remove(chosen);
  },
  none: clear,
};

async function act(button) {
  const chosen = ticked();
  const answer = await send(button.formAction, new FormData(form, button));
  if (!answer) return;
  form.querySelector("[data-menu]")?.removeAttribute("open");
  if (answer.isDone) effects[button.dataset.effect](chosen);
  say(answer.text, ...(answer.isDone && "undoable" in button.dataset ? [undoButton()] : []));
  document.querySelector(".undo")?.remove();
}

const pressButton = (selector) => form.querySelector(selector)?.click();

function neighbor(tile, key) {
  const all = tiles();
  const index = all.indexOf(tile);
  if (key === "ArrowLeft") return all[index - 1];
  if (key === "ArrowRight") return all[index + 1];
  const { left, top } = tile.getBoundingClientRect();
  const isBeyond = (other) => {
    const box = other.getBoundingClientRect();
    return Math.abs(box.left - left) < 4 && (key === "ArrowUp" ? box.top < top - 4 : box.top > top + 4);
  };
  return key === "ArrowUp" ? all.slice(0, index).findLast(isBeyond) : all.slice(index).find(isBeyond);
}

const keys = {
  " ": (tile, event) => (event.shiftKey ? extend(tile) : toggle(tile)),
  Delete: () => ticked().length && pressButton("[data-undoable]"),
  f: () => ticked().length && pressButton("[data-effect=favourite]"),
};
for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
  keys[key] = (tile, event) => {
    const next = neighbor(tile, key);
    if (!next) return;
    handle(next).focus();
    if (event.shiftKey) {
      anchor ??= tile;
      extend(next);
    }
  };
}

function onKey(event) {
  const tile = event.target.closest("[data-image]");
  const isBare = !event.ctrlKey && !event.metaKey && !event.altKey;
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!tile || !isBare || !act) return;
  // The browser toggles a focused checkbox by itself.
  if (event.key === " " && event.target.matches(".tick") && !event.shiftKey) return;
  event.preventDefault();
  act(tile, event);
}

function onClick(event) {
  const tile = event.target.closest("[data-image]");
  if (!tile) return;
  if (event.target.matches(".tick")) {
    if (event.shiftKey) extend(tile);
    else anchor = tile;
    return;
  }
  const isSelecting = list.hasAttribute("data-selecting") || event.ctrlKey || event.metaKey || event.shiftKey;
  if (wasLong || (isSelecting && event.detail > 0)) {
    event.preventDefault();
    if (!wasLong) (event.shiftKey ? extend : toggle)(tile);
    wasLong = false;
  }
}

// A long press selects a picture.
function onPress(event) {
  clearTimeout(press);
  wasLong = false;
  const tile = event.target.closest("[data-image]");
  if (event.pointerType !== "touch" || !tile || event.target.matches(".tick")) return;
  press = setTimeout(() => {
    wasLong = true;
    toggle(tile);
  }, LONG_PRESS);
}

if (list && form) {
  list.addEventListener("change", show);
  list.addEventListener("click", onClick);
  list.addEventListener("keydown", onKey);
  list.addEventListener("pointerdown", onPress);
  for (const end of ["pointerup", "pointercancel", "pointermove"]) {
    list.addEventListener(end, (event) => {
      if (end !== "pointermove" || Math.hypot(event.movementX, event.movementY) > 3) clearTimeout(press);
    });
  }
  list.addEventListener("contextmenu", (event) => wasLong && event.preventDefault());
  form.addEventListener("submit", (event) => {
    if (!("effect" in event.submitter.dataset)) return;
    event.preventDefault();
    act(event.submitter);
  });
  form.querySelector("[data-all]").addEventListener("click", () => select(tiles()));
  form.querySelector("[data-clear]").addEventListener("click", () => {
    clear();
    handle(tiles()[0])?.focus();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not(.tick), textarea, select");
    if (isTyping) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
      event.preventDefault();
      select(tiles());
    }
    if (event.key === "Escape") clear();
  });
  show();
}
