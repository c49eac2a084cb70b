// Markup: [data-compare] with [data-view], radio buttons whose values are beside and over; [data-beside]; [data-over] with two images in a
// frame and input[data-seam], where the second ends and the first begins, in percent.

const page = document.querySelector("[data-compare]");
const view = page.querySelector("[data-view]");
const beside = page.querySelector("[data-beside]");
const over = page.querySelector("[data-over]");
const seam = over.querySelector("[data-seam]");
const frame = over.querySelector(".frame");

const draw = () => over.style.setProperty("--seam", `${seam.value}%`);

function follow(event) {
  if (event.type !== "pointerdown" && !event.buttons) return;
  const box = frame.getBoundingClientRect();
  seam.value = ((event.clientX - box.left) / box.width) * 100;
  draw();
}

view.addEventListener("change", ({ target }) => {
  over.hidden = target.value !== "over";
  beside.hidden = !over.hidden;
});
seam.addEventListener("input", draw);
frame.addEventListener("pointerdown", follow);
frame.addEventListener("pointermove", follow);
draw();
