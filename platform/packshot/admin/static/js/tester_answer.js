// An answer as people read it: status, time, headers; JSON in color, a picture, or events.

const MOST_SHOWN = 200_000; // characters of a body
const MOST_READ = 24_000_000; // bytes of JSON that are read to be told in short
const LONGEST_TEXT = 400; // of a text inside of JSON, such as a picture in base64
const TOLD = /^(x-request-id|x-ratelimit-.*|ratelimit.*|retry-after|content-type|content-length|location|x-log-.*|x-output-id|x-recipe-hash|x-accepted-scopes|idempotency-replayed|etag)$/;
const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const TROUBLES = {
  stopped: "Stopped. The server may have done the work all the same.",
  network: "The server was not reached, or the connection broke. Is Packshot still running?",
};

export async function showAnswer(panel, answer, { took, mostEvents, end }) {
  const place = begin(panel);
  say(panel, `${answer.status} ${answer.statusText}`.trim(), colorOf(answer.status), took());
  place.append(headersOf(answer));
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  if (answer.status === 204 || !answer.body) place.append(note("The answer has no body."));
  else if (type === "text/event-stream") await showEvents(place, answer, { mostEvents, end });
  else if (type.startsWith("image/")) await showImage(place, answer);
  else if (type === "application/json" || type.endsWith("+json")) await showJson(place, answer, type);
  else await showText(place, answer);
  time(panel, took());
}

export function showTrouble(panel, kind, took) {
  const place = begin(panel);
  say(panel, kind === "stopped" ? "Stopped" : "No answer", "bad", took);
  place.append(note(TROUBLES[kind]));
}

function begin(panel) {
  const card = panel.querySelector("[data-answer]");
  const place = panel.querySelector("[data-shown]");
  for (const image of place.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  place.replaceChildren();
  card.hidden = false;
  return place;
}

function say(panel, text, color, took) {
  const chip = panel.querySelector("[data-status]");
  chip.className = `chip ${color}`;
  chip.textContent = text;
  time(panel, took);
}

function time(panel, ms) {
  panel.querySelector("[data-time]").textContent = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

const colorOf = (status) => (status < 300 ? "ok" : status < 400 ? "" : status < 500 ? "warn" : "bad");

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

const note = (text) => element("p", text, "note");

function headersOf(answer) {
  const list = element("dl", "", "headers");
  for (const [name, value] of answer.headers) {
    if (!TOLD.test(name)) continue;
    const pair = element("div");
    pair.append(element("dt", name), element("dd", value));
    list.append(pair);
  }
  return list;
}

// At most so many bytes of the body; what comes after them is not even received.
async function read(answer, most) {
  const reader = answer.body.getReader();
  const pieces = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { blob: new Blob(pieces), isCut: false };
    pieces.push(value);
    size += value.length;
    if (size > most) {
      await reader.cancel();
      return { blob: new Blob(pieces).slice(0, most), isCut: true };
    }
  }
}

async function showText(place, answer) {
  const { blob, isCut } = await read(answer, MOST_SHOWN);
  place.append(code(await blob.text()));
  if (isCut) place.append(cutNote());
}

const cutNote = () => note("The answer is longer: it is cut here after 200 kB.");

async function showJson(place, answer, type) {
  const { blob, isCut } = await read(answer, MOST_READ);
  const text = await blob.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    place.append(code(text.slice(0, MOST_SHOWN)));
    if (isCut || text.length > MOST_SHOWN) place.append(cutNote());
    return;
  }
  if (type === "application/problem+json") place.append(problem(value));
  const picture = value?.output?.url;
  if (typeof picture === "string" && picture.startsWith("data:image/")) place.append(image(picture));
  const pretty = JSON.stringify(value, shortened, 2);
  const shown = element("pre", "", "json");
  regionOf(shown);
  color(shown, pretty.slice(0, MOST_SHOWN));
  place.append(shown);
  if (pretty.length > MOST_SHOWN) place.append(cutNote());
}

function shortened(_name, value) {
  if (typeof value !== "string" || value.length <= LONGEST_TEXT) return value;
  return `${value.slice(0, 60)}… (${value.length.toLocaleString("en")} characters)`;
}

function problem(value) {
  const box = element("div", "", "alert bad");
  const inside = element("div");
  inside.append(element("b", value.detail ?? value.title ?? ""));
  if (value.fix) inside.append(element("span", value.fix));
  const link = element("a", `About ${value.code}`, "link");
  link.href = `/docs/errors/${encodeURIComponent(value.code)}`;
  link.target = "_blank";
  inside.append(link);
  box.append(inside);
  return box;
}

async function showImage(place, answer) {
  const blob = await answer.blob();
  place.append(image(URL.createObjectURL(blob)), note(`${blob.type}, ${blob.size.toLocaleString("en")} bytes`));
}

function image(url) {
  const shown = element("img");
  shown.src = url;
  shown.alt = "The picture of the answer";
  return shown;
}

function regionOf(pre) {
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", "Body of the answer");
}

function code(text) {
  const shown = element("pre", text);
  regionOf(shown);
  return shown;
}

// Colors by nodes and classes alone: whatever the text holds stays text.
function color(place, text) {
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    place.append(text.slice(at, match.index));
    const [whole, string, colon, word] = match;
    const kind = string ? (colon ? "k" : "s") : word ? "w" : "n";
    place.append(element("span", string ?? whole, kind), colon ?? "");
    at = match.index + whole.length;
  }
  place.append(text.slice(at));
}

async function showEvents(place, answer, { mostEvents, end }) {
  const list = element("ol", "", "events");
  place.append(list);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (kept + value).split(/\r?\n\r?\n/);
    kept = parts.pop();
    for (const part of parts.filter((one) => one.split("\n").some((line) => line.startsWith("data:")))) {
      list.append(element("li", part.slice(0, MOST_SHOWN / mostEvents)));
      if (list.childElementCount === mostEvents) {
        place.append(note(`The first ${mostEvents} events; the stream was ended here.`));
        end();
        return;
      }
    }
  }
  place.append(note("The stream has ended."));
}
