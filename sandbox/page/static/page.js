// Starts everything; who you are, theme, time zone, the first steps.
import { watchActs } from "./acts.js";
import { watchComposer, write } from "./composer.js";
import { follow, refresh, watchScroll, watchThreads } from "./live.js";
import { watchModals } from "./modal.js";
import { scenario, watchPanel } from "./panel.js";
import { all, cookie, find, me, toast } from "./talk.js";

function tellZone() {
  const { timeZone, hour12 } = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions();
  const before = document.cookie;
  cookie("tz", timeZone);
  cookie("clock", hour12 ? "12" : "24");
  if (document.cookie !== before) refresh();
}

function watchChrome() {
  find("#user").addEventListener("change", (event) => {
    const query = new URLSearchParams({ user: event.target.value });
    if (me.view === "home") query.set("view", "home");
    location.assign(`/?${query}`);
  });
  find("#theme").addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("color-scheme") === "dark" ||
      (document.documentElement.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    cookie("theme", dark ? "light" : "dark");
  });
  const narrow = matchMedia("(max-width: 1100px)");
  find("#show-panel").addEventListener("click", () => {
    showPanel(getComputedStyle(find("#panel")).display === "none");
  });
  find("#hide-panel").addEventListener("click", () => showPanel(false));
  find("#show-side").addEventListener("click", () => document.body.classList.toggle("side-wanted"));
  if (localStorage.getItem("no-panel") === "1" && !narrow.matches) document.body.classList.add("no-panel");
  function showPanel(on) {
    document.body.classList.toggle("panel-wanted", on);
    document.body.classList.toggle("no-panel", !on && !narrow.matches);
    localStorage.setItem("no-panel", on ? "0" : "1");
    refresh();
  }
  document.addEventListener("click", (event) => {
    for (const open of all("details.many[open]")) if (!open.contains(event.target)) open.open = false;
    if (!event.target.closest("#side, #show-side")) document.body.classList.remove("side-wanted");
  });
}

function watchFirstSteps() {
  const note = find("#first");
  note.hidden = localStorage.getItem("first-steps") === "seen";
  const show = (on) => {
    note.hidden = !on;
    localStorage.setItem("first-steps", on ? "shown" : "seen");
  };
  find("#show-first").addEventListener("click", () => show(note.hidden));
  note.addEventListener("click", async (event) => {
    const what = event.target.closest("[data-first]")?.dataset.first;
    if (what === "close") show(false);
    if (what === "plan" && find("#composer")) write(find("#composer"), "/trailwatch setup plan");
    if (what === "root") {
      const named = all("[data-scenario]").find((b) => /root/i.test(b.dataset.scenario + b.textContent));
      try {
        if (named) await scenario(named.dataset.scenario);
        else toast("No scenario signs in as root.");
      } catch (error) {
        toast(error.message);
      }
    }
  });
}

async function openHome() {
  if (me.view !== "home") return;
  const response = await fetch(`/api/home?${new URLSearchParams({ user: me.user })}`).catch(() => null);
  if (response && !response.ok) toast((await response.json()).error);
  refresh();
}

watchChrome();
watchFirstSteps();
watchScroll();
watchThreads();
watchActs();
watchModals();
watchComposer();
watchPanel();
follow();
tellZone();
openHome();
