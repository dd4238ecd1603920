// Keeps [data-live] true: asks for it again while something in it goes on, slower while nothing
// changes, and at once when the page is looked at again. A server that is away is asked on.

const QUICKEST_MS = 2000;
const SLOWEST_MS = 15000;
const trouble = document.getElementById("live-trouble");
let pause = QUICKEST_MS;
let timer = 0;
let last = "";

function part() {
  return document.querySelector("[data-live]");
}

function askSoon() {
  clearTimeout(timer);
  const isGoingOn = part()?.dataset.goingOn !== undefined || (trouble && !trouble.hidden);
  if (isGoingOn && !document.hidden) timer = setTimeout(ask, pause);
}

async function ask() {
  clearTimeout(timer);
  try {
    const answer = await fetch(part().dataset.live, { headers: { "hx-request": "true" } });
    if (answer.headers.has("hx-redirect")) return location.assign(answer.headers.get("hx-redirect"));
    if (!answer.ok) throw new Error(String(answer.status));
    take(await answer.text());
    trouble.hidden = true;
  } catch {
    trouble.hidden = false;
    pause = Math.min(pause * 1.5, SLOWEST_MS);
  }
  askSoon();
}

function take(text) {
  const isNews = last !== "" && text !== last;
  pause = isNews ? QUICKEST_MS : Math.min(pause * 1.5, SLOWEST_MS);
  if (text === last) return;
  last = text;
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-live]");
  const focused = placeOf(document.activeElement);
  const scrolled = part().querySelector(".scroll")?.scrollLeft ?? 0;
  part().replaceWith(fresh);
  const scroll = part().querySelector(".scroll");
  if (scroll) scroll.scrollLeft = scrolled;
  if (focused) part().querySelector(focused)?.focus({ preventScroll: true });
  document.dispatchEvent(new Event("htmx:after:swap")); // app.js turns times into the reader's own
}

// How to find again what has the focus, in the part that replaces its own.
function placeOf(element) {
  if (!element || !part().contains(element)) return null;
  if (element.getAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  if (element.form) return `form[action="${CSS.escape(element.form.getAttribute("action"))}"] button`;
  return element.matches(".scroll") ? ".scroll" : null;
}

function lookAgain() {
  if (document.hidden) return clearTimeout(timer);
  pause = QUICKEST_MS;
  ask();
}

if (part()) {
  document.addEventListener("visibilitychange", lookAgain);
  window.addEventListener("online", lookAgain);
  window.addEventListener("pageshow", (event) => event.persisted && lookAgain());
  askSoon();
}
