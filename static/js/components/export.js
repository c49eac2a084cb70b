// Markup: [data-export="URL"], whose first element has data-active="yes" while an export is being made. Polls its progress.

const INTERVAL = 1_500;
const holder = document.querySelector("[data-export]");
const isActive = () => holder.firstElementChild.dataset.active === "yes";

async function refresh() {
  const response = await fetch(holder.dataset.export).catch(() => null);
  if (response?.ok && !response.redirected) holder.innerHTML = await response.text();
  watch();
}

function watch() {
  if (isActive()) setTimeout(refresh, INTERVAL);
}

watch();
