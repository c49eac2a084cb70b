// Markup: [data-pictures] with the words data-more-one and data-more-many, a list whose last item may hold a[data-more], the link to the
// next page, which is loaded when it scrolls into view; [data-said], which announces the new pictures; form[data-filters].

const KEPT = "gallery:";
const MOST_PAGES = 20;

const list = document.querySelector("[data-pictures]");
const said = document.querySelector("[data-said]");

const tiles = () => list.querySelectorAll("[data-image]").length;

async function load(link) {
  link.setAttribute("aria-busy", "true");
  const response = await fetch(link.href, { headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!response?.ok || response.redirected) return link.removeAttribute("aria-busy");
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const hadFocus = document.activeElement === link;
  const first = template.content.querySelector("a");
  const more = template.content.querySelectorAll("[data-image]").length;
  link.closest("li").replaceWith(template.content);
  if (hadFocus) first?.focus();
  const { moreOne, moreMany } = list.dataset;
  if (said && !said.childElementCount) said.textContent = (more === 1 ? moreOne : moreMany).replace("{n}", more);
  list.dispatchEvent(new CustomEvent("gallery:more"));
  watch();
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        observer.unobserve(target);
        load(target);
      }
    }
  },
  { rootMargin: "600px" },
);

function watch() {
  const link = list?.querySelector("[data-more]");
  if (link) observer.observe(link);
}

// Remembers the scroll position, for the way back from a picture.
function keep() {
  sessionStorage.setItem(KEPT + location.href, JSON.stringify({ tiles: tiles(), top: window.scrollY }));
}

async function restore() {
  const [navigation] = performance.getEntriesByType("navigation");
  const isBack = navigation?.type === "back_forward" || sessionStorage.getItem("gallery-back");
  const kept = JSON.parse(sessionStorage.getItem(KEPT + location.href) ?? "null");
  sessionStorage.removeItem("gallery-back");
  if (!isBack || !kept) return;
  for (let page = 0; page < MOST_PAGES && tiles() < kept.tiles; page += 1) {
    const link = list.querySelector("[data-more]");
    if (!link) break;
    observer.unobserve(link);
    await load(link);
  }
  window.scrollTo({ top: kept.top, behavior: "instant" });
}

if (list) {
  list.addEventListener("click", (event) => {
    const link = event.target.closest("[data-more]");
    if (!link) return;
    event.preventDefault();
    load(link);
  });
  window.addEventListener("pagehide", keep);
  restore().then(watch);
}

document.querySelector("[data-filters]")?.addEventListener("change", (event) => {
  if (event.target.matches("select, [type=checkbox], [type=date]")) event.currentTarget.requestSubmit();
});
