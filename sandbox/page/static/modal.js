// Modals: submitted, closed, and in charge of the keyboard while they are open.
import { values } from "./acts.js";
import { refresh } from "./live.js";
import { all, find, me, post, toast } from "./talk.js";

let shown = "";
let before = null;

export function watchModals() {
  const box = find("#modals");
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.target.closest("[role='dialog']"));
  });
  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-modal='close'], [data-modal='back']");
    if (button) close(button.closest("[role='dialog']"), button.dataset.modal);
  });
  document.addEventListener("keydown", (event) => {
    const dialog = find("#modals [role='dialog']");
    if (event.key === "Escape" && dialog && !event.defaultPrevented) close(dialog, "back");
  });
  new MutationObserver(attend).observe(box, { childList: true, subtree: true });
  attend();
}

// Focus goes into a modal when it opens and back to where it was when it closes.
function attend() {
  const dialog = find("#modals [role='dialog']");
  const id = dialog?.dataset.viewId || "";
  find("#app").inert = Boolean(dialog) || Boolean(find("#confirms .scrim"));
  if (id === shown) return;
  if (!shown) before = document.activeElement;
  shown = id;
  if (!dialog) {
    before?.isConnected && before.focus({ preventScroll: true });
    return;
  }
  const first = find("[data-focus]", dialog) || find("[data-field]:not([role])", dialog) || find("h2", dialog);
  first.focus();
}

async function submit(dialog) {
  const button = find("[data-modal='submit']", dialog);
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  const problem = find(".form-error", dialog);
  problem.hidden = true;
  try {
    const id = encodeURIComponent(dialog.dataset.viewId);
    const answer = await post(`/api/views/${id}/submit`, { user: me.user, values: values(dialog) });
    if (answer.error) complain(problem, "We had some trouble connecting. Try again?", answer.error);
  } catch (error) {
    await refresh();
    if (!all(".field-error:not([hidden])", dialog).length) complain(problem, error.message);
  } finally {
    button.removeAttribute("aria-busy");
    refresh();
  }
}

function complain(line, text, detail = "") {
  line.textContent = detail ? `${text} (${detail})` : text;
  line.hidden = false;
}

async function close(dialog, how) {
  const view = how === "close" ? dialog.dataset.rootId : dialog.dataset.viewId;
  try {
    await post(`/api/views/${encodeURIComponent(view)}/close`, { user: me.user });
  } catch (error) {
    toast(error.message);
  }
  refresh();
}
