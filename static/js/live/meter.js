// Markup: [data-balance] with the words for a time (data-minutes, data-seconds); [data-held] with the words for held time (data-held);
// [data-explanation="URL"], a popover with an element [data-left-ms][data-held-ms]; [data-strip="URL"], the strip of active jobs.

const SETTLED = 1_000; // after the last message: those of several jobs may arrive in any order

const balance = document.querySelector("[data-balance]");
const held = document.querySelector("[data-held]");
const explanation = document.querySelector("[data-explanation]");
const strip = document.querySelector("[data-strip]");
let timer = null;

function words(ms) {
  const seconds = Math.floor(ms / 1000);
  const { minutes: long, seconds: short } = balance.dataset;
  return seconds < 60
    ? short.replace("{seconds}", `${seconds}.${Math.floor((ms % 1000) / 100)}`)
    : long.replace("{minutes}", Math.floor(seconds / 60)).replace("{seconds}", seconds % 60);
}

function show(leftMs, heldMs) {
  balance.textContent = words(leftMs);
  held.textContent = held.dataset.held.replace("{time}", words(heldMs));
  held.hidden = heldMs === 0;
}

async function explain() {
  const response = await fetch(explanation.dataset.explanation).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const fresh = template.content.querySelector("[data-left-ms]");
  show(Number(fresh.dataset.leftMs), Number(fresh.dataset.heldMs));
  // Replacing it would take the keyboard focus away.
  if (!explanation.contains(document.activeElement)) explanation.replaceChildren(fresh);
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
  if ("balance_ms" in message) show(message.balance_ms, message.held_ms);
  if (message.type === "job.status") {
    refreshStrip();
    clearTimeout(timer);
    timer = setTimeout(explain, SETTLED);
  }
  if (message.type === "jobs.snapshot" && stripDiffers(message.jobs)) refreshStrip();
});

explanation.addEventListener("toggle", ({ newState }) => newState === "open" && explain());
