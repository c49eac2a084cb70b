// Markup: <body data-socket="PATH" data-poll="URL">. Tells the page what the server says, as events on the document:
// "live:message" (detail: one message) and "live:preview" (detail: {job, jpeg}). Comes after the modules that listen.

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
const POLL_INTERVAL = 2_000;
const UUID_BYTES = 16;
const HEADER_BYTES = 20;

const { socket: path, poll: pollUrl } = document.body.dataset;
const newest = new Map(); // job id -> the highest sequence number seen
let delay = FIRST_DELAY;
let polling = null;

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function isOld(job, seq) {
  if (seq < (newest.get(job) ?? 0)) return true;
  newest.set(job, seq);
  return false;
}

function receive(message, socket) {
  if (message.type === "ping") return socket.send(JSON.stringify({ type: "pong" }));
  if (message.job && isOld(message.job, message.seq)) return;
  for (const state of message.jobs ?? []) isOld(state.job, state.seq);
  tell("live:message", message);
}

function receivePreview(buffer) {
  const hex = Array.from(new Uint8Array(buffer, 0, UUID_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const job = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const seq = new DataView(buffer).getUint32(UUID_BYTES);
  if (isOld(job, seq)) return;
  tell("live:preview", { job, jpeg: new Blob([buffer.slice(HEADER_BYTES)], { type: "image/jpeg" }) });
}

function connect() {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    delay = FIRST_DELAY;
    clearInterval(polling);
    polling = null;
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") receive(JSON.parse(data), socket);
    else receivePreview(data);
  });
  socket.addEventListener("close", () => {
    polling ??= setInterval(poll, POLL_INTERVAL);
    setTimeout(connect, delay * (0.5 + Math.random()));
    delay = Math.min(2 * delay, LONGEST_DELAY);
  });
}

async function poll() {
  if (document.hidden) return;
  try {
    const response = await fetch(pollUrl, { headers: { Accept: "application/json" } });
    if (response.ok && !response.redirected) receive({ type: "jobs.snapshot", ...(await response.json()) });
  } catch {
    // The network is still away; the next turn asks again.
  }
}

connect();
