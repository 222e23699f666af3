// The panel beside the channel: scenarios, the trail, files, the on-call service's alerts, faults.
import { whenChanged } from "./live.js";
import { all, find, post, toast } from "./talk.js";

export function watchPanel() {
  const panel = find("#panel");
  panel.addEventListener("click", onClick);
  const drop = find("#drop");
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  drop.addEventListener("drop", (event) => feed(event.dataTransfer.files));
  find("#file").addEventListener("change", (event) => { feed([...event.target.files]); event.target.value = ""; });
  whenChanged(alerts);
  setInterval(alerts, 3000);
  alerts();
}

function onClick(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const data = button.dataset;
  if (data.scenario) act(button, () => scenario(data.scenario));
  if (data.trail) act(button, () => trail(data.trail === "true"));
  if (data.og) act(button, () => inOpsgenie(button, data.og));
  if (data.fault) act(button, () => fault(button));
  if ("faultClear" in data) act(button, mend);
}

async function act(button, what) {
  button.setAttribute("aria-busy", "true");
  try {
    await what();
  } catch (error) {
    toast(error.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

const tell = (box, text, kind = "") => {
  const line = document.createElement("div");
  line.className = kind;
  line.textContent = text;
  find(box).replaceChildren(line);
};

export async function scenario(name) {
  const site = find("#site")?.value || "";
  const answer = await post("/api/scenario", { name, site });
  const title = find(`[data-scenario="${CSS.escape(name)}"] b`)?.textContent || name;
  report(title, answer);
}

async function trail(logging) {
  await post("/api/trail", { logging });
  tell("#happened", logging ? "The trail logs again." : "The trail was stopped.", "good");
}

async function feed(files) {
  const keep = find("#keep-time").checked ? "keep" : "now";
  for (const file of files) {
    try {
      report(file.name, await post(`/api/records?time=${keep}`, file, { "Content-Type": "application/octet-stream" }));
    } catch (error) {
      tell("#happened", `${file.name}: ${error.message}`, "bad");
    }
  }
}

function report(title, answer) {
  const count = (n) => `${n} record${n === 1 ? "" : "s"}`;
  const rejected = answer.rejected || [];
  if (answer.accepted && answer.recorded === false) {
    tell("#happened", `${title}: the trail is stopped: not recorded`, "bad");
  } else {
    tell("#happened", answer.accepted === undefined ? `${title}: ${answer.done || "done"}.` : `${title}: ${count(answer.accepted)} accepted`, "good");
  }
  if (answer.matched && answer.recorded !== false) {
    const found = answer.matched.length ? `matched by ${answer.matched.join(", ")}` : "no metric filter matches: apply a plan, or one with a pack that watches this";
    find("#happened").append(Object.assign(document.createElement("div"), { className: "faint", textContent: found }));
  }
  if (!rejected.length) return;
  const list = document.createElement("ul");
  for (const { line, why } of rejected.slice(0, 50)) list.append(item(`line ${line}: ${why}`));
  if (rejected.length > 50) list.append(item(`… and ${rejected.length - 50} more`));
  const head = document.createElement("div");
  head.className = "bad";
  head.textContent = `${count(rejected.length)} rejected`;
  find("#happened").append(head, list);
}

function item(text) {
  const li = document.createElement("li");
  li.textContent = text;
  return li;
}

async function alerts() {
  const box = find("#alerts");
  if (document.hidden || !find("#panel").getClientRects().length) return;
  const response = await fetch("/api/opsgenie/alerts").catch(() => null);
  if (!response?.ok) return;
  const found = await response.json();
  const text = JSON.stringify(found);
  // What somebody is typing or choosing stays; the next look shows the rest.
  if (box.dataset.shown === text || box.querySelector("input:focus, select:focus")) return;
  const kept = new Map(all("[data-alert]", box).map((li) => [li.dataset.alert, li]));
  box.dataset.shown = text;
  const open = found.filter((alert) => alert.status !== "closed");
  find("#alert-count").textContent = open.length || "";
  if (found.length) find("#service").hidden = false;
  box.replaceChildren(...found.slice(0, 30).map((alert) => card(alert, kept.get(alert.id))));
  if (!found.length) box.append(item("No alerts yet."));
}

function card(alert, before) {
  const li = find("#alert-item").content.cloneNode(true).firstElementChild;
  const state = alert.status === "closed" ? "closed" : alert.snoozed ? "snoozed" : alert.acknowledged ? "acknowledged" : "open";
  li.dataset.alert = alert.id;
  find("b", li).textContent = alert.message;
  find(".state", li).textContent = state;
  find(".state", li).classList.add(state);
  const facts = [alert.tinyId && `#${alert.tinyId}`, alert.priority, alert.count > 1 && `${alert.count} times`, alert.owner];
  find("small", li).textContent = facts.filter(Boolean).join(" · ");
  find("[data-og='acknowledge']", li).hidden = alert.acknowledged || state === "closed";
  find("[data-og='unacknowledge']", li).hidden = !alert.acknowledged || state === "closed";
  find("[data-og='close']", li).hidden = state === "closed";
  if (before) {
    find(".answer", li).open = find(".answer", before).open;
    for (const field of all("[data-of]", before)) find(`[data-of="${field.dataset.of}"]`, li).value = field.value;
  }
  return li;
}

async function inOpsgenie(button, action) {
  const li = button.closest("[data-alert]");
  const field = find(`[data-of="${action}"]`, li);
  const body = { user: find("#colleague").value };
  if (action === "notes") body.note = field.value.trim();
  if (action === "snooze") body.endTime = new Date(Date.now() + Number(field.value) * 3600e3).toISOString();
  if (action === "assign") body.owner = { username: field.value };
  await post(`/api/opsgenie/alerts/${encodeURIComponent(li.dataset.alert)}/${action}`, body);
  if (action === "notes") field.value = "";
  await alerts();
}

async function fault(button) {
  await post("/api/faults", JSON.parse(button.dataset.fault));
  find("#broken").append(Object.assign(document.createElement("div"), { textContent: `${button.textContent}: set.` }));
}

async function mend() {
  await fetch("/api/faults", { method: "DELETE", headers: { "X-Sandbox": "1" } });
  tell("#broken", "Nothing is broken any more.", "good");
}
