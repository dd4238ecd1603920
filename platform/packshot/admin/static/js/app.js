// What every page does: theme, palette, copying, dialogs, and times as the reader's clock has them.

const KINDS = ["light", "dark"];

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = KINDS[isDark ? 0 : 1];
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}

const palette = document.getElementById("palette");

function openPalette() {
  if (!palette || palette.open) return;
  palette.showModal();
  const input = palette.querySelector("input");
  input.value = "";
  filterPalette("");
  input.focus();
}

function filterPalette(text) {
  const wanted = text.trim().toLowerCase();
  let first = null;
  for (const item of palette.querySelectorAll("li")) {
    item.hidden = !item.textContent.toLowerCase().includes(wanted);
    item.classList.remove("first");
    if (!item.hidden && !first) first = item;
  }
  if (first) first.classList.add("first");
}

if (palette) {
  palette.addEventListener("input", (event) => filterPalette(event.target.value));
  palette.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = palette.querySelector("li.first a");
    if (first) location.assign(first.href);
  });
  palette.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();
  });
}

export function toast(text) {
  const place = document.getElementById("toasts");
  if (!place) return;
  const shown = document.createElement("div");
  shown.className = "toast";
  shown.textContent = text;
  place.append(shown);
  setTimeout(() => shown.remove(), 4000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("Copying is not allowed here: mark the text and copy it by hand");
  }
}

// data-copy="text", or data-copy-of="#id" for the text of another element.
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-copy], [data-copy-of], [data-palette], [data-theme-switch], [data-open], [data-close]");
  if (!target) {
    for (const menu of document.querySelectorAll("details.org[open], details.more[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    return;
  }
  if (target.dataset.copy !== undefined) copy(target.dataset.copy);
  if (target.dataset.copyOf) copy(document.querySelector(target.dataset.copyOf).textContent);
  if (target.dataset.palette !== undefined) openPalette();
  if (target.dataset.themeSwitch !== undefined) switchTheme();
  if (target.dataset.open) document.querySelector(target.dataset.open).showModal(); // a <dialog>
  if (target.dataset.close !== undefined) target.closest("dialog").close();
});

document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.org[open], details.more[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// On a phone the navigation is one line that scrolls: begin where we are.
const here = document.querySelector(".navs [aria-current]");
if (here) {
  const line = here.closest(".navs");
  line.scrollLeft = here.offsetLeft - line.offsetLeft - (line.clientWidth - here.offsetWidth) / 2;
}

const readable = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (time.title) continue;
    time.title = time.textContent;
    time.textContent = readable.format(new Date(time.dateTime));
  }
}

localize(document);
document.addEventListener("htmx:after:swap", () => localize(document));
