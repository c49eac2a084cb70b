// Markup: [data-balance] with the words for a time (data-minutes, data-seconds), and [data-strip="URL"], the strip of active jobs.

const balance = document.querySelector("[data-balance]");
const strip = document.querySelector("[data-strip]");

function showBalance(ms) {
  const seconds = Math.floor(ms / 1000);
  const { minutes: long, seconds: short } = balance.dataset;
  balance.textContent =
    seconds < 60
      ? short.replace("{seconds}", `${seconds}.${Math.floor((ms % 1000) / 100)}`)
      : long.replace("{minutes}", Math.floor(seconds / 60)).replace("{seconds}", seconds % 60);
}

async function refreshStrip() {
  const response = await fetch(strip.dataset.strip).catch(() => null);
  if (response?.ok && !response.redirected) strip.innerHTML = await response.text();
}

function stripDiffers(jobs) {
  const shown = Array.from(strip.querySelectorAll("[data-job]"), ({ dataset }) => `${dataset.job} ${dataset.status}`);
  return shown.join() !== jobs.map(({ job, status }) => `${job} ${status}`).join();
}

document.addEventListener("live:message", ({ detail: message }) => {
  if ("balance_ms" in message) showBalance(message.balance_ms);
  if (message.type === "job.status") refreshStrip();
  if (message.type === "jobs.snapshot" && stripDiffers(message.jobs)) refreshStrip();
});
