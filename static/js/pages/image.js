// Markup: [data-picture] with links [data-newer], [data-older], [data-back], [data-download]; form[data-favourite] with a toggle button;
// form[data-delete]; [data-zoom] as in components/zoom.js, with [data-help]; dialog[data-keys] with [data-keys-on]; [data-said].

const LETTERS = "single-letter-keys";

const page = document.querySelector("[data-picture]");
const dialog = page.querySelector("[data-keys]");
const said = page.querySelector("[data-said]");
const favourite = page.querySelector("[data-favourite]");
const lettersOn = page.querySelector("[data-keys-on]");

const press = (selector) => page.querySelector(selector)?.click();

// Replaces the history entry: the back button leads to the gallery, not through all neighbors.
function turn(link) {
  if (link) location.replace(link.href);
}

for (const link of page.querySelectorAll("[data-newer], [data-older]")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    turn(link);
  });
}

page.querySelector("[data-back]").addEventListener("click", () => sessionStorage.setItem("gallery-back", "1"));
page.addEventListener("viewer:swipe", ({ detail }) => turn(page.querySelector(detail > 0 ? "[data-newer]" : "[data-older]")));

favourite.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = favourite.querySelector("button");
  const options = { method: "POST", body: new FormData(favourite, button), headers: { "X-Fragment": "1" } };
  const response = await fetch(favourite.action, options).catch(() => null);
  if (!response?.ok || response.redirected) return location.reload();
  const isOn = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(isOn));
  button.name = isOn ? "off" : "";
  button.value = isOn ? "1" : "";
  said.textContent = await response.text();
  said.classList.add("shown");
  setTimeout(() => said.classList.remove("shown"), 3_000);
});

const letters = {
  f: () => favourite.requestSubmit(favourite.querySelector("button")),
  d: () => press("[data-download]"),
  "?": () => dialog.showModal(),
  "+": () => press("[data-in]"),
  "=": () => press("[data-in]"),
  "-": () => press("[data-out]"),
  0: () => press("[data-fit]"),
  1: () => press("[data-full]"),
};
const keys = {
  ArrowLeft: () => turn(page.querySelector("[data-newer]")),
  ArrowRight: () => turn(page.querySelector("[data-older]")),
  Delete: () => page.querySelector("[data-delete]").requestSubmit(),
  Escape: () => press("[data-back]"),
};

document.addEventListener("keydown", (event) => {
  if (dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const act = keys[event.key] ?? (lettersOn.checked ? letters[event.key.toLowerCase()] : null);
  if (!act) return;
  event.preventDefault();
  act();
});

page.querySelector("[data-help]").addEventListener("click", () => dialog.showModal());
lettersOn.checked = localStorage.getItem(LETTERS) !== "off";
lettersOn.addEventListener("change", () => localStorage.setItem(LETTERS, lettersOn.checked ? "on" : "off"));
