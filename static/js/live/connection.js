// Markup: <body data-socket="PATH" data-poll="URL">. Dispatches the server's messages on the document: "live:message" (detail: one message)
// and "live:preview" (detail: {job, jpeg}). Load it after the modules that listen.

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
const POLL_INTERVAL = 2_000;
const HEARTBEAT = 10_000; // the longest silence of a working server
const UUID_BYTES = 16;
const HEADER_BYTES = 20;

const { socket: path, poll: pollUrl } = document.body.dataset;
const newest = new Map(); // job id -> the highest sequence number seen
const newestPreview = new Map();
let delay = FIRST_DELAY;
let polling = null;
let retry = null;
let current = null;
let heard = performance.now();

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function isOld(seen, job, seq) {
  if (seq < (seen.get(job) ?? 0)) return true;
  seen.set(job, seq);
  return false;
}

function receive(message) {
  if (message.type === "ping") return;
  if (message.job && isOld(newest, message.job, message.seq)) return;
  // A message may overtake the snapshot: then the snapshot is older for that job.
  const jobs = message.jobs?.filter(({ job, seq }) => !isOld(newest, job, seq));
  tell("live:message", jobs ? { ...message, fresh: jobs } : message);
}

function receivePreview(buffer) {
  const hex = Array.from(new Uint8Array(buffer, 0, UUID_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const job = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const seq = new DataView(buffer).getUint32(UUID_BYTES);
  if (isOld(newestPreview, job, seq)) return;
  tell("live:preview", { job, jpeg: new Blob([buffer.slice(HEADER_BYTES)], { type: "image/jpeg" }) });
}

function connect() {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  clearTimeout(retry);
  current = socket;
  heard = performance.now();
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    delay = FIRST_DELAY;
    clearInterval(polling);
    polling = null;
  });
  socket.addEventListener("message", ({ data }) => {
    heard = performance.now();
    if (typeof data === "string") receive(JSON.parse(data));
    else receivePreview(data);
  });
  socket.addEventListener("close", () => {
    if (socket !== current) return;
    polling ??= setInterval(poll, POLL_INTERVAL);
    retry = setTimeout(connect, delay * (0.5 + Math.random()));
    delay = Math.min(2 * delay, LONGEST_DELAY);
  });
}

// After sleep or a change of network, a connection may be dead while the browser still calls it open.
function reconnect() {
  const old = current;
  connect();
  old.close();
  poll();
}

async function poll() {
  if (document.hidden) return;
  try {
    const response = await fetch(pollUrl, { headers: { Accept: "application/json" } });
    if (response.ok && !response.redirected) receive({ type: "jobs.snapshot", ...(await response.json()) });
  } catch {
    // The network is still down; the next interval tries again.
  }
}

connect();
window.addEventListener("online", reconnect);
document.addEventListener("visibilitychange", () => !document.hidden && polling && poll());
setInterval(() => {
  if (current.readyState === WebSocket.OPEN && performance.now() - heard > 2.5 * HEARTBEAT) reconnect();
}, HEARTBEAT);
