// The tester: sends what the form says with fetch, shows the answer, and writes the same as code.
// The key lives in its field and nowhere else: no storage, no address, no cookie.

import { bodyOf, codeOf } from "./tester_code.js";
import { showAnswer, showTrouble } from "./tester_answer.js";

const MOST_EVENTS = 20;
const keyField = document.getElementById("key");
let sending = null;

const selected = () => document.getElementById("selected");

// What would be sent now: the one description that both fetch and the examples follow.
function request() {
  const panel = selected();
  const key = keyField.value.trim();
  const { method, body, legacy, base } = panel.dataset;
  const needsKey = "needsKey" in panel.dataset;
  const isLegacy = key === "" && legacy !== "";
  const asked = { method, base, key, needsKey, isLegacy, body, query: [], headers: [], fields: [], files: [], missing: [] };
  let path = isLegacy ? legacy : panel.dataset.path;
  for (const field of panel.querySelectorAll("[data-name]")) {
    const { name, place, kind } = field.dataset;
    if (kind === "file") {
      asked.files.push({ name, file: field.files[0] ?? null });
      continue;
    }
    const value = field.value.trim();
    if (place === "path") {
      if (value === "") asked.missing.push(name);
      path = path.replace(`{${name}}`, value === "" ? `{${name}}` : encodeURIComponent(value));
    } else if (value !== "") {
      const into = { query: asked.query, header: asked.headers, body: asked.fields }[place];
      into.push({ name, value, kind });
    }
  }
  const accept = panel.querySelector("[data-accept]");
  if (accept && accept.value) asked.headers.push({ name: "accept", value: accept.value });
  const query = asked.query.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  asked.path = path + (query.length ? `?${query.join("&")}` : "");
  return asked;
}

function follow() {
  const panel = selected();
  const asked = request();
  const language = document.querySelector("input[name=language]:checked").value;
  panel.querySelector("#code").textContent = codeOf(language, asked);
  const how = panel.querySelector("[data-how]");
  const send = panel.querySelector("[data-send]");
  const isClosed = asked.needsKey && asked.key === "" && !asked.isLegacy;
  send.disabled = isClosed || sending !== null;
  if (isClosed) how.textContent = "This endpoint needs a key: fill the field API key above.";
  else if (asked.isLegacy) how.textContent = `Calls ${asked.path}, without a key.`;
  else if (asked.missing.length) how.textContent = `Fill in ${asked.missing.join(", ")} first.`;
  else how.textContent = `Calls ${asked.path}${asked.needsKey ? ", with the key" : ""}.`;
  if (asked.missing.length) send.disabled = true;
}

function sent(asked) {
  const headers = Object.fromEntries(asked.headers.map(({ name, value }) => [name, value]));
  if (asked.key) headers["x-api-key"] = asked.key;
  let body;
  if (asked.body === "multipart") {
    body = new FormData();
    for (const { name, file } of asked.files) if (file) body.append(name, file);
    for (const { name, value } of asked.fields) body.append(name, value);
  } else if (asked.body === "json") {
    headers["content-type"] = "application/json";
    body = JSON.stringify(bodyOf(asked));
  }
  return { method: asked.method, headers, body, credentials: "omit", cache: "no-store", redirect: "follow" };
}

async function send() {
  const panel = selected();
  const asked = request();
  const stop = panel.querySelector("[data-stop]");
  const controller = new AbortController();
  sending = controller;
  stop.hidden = false;
  follow();
  const began = performance.now();
  const took = () => performance.now() - began;
  try {
    const answer = await fetch(asked.path, { ...sent(asked), signal: controller.signal });
    await showAnswer(panel, answer, { took, mostEvents: MOST_EVENTS, end: () => controller.abort() });
  } catch (error) {
    showTrouble(panel, error.name === "AbortError" ? "stopped" : "network", took());
  } finally {
    sending = null;
    stop.hidden = true;
    if (selected() === panel) follow();
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-no-send]")) event.preventDefault();
  if (!event.target.matches("form.send")) return;
  event.preventDefault();
  if (!selected().querySelector("[data-send]").disabled) send();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-stop]") && sending) sending.abort();
  const show = event.target.closest("[data-show-key]");
  if (show) {
    const isShown = keyField.type === "password";
    keyField.type = isShown ? "text" : "password";
    show.textContent = isShown ? "Hide" : "Show";
    show.setAttribute("aria-pressed", String(isShown));
  }
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-find]")) find(event.target.value.trim().toLowerCase());
  else follow();
});

function find(wanted) {
  let found = 0;
  for (const link of document.querySelectorAll("[data-endpoint]")) {
    link.hidden = !`${link.textContent} ${link.title}`.toLowerCase().includes(wanted);
    if (!link.hidden) found += 1;
  }
  for (const group of document.querySelectorAll(".endpoints section")) {
    group.hidden = group.querySelector("[data-endpoint]:not([hidden])") === null;
  }
  document.querySelector(".endpoints .none").hidden = found > 0;
}

let language = "curl";
document.addEventListener("change", (event) => {
  if (event.target.name === "language") language = event.target.value;
});

document.addEventListener("htmx:after:swap", () => {
  if (sending) sending.abort();
  const chosen = selected().dataset.name;
  for (const link of document.querySelectorAll("[data-endpoint]")) {
    if (link.dataset.endpoint === chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  document.querySelector(`input[name=language][value=${language}]`).checked = true;
  follow();
});

follow();
