// Keeps the page as the server sees it: an event stream says when, parts of the page say what.
import { morph } from "./morph.js";
import { all, find, me, part, toast } from "./talk.js";

let running = null;
let again = false;
let offline = false;
let last = 60;
const watchers = [];

export const whenChanged = (watcher) => watchers.push(watcher);

export function follow() {
  const stream = new EventSource(`/page/stream?${new URLSearchParams({ user: me.user, after: me.version })}`);
  stream.onmessage = refresh;
  stream.onopen = () => { offline = false; };
  stream.onerror = () => {
    if (!offline) toast("The sandbox does not answer. Trying again…");
    offline = true;
  };
  addEventListener("pagehide", () => stream.close());
  setInterval(refresh, 60_000);
}

// Resolves once the page shows what stood on the server when this was called, or something newer.
export function refresh() {
  if (running) again = true;
  else running = renewAll().finally(() => { running = null; });
  return running;
}

async function renewAll() {
  try {
    do {
      again = false;
      await Promise.all(shown().map(([box, path, query]) => renew(box, path, query)));
      await new Promise((resolve) => setTimeout(resolve, 80));
    } while (again);
  } catch {
    // The stream reports a lost connection; the next event brings the newest state.
  }
  watchers.forEach((watcher) => watcher());
}

function shown() {
  const who = { user: me.user, channel: me.channel };
  const parts = [[find("#modals"), "/page/modal", who]];
  if (me.view === "home") parts.push([find("#home"), "/page/home", who]);
  else parts.push([find("#messages"), "/page/channel", { ...who, last }]);
  if (me.thread) parts.push([find("#replies"), "/page/thread", { ...who, ts: me.thread }]);
  return parts;
}

async function renew(box, path, query) {
  const html = await part(path, query);
  if (query.ts && query.ts !== me.thread) return;
  const atEnd = isAtEnd(box);
  const before = lastKey(box);
  morph(box, html);
  if (!box.classList.contains("scroll") || me.view === "home") return;
  if (atEnd) toEnd(box);
  else if (box.id === "messages" && lastKey(box) !== before) find("#newer").hidden = false;
}

const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 90;
const lastKey = (box) => box.lastElementChild?.dataset.key;

export function toEnd(box) {
  box.scrollTop = box.scrollHeight;
}

export function watchScroll() {
  const box = find("#messages");
  if (!box) return;
  const newer = find("#newer");
  toEnd(box);
  newer.addEventListener("click", () => { toEnd(box); newer.hidden = true; });
  box.addEventListener("scroll", () => { if (isAtEnd(box)) newer.hidden = true; });
  box.addEventListener("click", (event) => {
    if (event.target.closest("[data-older]")) { last += 100; refresh(); }
  });
  // A pane that becomes smaller (a note opens, the composer grows) stays at its end.
  let end = true;
  box.addEventListener("scroll", () => { end = isAtEnd(box); });
  new ResizeObserver(() => { if (end) toEnd(box); }).observe(box);
}

export function watchThreads() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-open-thread], [data-close-thread]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openThread(link.dataset.openThread || "");
    history.replaceState(null, "", link.getAttribute("href"));
  });
}

async function openThread(ts) {
  me.thread = ts;
  document.body.classList.toggle("with-thread", Boolean(ts));
  document.body.classList.remove("panel-wanted");
  const pane = find("#thread");
  const box = find("#replies");
  if (!ts) { pane.hidden = true; box.replaceChildren(); return; }
  morph(box, await part("/page/thread", { user: me.user, channel: me.channel, ts }));
  pane.hidden = false;
  toEnd(box);
  find("#thread-composer").focus();
}

export const closeThread = () => find("[data-close-thread]").click();
export const openMenus = () => all("[data-menu][aria-expanded='true']");
