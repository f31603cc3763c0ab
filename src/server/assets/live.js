// Keeps an open page up to date. Without this script the page works all the same; it is then fetched anew now and then.

const address = document.body.dataset.events;
const connection = document.getElementById("connection");
const pause = document.getElementById("pause");
const lost = document.getElementById("lost");
const message = document.getElementById("message");
const waiting = new Map();
let isPaused = false;
let refreshTimer;
let announceAt = 0;
let lostAt;
let lostTimer;
/** What the tab was called before the bot was lost. */
let titleBefore;

for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

/** Puts a new element in an old one's place; what was focused and unfolded stays so. */
function replace(old, fresh) {
  reveal(fresh);
  const focusable = "a, button, input, select, summary";
  const focused = [...old.querySelectorAll(focusable)].indexOf(document.activeElement);
  const unfolded = [...old.querySelectorAll("details")].map((details) => details.open);
  for (const [index, details] of fresh.querySelectorAll("details").entries()) details.open ||= unfolded[index] ?? false;
  old.replaceWith(fresh);
  if (focused >= 0) focusNear(focused, [...fresh.querySelectorAll(focusable)]);
}

/** Focuses what stands at a place, else the nearest before it: what is folded away takes no focus. */
function focusNear(place, elements) {
  for (const element of [...elements.slice(0, place + 1).reverse(), document.getElementById("main")]) {
    element.focus({ preventScroll: true });
    if (document.activeElement === element) return;
  }
}

function reveal(element) {
  for (const hidden of element.querySelectorAll("[data-needs-script]")) hidden.hidden = false;
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function showRow({ id, html, fits }) {
  const old = document.getElementById(id);
  const body = document.querySelector("#jobs tbody");
  if (!body || (!old && !fits)) return;
  const row = parse(html);
  row.classList.add("changed");
  if (old) return replace(old, row);
  reveal(row);
  body.prepend(row);
  body.closest("table").hidden = false;
  document.querySelector("#jobs .empty")?.remove();
  while (body.rows.length > 50) body.lastElementChild.remove();
}

function showOverview({ html, line, title }) {
  const old = document.getElementById("overview");
  if (old) replace(old, parse(html));
  if (old) document.title = title;
  announce(line);
}

/** Read aloud where someone listens, so not more often than one can hear. */
function announce(line) {
  const element = document.getElementById("line");
  if (!element || element.textContent === line || Date.now() < announceAt) return;
  announceAt = Date.now() + 10_000;
  element.textContent = line;
}

/** Fetches the page anew: more changed than was told, or the stream was away for too long. */
function refreshSoon(delay) {
  if (refreshTimer !== undefined) return;
  refreshTimer = setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The stream connects again by itself, and asks for this again then.
    } finally {
      refreshTimer = undefined;
    }
  }, delay);
}

function takeOver(page) {
  document.body.dataset.formToken = page.body.dataset.formToken ?? "";
  for (const id of ["overview", "jobs", "job"]) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (old && fresh) replace(old, fresh);
  }
}

function tell(name, data) {
  if (isPaused) {
    waiting.set(data.id ?? name, [name, data]);
    showPause();
  } else if (name === "row") showRow(data);
  else if (name === "overview") showOverview(data);
  else refreshSoon(address.includes("job=") ? 100 : 1_000 + Math.random() * 4_000);
}

function showPause() {
  const rows = [...waiting.values()].filter(([name]) => name !== "overview").length;
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.firstElementChild.textContent = isPaused ? `Resume${rows > 0 ? ` ${rows}` : ""}` : "Pause";
}

function showConnection(state, words) {
  connection.dataset.state = state;
  connection.textContent = words;
}

/** A bot that is gone for a moment, as when it restarts, is not worth a banner. */
function showLost() {
  lostAt ??= Date.now();
  lostTimer ??= setTimeout(() => {
    const time = new Date(lostAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    lost.textContent = `Not connected to the bot since ${time}. What you see is old.`;
    lost.hidden = false;
    document.body.classList.add("old");
    titleBefore = document.title;
    document.title = "▲ Not connected · build-watcher";
  }, 3_000);
}

function showFound() {
  clearTimeout(lostTimer);
  lostAt = undefined;
  lostTimer = undefined;
  lost.hidden = true;
  document.body.classList.remove("old");
  if (titleBefore !== undefined) document.title = titleBefore;
  titleBefore = undefined;
}

function connect() {
  const source = new EventSource(address);
  source.onopen = () => {
    showConnection("live", "page connected");
    showFound();
  };
  source.onerror = () => {
    showConnection("lost", "reconnecting");
    showLost();
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, 30_000);
    refreshSoon(1_000);
  };
  for (const name of ["row", "overview", "refresh"]) {
    source.addEventListener(name, (event) => tell(name, JSON.parse(event.data)));
  }
  addEventListener("pagehide", () => source.close(), { once: true });
}

/** Presses a button of the page without leaving it. */
async function submit(form) {
  // A disabled button would lose the focus.
  if (form.ariaBusy === "true") return;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  form.ariaBusy = "true";
  try {
    const headers = { accept: "application/json", "x-form-token": document.body.dataset.formToken };
    const answer = await fetch(form.action, { method: "POST", headers });
    if (!answer.ok) throw new Error((await answer.json()).error);
    showMessage("");
    if (form.dataset.confirm || isPaused || connection.dataset.state !== "live") refreshSoon(0);
  } catch (error) {
    showMessage(`That did not work: ${error.message}`);
  } finally {
    form.ariaBusy = "false";
  }
}

function showMessage(text) {
  message.textContent = text;
  message.hidden = text === "";
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Without a safe connection there is no clipboard; the text is selected for the reader to copy.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    return;
  }
  const words = button.innerHTML;
  button.textContent = "Copied";
  setTimeout(() => {
    button.innerHTML = words;
  }, 1_500);
}

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

function ago(milliseconds) {
  if (milliseconds < 5_000) return "just now";
  const first = units.findIndex(([size]) => milliseconds >= size);
  const [size, name] = units[first];
  const [nextSize, nextName] = units[first + 1] ?? [];
  const amount = Math.floor(milliseconds / size);
  const rest = nextSize ? Math.floor((milliseconds % size) / nextSize) : 0;
  return rest > 0 && amount < 10 ? `${amount} ${name} ${rest} ${nextName} ago` : `${amount} ${name} ago`;
}

function keepTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago(Date.now() - Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time:not([data-local])")) {
    time.title = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "long" });
    time.dataset.local = "";
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.action")) return;
  event.preventDefault();
  submit(event.target);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
pause?.addEventListener("click", () => {
  isPaused = !isPaused;
  const missed = [...waiting.values()];
  waiting.clear();
  showPause();
  if (!isPaused) for (const [name, data] of missed) tell(name, data);
});
if (address) {
  connect();
  keepTimes();
  setInterval(keepTimes, 5_000);
}
