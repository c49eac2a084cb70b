// Markup: the strip of active jobs ([data-strip]) with items [data-job][data-status] and [data-notify], around a button, whose words are
// data-done and data-failed. Counts active jobs in the page's title, and shows a notification for a job that ends while the tab is hidden.

const title = document.title;
const strip = document.querySelector("[data-strip]");
const active = new Set();
let ended = 0; // while the tab was hidden
let words = null; // kept: the strip disappears with its last job

function showTitle() {
  const count = document.hidden && ended ? `✓${ended}` : active.size;
  document.title = count ? `(${count}) ${title}` : title;
}

function end(job, status) {
  if (!active.delete(job) || !document.hidden) return;
  ended += 1;
  if (!("Notification" in window) || Notification.permission !== "granted" || status === "canceled") return;
  const note = new Notification(status === "succeeded" ? words.done : words.failed, { tag: job, icon: document.querySelector("link[rel=icon]").href });
  note.addEventListener("click", () => {
    window.focus();
    location.assign(`/jobs/${job}/`);
  });
}

function offer() {
  const place = strip.querySelector("[data-notify]");
  if (!place) return;
  words = { ...place.dataset };
  place.hidden = !("Notification" in window) || Notification.permission !== "default";
}

strip.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-notify]")) return;
  await Notification.requestPermission();
  offer();
});

document.addEventListener("live:message", ({ detail: message }) => {
  if (message.type === "jobs.snapshot") {
    const now = new Set(message.jobs.map(({ job }) => job));
    for (const job of active) if (!now.has(job)) end(job, "succeeded");
    for (const job of now) active.add(job);
  }
  if (message.type === "job.status") {
    if (["queued", "running"].includes(message.status)) active.add(message.job);
    else end(message.job, message.status);
  }
  showTitle();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ended = 0;
  showTitle();
});

new MutationObserver(offer).observe(strip, { childList: true });
for (const { dataset } of strip.querySelectorAll("[data-job]")) active.add(dataset.job);
offer();
showTitle();
