// Requests to the sandbox, and short notices about those that failed.
export const me = document.body.dataset;

export const find = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export async function post(path, body, headers = { "Content-Type": "application/json" }) {
  const raw = body instanceof Blob || typeof body === "string" ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, { method: "POST", body: raw, headers: { ...headers, "X-Sandbox": "1" } });
  } catch {
    throw new Error("The sandbox does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(reason(answer) || `The sandbox said ${response.status}.`);
  return answer;
}

function reason(answer) {
  const found = answer.error ?? answer.message ?? answer.why;
  return typeof found === "string" ? found : found && JSON.stringify(found);
}

export async function part(path, query) {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`);
  if (!response.ok) throw new Error(`${path} said ${response.status}`);
  return response.text();
}

export function toast(text, seconds = 7) {
  const note = document.createElement("div");
  note.className = "toast";
  note.textContent = text;
  find("#toasts").append(note);
  setTimeout(() => note.remove(), seconds * 1000);
}

export function cookie(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; SameSite=Lax`;
}
