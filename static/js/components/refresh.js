// Markup: [data-refresh="URL"], whose content is fetched again from there as a fragment; button[data-pause], which stops that.

const INTERVAL = 2_000;
const part = document.querySelector("[data-refresh]");
const pause = document.querySelector("[data-pause]");

const isPaused = () => pause.getAttribute("aria-pressed") === "true";

async function refresh() {
  if (document.hidden || isPaused()) return;
  const response = await fetch(part.dataset.refresh, { headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const html = await response.text();
  // It may have been paused meanwhile; and replacing it would take the keyboard focus away.
  if (!isPaused() && !part.contains(document.activeElement)) part.innerHTML = html;
}

pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(!isPaused())));
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, INTERVAL);
