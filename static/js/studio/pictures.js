// Markup: [data-pictures="URL"] (with words for failures) around any number of [data-picture="FIELD"], each with the hidden field of that
// name, a [data-dropzone] with a file input, [data-refused], [data-board] with img[data-shown], and perhaps [data-removes]. Uploads pictures
// that are chosen, dropped or pasted, and dispatches "picture:shown" on the board (detail: {width, height, isNew}): import it after the
// modules that listen. On "pictures:given" (detail: {FIELD: {url, width, height}}) it shows those pictures.

import { changed, form, post, uses } from "./form.js";
import { fitting } from "./shrink.js";
import { finishBeforeSubmit } from "./submit.js";

const LARGEST = 20 * 2 ** 20;
const area = form.querySelector("[data-pictures]");

const underWay = new Map(); // place -> the file that is being uploaded

function take(place, file) {
  underWay.set(place, file);
  const sending = send(place, file);
  finishBeforeSubmit(() => sending);
}

async function send(place, file) {
  const refused = place.querySelector("[data-refused]");
  refused.textContent = "";
  place.setAttribute("aria-busy", "true");
  const sent = await fitting(file);
  if (underWay.get(place) !== file) return; // another has been chosen meanwhile
  if (sent.size > LARGEST) {
    place.removeAttribute("aria-busy");
    refused.textContent = area.dataset.tooLarge;
    return;
  }
  const body = new FormData();
  body.append("file", sent);
  const answer = await post(area.dataset.pictures, body).catch(() => ({ ok: false }));
  if (underWay.get(place) !== file) return;
  place.removeAttribute("aria-busy");
  if (!answer.ok) {
    refused.textContent = answer.error ?? area.dataset.lost;
    return;
  }
  show(place, answer);
}

function show(place, picture) {
  form.elements[place.dataset.picture].value = picture.digest;
  if (place.dataset.picture === "image") chooseShape();
  showPicture(place, picture, true);
  changed();
}

function showPicture(place, { url, width, height }, isNew) {
  place.querySelector("[data-shown]").src = url;
  reveal(place, width, height, isNew);
}

function hide(place) {
  place.classList.remove("filled");
  for (const each of place.querySelectorAll("[data-board], [data-removes]")) each.hidden = true;
}

function reveal(place, width, height, isNew = false) {
  const board = place.querySelector("[data-board]");
  const removes = place.querySelector("[data-removes]");
  place.classList.add("filled");
  if (removes) removes.hidden = false;
  board.hidden = false;
  board.classList.remove("plain");
  board.style.setProperty("--across", width);
  board.style.setProperty("--down", height);
  board.dispatchEvent(new CustomEvent("picture:shown", { detail: { width, height, isNew } }));
}

// Choosing a picture sets the shape to its own proportions.
function chooseShape() {
  const asPicture = form.querySelector('[name=shape][value="picture"]');
  if (asPicture) asPicture.checked = true;
}

for (const place of area.querySelectorAll("[data-picture]")) {
  const zone = place.querySelector("[data-dropzone]");
  zone.querySelector("input").addEventListener("change", ({ target }) => target.files[0] && take(place, target.files[0]));
  for (const name of ["dragenter", "dragover"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) place.addEventListener(name, () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const file = event.dataTransfer.files[0];
    if (file) take(place, file);
  });
  place.querySelector("[data-removes]")?.addEventListener("click", () => {
    form.elements[place.dataset.picture].value = zone.querySelector("input").value = "";
    hide(place);
    changed();
  });
  const shown = place.querySelector("[data-shown]");
  if (shown.hasAttribute("src")) reveal(place, ...["width", "height"].map((side) => Number(shown.getAttribute(side))));
}

form.addEventListener("pictures:given", ({ detail }) => {
  for (const place of area.querySelectorAll("[data-picture]")) {
    const field = place.dataset.picture;
    if (detail[field]) showPicture(place, detail[field], false);
    else if (!form.elements[field].value) hide(place);
  }
});

document.addEventListener("paste", ({ clipboardData }) => {
  const file = Array.from(clipboardData.files).find(({ type }) => type.startsWith("image/"));
  if (file && uses("image")) take(area.querySelector('[data-picture="image"]'), file);
});
