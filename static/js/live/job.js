// Markup: any number of [data-job="ID"][data-status], in cards ([data-card="URL"]) and in the strip. Optional inside: [data-step],
// progress[data-progress], [data-phase], [data-billed], [data-free], img[data-preview], [data-placeholder], form[data-cancel]. A card has
// the words for each phase (data-loading ...) and for a time (data-seconds, data-minutes). It is fetched again when its job changes.

const QUEUE_INTERVAL = 5_000;
const PARKED_INTERVAL = 60_000;
const previews = new Map(); // job id -> object URL of its newest preview

const views = (job) => document.querySelectorAll(`[data-job="${CSS.escape(job)}"]`);
const isActive = (view) => ["parked", "queued", "running"].includes(view.dataset.status);

// In the words of a card. The server measures: a clock of the page's own would run on while nothing is billed.
function time({ dataset }, ms) {
  const seconds = Math.floor(ms / 1000);
  return seconds < 60
    ? dataset.seconds.replace("{seconds}", `${seconds}.${Math.floor((ms % 1000) / 100)}`)
    : dataset.minutes.replace("{minutes}", Math.floor(seconds / 60)).replace("{seconds}", seconds % 60);
}

function show(job, { step, phase, billed_ms: billed = 0, free_ms: free = 0 }) {
  for (const view of views(job)) {
    for (const element of view.querySelectorAll("[data-step]")) element.textContent = step;
    for (const bar of view.querySelectorAll("[data-progress]")) bar.value = step;
    for (const element of view.querySelectorAll("[data-phase]")) element.textContent = view.dataset[phase] ?? "";
    for (const element of view.querySelectorAll("[data-billed]")) element.textContent = time(view, billed);
    for (const element of view.querySelectorAll("[data-free]")) element.textContent = time(view, free);
  }
}

function showPreview(job) {
  const url = previews.get(job);
  if (!url) return;
  for (const view of views(job)) {
    const image = view.querySelector("[data-preview]");
    if (!image) continue;
    image.src = url;
    image.hidden = false;
    view.querySelector("[data-placeholder]")?.remove();
  }
}

async function refresh(card) {
  const response = await fetch(card.dataset.card);
  if (!response.ok || response.redirected || !card.isConnected) return;
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const fresh = template.content.querySelector("[data-job]");
  const focused = card.contains(document.activeElement);
  card.replaceWith(fresh);
  if (focused) fresh.querySelector("a, button")?.focus();
  if (isActive(fresh)) showPreview(fresh.dataset.job);
  else forgetPreview(fresh);
}

function forgetPreview(card) {
  const { job, status } = card.dataset;
  if (previews.has(job)) URL.revokeObjectURL(previews.get(job));
  previews.delete(job);
  card.dispatchEvent(new CustomEvent("job:final", { bubbles: true, detail: { job, status } }));
}

const refreshCards = (cards) => Promise.allSettled(Array.from(cards, refresh));
const activeCards = () => Array.from(document.querySelectorAll("[data-card]")).filter(isActive);

document.addEventListener("live:message", ({ detail: message }) => {
  if (message.type === "job.progress") show(message.job, message);
  if (message.type === "job.status") refreshCards(document.querySelectorAll(`[data-card][data-job="${CSS.escape(message.job)}"]`));
  if (message.type === "jobs.snapshot") {
    const states = new Map(message.jobs.map((state) => [state.job, state]));
    // These changed while the connection was down.
    refreshCards(activeCards().filter(({ dataset }) => states.get(dataset.job)?.status !== dataset.status));
    for (const state of message.fresh) if (state.phase) show(state.job, state);
  }
});

document.addEventListener("live:preview", ({ detail: { job, jpeg } }) => {
  const last = previews.get(job);
  previews.set(job, URL.createObjectURL(jpeg));
  showPreview(job);
  if (last) URL.revokeObjectURL(last);
});

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("form[data-cancel]")) return;
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  const response = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
  if (!response?.ok) button.disabled = false;
});

// The position in the queue changes as other jobs finish or join.
setInterval(() => refreshCards(activeCards().filter(({ dataset }) => dataset.status === "queued")), QUEUE_INTERVAL);
// Minutes bought on another page send no message to this one.
setInterval(() => refreshCards(activeCards().filter(({ dataset }) => dataset.status === "parked")), PARKED_INTERVAL);
