// The Studio: takes a photo, has it made anew whenever a control changes, and says what went wrong.

import { followCompliance } from "./studio_compliance.js";
import { setBusy, showAfter, showBefore, showNothing, showWaiting } from "./studio_stage.js";
import { snippet } from "./studio_snippets.js";

const AFTER_A_CHANGE_MS = 250;
const studio = document.getElementById("studio");
const stage = document.getElementById("stage");
const form = document.getElementById("adjust");
const fileInput = document.getElementById("file");
const problem = document.getElementById("problem");
const status = document.getElementById("status");
const preset = document.getElementById("preset");
const maxBytes = Number(studio.dataset.maxBytes);

// What stands on the stage: outputId is the newest output, whose photo the server still has.
let shown = { file: null, address: "", name: "", outputId: made().output || "" };
let latest = shown; // what was asked for last: what a change of the controls is about
let asked = 0;
let underWay = null;
let timer = 0;

function made() {
  return document.getElementById("made").dataset;
}

// --- Taking a photo -------------------------------------------------------------------------

function take(file) {
  if (!file) return;
  if (file.size > maxBytes) {
    return tell(`${file.name} has ${megabytes(file.size)}; up to ${megabytes(maxBytes)} are accepted.`, "Export a smaller copy of it.");
  }
  if (file.size === 0) return tell(`${file.name} is empty.`, "Choose the photo itself.");
  make({ file, address: URL.createObjectURL(file), name: file.name || "pasted.png", outputId: "" });
}

function takeDropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  if (items.some((item) => item.webkitGetAsEntry?.()?.isDirectory)) {
    return tell("That is a folder.", "Drop one photo of it; many at once go by a batch of the API.");
  }
  const files = [...transfer.files];
  if (files.length > 1) {
    return tell(`Those are ${files.length} files.`, "Drop one photo at a time; many at once go by a batch of the API.");
  }
  if (files.length === 0) return tell("There is no photo in what was dropped.", "Save it as a file first, then drop the file.");
  take(files[0]);
}

// The picture of a listing that the address named; what is made of it may go back to its place.
async function takeFromShop(address, name) {
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(String(answer.status));
    const photo = await answer.blob();
    take(new File([photo], `${name.replaceAll("/", "-")}.${photo.type.split("/")[1]}`, { type: photo.type }));
  } catch {
    tell("The shop's picture does not come.", "See on the Integrations page whether the shop answers, and try again.", () => takeFromShop(address, name));
  }
}

async function takeSample(button) {
  try {
    const answer = await fetch(button.dataset.sample);
    if (!answer.ok) throw new Error(String(answer.status));
    take(new File([await answer.blob()], button.dataset.name, { type: "image/jpeg" }));
  } catch {
    tell("The sample cannot be loaded.", "See whether Packshot is running, and try again.", () => takeSample(button));
  }
}

function megabytes(bytes) {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 1000)} kB` : `${Math.round((10 * bytes) / 2 ** 20) / 10} MB`;
}

// --- Having it made -------------------------------------------------------------------------

// The newest request wins: an earlier one is given up, and its answer is never shown.
async function make(photo) {
  clearTimeout(timer);
  if (latest.address && ![photo.address, shown.address].includes(latest.address)) URL.revokeObjectURL(latest.address);
  latest = photo;
  const number = ++asked;
  const isNewest = () => number === asked;
  underWay?.abort();
  underWay = new AbortController();
  problem.replaceChildren();
  setWorking(true);
  if (!shown.outputId && photo.file && !photo.outputId) {
    await showBefore(photo.address);
    if (!isNewest()) return;
    showWaiting();
  }
  try {
    const answer = await fetch("/studio/render", {
      method: "POST",
      body: bodyOf(photo),
      headers: { "x-page-token": form.elements.pageToken.value, "hx-request": "true" },
      signal: underWay.signal,
    });
    const text = await answer.text();
    if (!isNewest()) return;
    if (answer.headers.has("hx-redirect")) return location.assign(answer.headers.get("hx-redirect"));
    if (answer.status === 404 && photo.outputId && photo.file) return make({ ...photo, outputId: "" });
    await show(photo, answer, partsOf(text), isNewest);
  } catch (failure) {
    if (!isNewest() || failure.name === "AbortError") return;
    fail();
    tell("Packshot cannot be reached.", "The photo is still here; see whether it is running.", () => make(photo));
  }
  if (isNewest()) setWorking(false);
}

function bodyOf(photo) {
  const body = new FormData(form);
  body.delete("pageToken");
  if (photo.outputId) body.set("againOf", photo.outputId);
  else body.set("image", photo.file, photo.name);
  return body;
}

function partsOf(text) {
  return new DOMParser().parseFromString(text, "text/html").body;
}

async function show(photo, answer, parts, isNewest) {
  const output = parts.querySelector("#made")?.dataset;
  if (!answer.ok || !output) {
    fail();
    problem.replaceChildren(...parts.children);
    if (answer.status === 429 || answer.status >= 500) offerAgain(() => make(photo));
    return;
  }
  const appear = await showAfter(output);
  if (!isNewest()) return;
  if (photo.address !== shown.address) {
    const isVisible = await showBefore(photo.address);
    if (!isNewest()) return;
    if (!isVisible) status.textContent = "This browser cannot show the photo itself";
    URL.revokeObjectURL(shown.address);
  }
  shown = latest = { ...photo, outputId: output.output };
  for (const part of [...parts.children]) document.getElementById(part.id)?.replaceWith(part);
  appear();
  document.getElementById("download").href = output.url;
  document.getElementById("download").download = output.name;
  document.getElementById("download").hidden = false;
  const publish = document.getElementById("publish");
  if (publish) {
    publish.href = `/publish?${about(output)}`;
    publish.hidden = false;
  }
  if (photo.file) tellSource(photo);
  history.replaceState(null, "", `/studio?${about(output)}`);
  document.dispatchEvent(new Event("htmx:after:swap")); // app.js turns times into the reader's own
  studio.dispatchEvent(new CustomEvent("studio:made", { detail: output }));
  tellSnippet();
}

// The address's words for an output, and for the listing that it is made for.
function about(output) {
  const { item, place } = studio.dataset;
  return new URLSearchParams({ output: output.output, ...(item && { item }), ...(item && place && { place }) });
}

function tellSource(photo) {
  const before = document.getElementById("before");
  const sides = before.hidden ? "" : `, ${before.naturalWidth} × ${before.naturalHeight}`;
  document.getElementById("source").textContent = `${photo.name}${sides}, ${megabytes(photo.file.size)}`;
}

// The former picture stays; without one, the place to drop a photo comes back. A photo that was
// refused is forgotten, unless it is the controls that have to be mended.
function fail() {
  if (!shown.outputId) showNothing();
  if (form.checkValidity()) latest = shown;
}

function setWorking(isWorking) {
  setBusy(isWorking);
  if (!isWorking && !status.querySelector(".chip")) return;
  const chip = document.createElement("span");
  chip.className = "chip run";
  chip.textContent = "Rendering…";
  status.replaceChildren(...(isWorking ? [chip] : []));
}

// --- Saying what went wrong -----------------------------------------------------------------

function tell(text, fix, again) {
  const alert = document.createElement("div");
  alert.className = "alert bad";
  alert.setAttribute("role", "alert");
  const words = document.createElement("div");
  const what = document.createElement("b");
  what.textContent = text;
  const how = document.createElement("span");
  how.textContent = fix;
  words.append(what, how);
  alert.append(words);
  problem.replaceChildren(alert);
  if (again) offerAgain(again);
}

function offerAgain(again) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn sm";
  button.textContent = "Try again";
  button.addEventListener("click", again);
  problem.querySelector(".alert > div").append(button);
}

// --- The controls ---------------------------------------------------------------------------

const UNITS = {
  ratio: (value) => `${Math.round(value * 100)}%`,
  degrees: (value) => `${value}°`,
  stops: (value) => `${value > 0 ? "+" : ""}${value}`,
};

function readControls() {
  const operation = new FormData(form).get("operation");
  for (const part of form.querySelectorAll("fieldset[data-for]")) {
    const isMeant = part.dataset.for.split(" ").includes(operation);
    part.hidden = part.disabled = !isMeant;
  }
  const format = form.elements.format.value;
  const quality = document.querySelector("#quality input");
  quality.name = format === "jpeg" ? "jpegQuality" : "quality";
  document.querySelector("#quality [data-label]").textContent = format === "webp" ? "WebP quality" : "JPEG quality";
  document.getElementById("quality").hidden = document.getElementById("quality").disabled = format === "png";
  for (const output of form.querySelectorAll(".slide output")) {
    const value = output.closest(".slide").querySelector("input").value;
    output.textContent = (UNITS[output.dataset.unit] || String)(value);
  }
  const matching = [...preset.options].find((option) => option.dataset.fields && isSet(option));
  preset.value = matching ? matching.value : "";
  tellSnippet();
}

function fieldsOf(option) {
  return Object.entries(JSON.parse(option.dataset.fields));
}

// Of controls of one name, the one of the operation that is chosen.
function control(name) {
  if (name === "quality" || name === "jpegQuality") return document.querySelector("#quality input");
  return form.querySelector(`fieldset:not([disabled]) [name="${name}"], .row > [name="${name}"]:not(fieldset *)`);
}

function isSet(option) {
  return fieldsOf(option).every(([name, value]) => {
    const held = control(name)?.value;
    return held === value || (value !== "" && Number(held) === Number(value));
  });
}

function fill(fields) {
  for (const [name, value] of fields) {
    if (name === "frame.targetFill") control("margin").value = (1 - value) / 2;
    else if (control(name)) control(name).value = value;
  }
}

// A picture of any operation is mended as a packshot.
function mend(fields) {
  form.querySelector("input[name=operation][value=process]").checked = true;
  readControls();
  fill(Object.entries(fields));
  readControls();
  makeSoon();
}

function makeSoon() {
  clearTimeout(timer);
  if (latest.outputId || latest.file) timer = setTimeout(() => make(latest), AFTER_A_CHANGE_MS);
}

function tellSnippet() {
  const fields = [...new FormData(form)].filter(([name]) => !["pageToken", "operation"].includes(name));
  const language = document.querySelector("input[name=language]:checked").value;
  document.getElementById("snippet").textContent = snippet(language, {
    baseUrl: studio.dataset.baseUrl,
    operation: new FormData(form).get("operation"),
    name: shown.name || "product.jpg",
    fields,
  });
}

// --- Events ---------------------------------------------------------------------------------

function listen() {
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => fileInput.click());
  }
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => takeSample(button));
  }
  fileInput.addEventListener("change", () => {
    take(fileInput.files[0]);
    fileInput.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length > 0) take(event.clipboardData.files[0]);
  });
  let inside = 0;
  const drag = (depth) => {
    inside = depth;
    stage.classList.toggle("dragging", inside > 0);
  };
  document.addEventListener("dragenter", (event) => {
    if (event.dataTransfer.types.includes("Files")) drag(inside + 1);
  });
  document.addEventListener("dragleave", () => drag(Math.max(inside - 1, 0)));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // else the browser would leave the page for the file
    drag(0);
    takeDropped(event.dataTransfer);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", readControls);
  form.addEventListener("change", (event) => {
    if (event.target === preset && preset.value) fill(fieldsOf(preset.selectedOptions[0]));
    readControls();
    makeSoon();
  });
  form.addEventListener("reset", () => setTimeout(() => {
    readControls();
    makeSoon();
  }));
  studio.addEventListener("studio:fill", (event) => mend(event.detail));
  for (const radio of document.querySelectorAll("input[name=language]")) {
    radio.addEventListener("change", tellSnippet);
  }
}

if (form) {
  listen();
  readControls();
  if (studio.dataset.start) takeFromShop(studio.dataset.start, studio.dataset.startName);
}
followCompliance(made().output);
