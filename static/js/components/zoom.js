// Markup: [data-viewer] around img[data-zoomed]; [data-zoom], a group of buttons [data-fit], [data-full], [data-in], [data-out] and an
// output [data-percent]. Wheel, pinch, drag and double click do the same. A swipe over the whole picture dispatches "viewer:swipe" (detail: -1 or 1).

const STEP = 1.25;
const LARGEST = 16;
const SWIPE = 60;

const viewer = document.querySelector("[data-viewer]");
const image = viewer.querySelector("[data-zoomed]");
const group = document.querySelector("[data-zoom]");
const percent = group.querySelector("[data-percent]");
const pointers = new Map();
const size = { width: Number(image.getAttribute("width")), height: Number(image.getAttribute("height")) };

let zoom = null; // screen pixels per picture pixel; null: fits the viewer
let x = 0;
let y = 0;
let swipe = null;

const fit = () => Math.min(viewer.clientWidth / size.width, viewer.clientHeight / size.height);
const scale = () => zoom ?? fit();

function draw() {
  const now = scale();
  const room = { x: size.width * now - viewer.clientWidth, y: size.height * now - viewer.clientHeight };
  x = room.x > 0 ? Math.max(-room.x / 2, Math.min(room.x / 2, x)) : 0;
  y = room.y > 0 ? Math.max(-room.y / 2, Math.min(room.y / 2, y)) : 0;
  image.style.transform = `translate(-50%, -50%) translate(${x}px, ${y}px) scale(${now})`;
  image.style.imageRendering = now >= 3 ? "pixelated" : "auto";
  viewer.toggleAttribute("data-can-pan", room.x > 1 || room.y > 1);
  percent.value = `${Math.round(now * 100)} %`;
}

// Keeps the point of the picture under (left, top) where it is.
function zoomTo(wanted, left = viewer.clientWidth / 2, top = viewer.clientHeight / 2) {
  const before = scale();
  const smallest = Math.min(fit(), 1);
  const after = Math.max(smallest, Math.min(LARGEST, wanted));
  const from = { x: left - viewer.clientWidth / 2, y: top - viewer.clientHeight / 2 };
  x = from.x - ((from.x - x) * after) / before;
  y = from.y - ((from.y - y) * after) / before;
  zoom = after;
  draw();
}

function zoomToFit() {
  zoom = null;
  draw();
}

function at(event) {
  const box = viewer.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

const spread = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
const middle = ([a, b]) => at({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });

viewer.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    zoomTo(scale() * Math.exp(-event.deltaY / 400), ...at(event));
  },
  { passive: false },
);

viewer.addEventListener("pointerdown", (event) => {
  viewer.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, event);
  const isAlone = pointers.size === 1 && event.pointerType === "touch" && !viewer.hasAttribute("data-can-pan");
  swipe = isAlone ? event : null;
});

viewer.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const before = Array.from(pointers.values());
  pointers.set(event.pointerId, event);
  const now = Array.from(pointers.values());
  if (now.length === 2) {
    zoomTo((scale() * spread(now)) / spread(before), ...middle(now));
  } else {
    x += event.clientX - last.clientX;
    y += event.clientY - last.clientY;
    draw();
  }
});

for (const end of ["pointerup", "pointercancel"]) {
  viewer.addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    const far = swipe && end === "pointerup" ? event.clientX - swipe.clientX : 0;
    swipe = null;
    if (Math.abs(far) > SWIPE) viewer.dispatchEvent(new CustomEvent("viewer:swipe", { bubbles: true, detail: Math.sign(far) }));
  });
}

viewer.addEventListener("dblclick", (event) => (zoom === null ? zoomTo(Math.max(1, 2 * fit()), ...at(event)) : zoomToFit()));
image.addEventListener("dragstart", (event) => event.preventDefault());
group.querySelector("[data-fit]").addEventListener("click", zoomToFit);
group.querySelector("[data-full]").addEventListener("click", () => zoomTo(1));
group.querySelector("[data-in]").addEventListener("click", () => zoomTo(scale() * STEP));
group.querySelector("[data-out]").addEventListener("click", () => zoomTo(scale() / STEP));
new ResizeObserver(draw).observe(viewer);

viewer.setAttribute("data-live", "");
draw();
