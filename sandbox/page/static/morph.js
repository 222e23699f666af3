// Turns what is shown into what the server sent, changing only what differs: scroll position,
// focus, open menus and half-typed inputs stay.
const touched = new WeakSet();
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => touched.add(event.target), true);
}

// What the page itself sets and the server knows nothing of.
const ours = { DETAILS: ["open"], BUTTON: ["aria-expanded", "aria-busy"], A: ["aria-busy"], SELECT: ["aria-busy"] };

export function morph(container, html) {
  const parsed = new DOMParser().parseFromString(`<main>${html}</main>`, "text/html");
  children(container, parsed.body.firstElementChild);
}

const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || node.dataset.block || null : null);

function children(from, to) {
  const keyed = new Map();
  for (const node of from.childNodes) if (keyOf(node)) keyed.set(keyOf(node), node);
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = keyOf(wanted);
    let match = key ? keyed.get(key) : at;
    if (!key && match && keyOf(match)) match = null;
    if (match && alike(match, wanted)) {
      if (match === at) at = at.nextSibling;
      else from.insertBefore(match, at);
      node(match, wanted);
    } else {
      from.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

function node(from, to) {
  if (from.nodeType !== 1) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.nodeName === "TEMPLATE") {
    if (from.innerHTML !== to.innerHTML) from.innerHTML = to.innerHTML;
    return;
  }
  attributes(from, to);
  // What a person ticked in a list of many is theirs until the server knows of it.
  if (from.classList.contains("many-text") && from.closest(".many").querySelector(":checked")) return;
  if (from.nodeName === "TEXTAREA") {
    if (!touched.has(from) && from.value !== to.value) from.value = to.value;
    return;
  }
  children(from, to);
}

function attributes(from, to) {
  const kept = [...(ours[from.nodeName] || [])];
  if (from.classList.contains("menu")) kept.push("hidden", "class");
  for (const { name, value } of [...to.attributes]) {
    if (kept.includes(name) || from.getAttribute(name) === value) continue;
    from.setAttribute(name, value);
    if (name === "value" && from.nodeName === "INPUT" && !touched.has(from)) from.value = value;
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !kept.includes(name)) from.removeAttribute(name);
  }
}
