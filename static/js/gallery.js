// Markup: .pictures, a list whose last item may hold a[data-more], the link to the next page. Loads it as one gets there.

const list = document.querySelector(".pictures");

async function load(link) {
  link.setAttribute("aria-busy", "true");
  const response = await fetch(link.href, { headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!response?.ok || response.redirected) return link.removeAttribute("aria-busy");
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const hadFocus = document.activeElement === link;
  const first = template.content.querySelector("a");
  link.closest("li").replaceWith(template.content);
  if (hadFocus) first?.focus();
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

list?.addEventListener("click", (event) => {
  const link = event.target.closest("[data-more]");
  if (!link) return;
  event.preventDefault();
  load(link);
});

watch();
