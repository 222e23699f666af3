// The composer: commands and messages, their history, and the hints after a slash.
import { closeThread, refresh, toEnd } from "./live.js";
import { all, find, me, post, toast } from "./talk.js";

const memory = `said-by-${me.user}`;
const past = JSON.parse(localStorage.getItem(memory) || "[]");
let place = past.length;

export function watchComposer() {
  const box = find("#composer");
  if (box) {
    box.addEventListener("keydown", (event) => onKey(event, box));
    box.addEventListener("input", () => { place = past.length; grow(box); hint(box); });
    box.addEventListener("blur", () => { find("#hints").hidden = true; });
    find("#send").addEventListener("click", () => send(box));
    find("#slash").addEventListener("click", () => { write(box, "/"); hint(box); });
    for (const item of hints()) item.addEventListener("mousedown", (event) => { event.preventDefault(); take(box, item); });
    if (!find("#modals [role='dialog']")) box.focus();
  }
  const reply = find("#thread-composer");
  reply.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeThread();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    answer(reply);
  });
  reply.addEventListener("input", () => grow(reply));
  find("[data-send-reply]").addEventListener("click", () => answer(reply));
}

export function write(box, text) {
  box.value = text;
  grow(box);
  box.focus();
  box.setSelectionRange(text.length, text.length);
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 220)}px`;
}

function onKey(event, box) {
  const listed = hints().filter((item) => !item.hidden);
  const open = !find("#hints").hidden && listed.length > 0;
  const now = listed.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (event.isComposing) return;
  if (step && open) {
    event.preventDefault();
    mark(box, listed, now < 0 ? (step > 0 ? 0 : listed.length - 1) : (now + step + listed.length) % listed.length);
  } else if (step && (box.value === "" || place < past.length)) {
    event.preventDefault();
    place = Math.min(Math.max(place + step, 0), past.length);
    write(box, past[place] || "");
  } else if (event.key === "Tab" && open && !event.shiftKey) {
    event.preventDefault();
    take(box, listed[Math.max(now, 0)]);
  } else if (event.key === "Escape" && open) {
    event.preventDefault();
    find("#hints").hidden = true;
  } else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    if (open && now >= 0) take(box, listed[now]);
    else send(box);
  }
}

const hints = () => all("#hints [role='option']");

function hint(box) {
  const typed = box.value.toLowerCase();
  for (const item of hints()) {
    item.hidden = !item.dataset.hint.startsWith(typed) || item.dataset.hint === typed;
    item.setAttribute("aria-selected", "false");
  }
  box.removeAttribute("aria-activedescendant");
  find("#hints").hidden = !typed.startsWith("/") || hints().every((item) => item.hidden);
}

function mark(box, listed, index) {
  listed.forEach((item, i) => item.setAttribute("aria-selected", String(i === index)));
  listed[index].scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", listed[index].id);
}

function take(box, item) {
  write(box, `${item.dataset.hint} `);
  find("#hints").hidden = true;
}

async function send(box) {
  const text = box.value.trim();
  if (!text) return;
  if (text.startsWith("/") && !/^\/trailwatch(\s|$)/.test(text)) {
    toast(`${text.split(/\s/)[0]} is not a valid command. In Slack, all messages that start with the "/" character are interpreted as commands.`);
    return;
  }
  remember(text);
  write(box, "");
  find("#hints").hidden = true;
  toEnd(find("#messages"));
  if (text.startsWith("/")) await command(text);
  else await say(text, null);
}

function remember(text) {
  if (past.at(-1) !== text) past.push(text);
  past.splice(0, past.length - 50);
  place = past.length;
  localStorage.setItem(memory, JSON.stringify(past));
}

async function command(text) {
  const line = find("#underway");
  line.textContent = `${text} … under way`;
  try {
    const rest = text.replace(/^\/trailwatch\s*/, "");
    const answer = await post("/api/command", { user: me.user, channel: me.channel, text: rest });
    line.textContent = answer.error ? `${text} failed: ${answer.error}` : `${text} was acknowledged in ${Math.round(answer.ms)} ms`;
  } catch (error) {
    line.textContent = `${text} failed`;
    toast(error.message);
  }
  refresh();
  setTimeout(() => { if (line.textContent.startsWith(text)) line.textContent = ""; }, 6000);
}

async function say(text, thread) {
  try {
    await post("/page/say", { user: me.user, channel: me.channel, text, thread_ts: thread });
  } catch (error) {
    toast(error.message);
  }
  refresh();
}

async function answer(box) {
  const text = box.value.trim();
  if (!text) return;
  if (/^\/trailwatch(\s|$)/.test(text)) {
    toast("/trailwatch is not supported in threads. Sorry!");
    return;
  }
  write(box, "");
  await say(text, me.thread);
}
