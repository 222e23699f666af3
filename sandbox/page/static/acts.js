// Buttons, menus and fields of Block Kit: what a person does with them goes to the stand-in.
import { refresh } from "./live.js";
import { all, find, me, post, toast } from "./talk.js";

export function watchActs() {
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("keydown", onKey);
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.("select[data-field='external_select']")) suggest(event.target);
  });
}

function onClick(event) {
  const opener = event.target.closest("[data-menu]");
  closeMenus(opener);
  if (opener) return toggleMenu(opener);
  const target = event.target.closest("[data-act='button'], [data-act='option']");
  if (!target) return undefined;
  const option = target.dataset.optionValue;
  return use(target, option === undefined ? { value: target.dataset.value } : { selected: option });
}

function onChange(event) {
  const many = event.target.closest("details.many");
  if (many) showChosen(many);
  const field = event.target.closest("[data-act='field']");
  if (!field || (event.target.type === "text" && !event.target.dataset.entered)) return;
  use(field, chosen(field));
}

// A list of many shows what is ticked in it.
function showChosen(many) {
  const chips = all("input:checked", many).map((box) => {
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.textContent = box.parentElement.textContent.trim();
    return chip;
  });
  find(".many-text", many).replaceChildren(...(chips.length ? chips : [find(".many-list", many).getAttribute("aria-label")]));
}

function chosen(field) {
  const value = read(field);
  return field.dataset.field.endsWith("_input") ? { value } : { selected: value };
}

async function use(target, what) {
  const place = target.closest("[data-view-id], [data-ts]");
  if (!place || !(await confirmed(target))) return;
  const view = place.dataset.viewId;
  const body = { user: me.user, ts: view || place.dataset.ts, action_id: target.dataset.actionId, ...what };
  if (target.dataset.blockId) body.block_id = target.dataset.blockId;
  if (view) body.values = values(place);
  target.setAttribute("aria-busy", "true");
  try {
    const answer = await post("/api/click", body);
    if (answer.error) toast(`trailwatch did not answer this click: ${answer.error}`);
  } catch (error) {
    toast(error.message);
  } finally {
    target.removeAttribute("aria-busy");
    refresh();
  }
}

// Confirm dialogs: the server sends each as a template beside its element.
function confirmed(target) {
  const template = target.closest(".el")?.querySelector(":scope > template.confirm");
  if (!template) return Promise.resolve(true);
  return new Promise((resolve) => {
    const scrim = document.createElement("div");
    scrim.className = "scrim";
    const dialog = document.createElement("div");
    dialog.className = "dialog";
    dialog.setAttribute("role", "alertdialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.append(template.content.cloneNode(true));
    scrim.append(dialog);
    const done = (answer) => {
      scrim.remove();
      document.removeEventListener("keydown", escape, true);
      hold(false);
      target.focus({ preventScroll: true });
      resolve(answer);
    };
    const escape = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      done(false);
    };
    scrim.addEventListener("click", (event) => {
      const button = event.target.closest("[data-confirm]");
      if (button) done(button.dataset.confirm === "yes");
      else if (event.target === scrim) done(false);
    });
    document.addEventListener("keydown", escape, true);
    find("#confirms").append(scrim);
    hold(true);
    find("[data-confirm='yes']", dialog).focus();
  });
}

function hold(on) {
  find("#modals").inert = on;
  find("#app").inert = on || Boolean(find("#modals [role='dialog']"));
}

// Overflow menus.
function toggleMenu(opener) {
  const menu = opener.parentElement.querySelector(".menu");
  const open = opener.getAttribute("aria-expanded") !== "true";
  opener.setAttribute("aria-expanded", String(open));
  menu.hidden = !open;
  if (!open) return;
  const box = (opener.closest(".scroll, .dialog-body") || document.body).getBoundingClientRect();
  const at = opener.getBoundingClientRect();
  menu.classList.toggle("upward", at.bottom + menu.offsetHeight + 8 > box.bottom);
  menu.classList.toggle("rightward", at.right - menu.offsetWidth < box.left);
  menu.querySelector("[role='menuitem']")?.focus();
}

function closeMenus(except = null) {
  let closed = false;
  for (const opener of all("[data-menu][aria-expanded='true']")) {
    if (opener === except) continue;
    opener.setAttribute("aria-expanded", "false");
    opener.parentElement.querySelector(".menu").hidden = true;
    if (opener.parentElement.contains(document.activeElement)) opener.focus();
    closed = true;
  }
  return closed;
}

function onKey(event) {
  const many = event.target.closest?.("details.many[open]");
  if (event.key === "Escape" && (closeMenus() || many)) {
    event.preventDefault();
    if (many) { many.open = false; find("summary", many).focus(); }
  }
  const menu = event.target.closest?.(".menu");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (menu && step) {
    event.preventDefault();
    const items = all("[role='menuitem']", menu);
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  }
  if (event.key === "Enter" && event.target.matches?.("input[data-act='field']")) {
    event.preventDefault();
    use(event.target, chosen(event.target));
  }
}

// What stands in the fields of a view, as {block_id: {action_id: value}}.
export function values(root) {
  const out = {};
  for (const field of all("[data-field]", root)) {
    (out[field.dataset.blockId] ??= {})[field.dataset.actionId] = read(field);
  }
  return out;
}

function read(field) {
  const kind = field.dataset.field;
  const ticked = all("input:checked", field).map((box) => box.value);
  if (kind === "checkboxes" || kind.startsWith("multi_")) return ticked;
  if (kind === "radio_buttons") return ticked[0] ?? null;
  if (field.value === "") return null;
  if (kind === "datetimepicker") return Math.floor(new Date(field.value).getTime() / 1000);
  if (kind !== "rich_text_input") return field.value;
  const section = { type: "rich_text_section", elements: [{ type: "text", text: field.value }] };
  return { rich_text_value: { type: "rich_text", elements: [section] } };
}

async function suggest(select) {
  if (select.dataset.asked) return;
  select.dataset.asked = "1";
  const view = select.closest("[data-view-id]")?.dataset.viewId;
  if (!view) return;
  try {
    const { ack } = await post("/api/suggest", { user: me.user, ts: view, action_id: select.dataset.actionId, text: "" });
    const options = (ack?.option_groups || [ack]).flatMap((group) => group?.options || []);
    const known = new Set([...select.options].map((option) => option.value));
    for (const { text, value } of options) if (!known.has(value)) select.add(new Option(text.text, value));
  } catch (error) {
    toast(error.message);
  }
}
