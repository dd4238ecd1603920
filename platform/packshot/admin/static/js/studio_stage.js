// The stage: the photo and what was made of it, one over the other so that the product coincides.

const floor = document.getElementById("floor");
const frame = document.getElementById("frame");
const before = document.getElementById("before");
const after = document.getElementById("after");
const split = document.getElementById("split");
const views = [...document.querySelectorAll("input[name=view]")];

let wanted = "slider"; // the view that was chosen last, also while it cannot be shown

// The photo may come from a file that this browser cannot show, such as HEIC: then it stays hidden.
export async function showBefore(address) {
  before.hidden = true;
  before.classList.remove("placed");
  if (address) {
    before.src = address;
    try {
      await before.decode();
      before.hidden = false;
    } catch {
      before.removeAttribute("src");
    }
  } else {
    before.removeAttribute("src");
  }
  return !before.hidden;
}

// Shows the photo alone, while its first picture is being made.
export function showWaiting() {
  after.hidden = true;
  setShape(before.naturalWidth || 1, before.naturalHeight || 1);
  floor.dataset.view = before.hidden ? "empty" : "waiting";
}

// Loads the picture first, so that the former one stays until this one can be seen.
export async function showAfter(made) {
  const loading = new Image();
  loading.src = made.url;
  await loading.decode();
  return () => {
    after.src = made.url;
    after.hidden = false;
    setShape(Number(made.width), Number(made.height));
    place(made);
    chooseView();
  };
}

export function showNothing() {
  floor.dataset.view = "empty";
}

export function setBusy(isBusy) {
  floor.classList.toggle("busy", isBusy);
}

function setShape(width, height) {
  frame.style.setProperty("--w", width);
  frame.style.setProperty("--h", height);
}

// Where the photo lies under the picture so that the product of both is in one place.
function place(made) {
  const box = numbers(made.box);
  const source = numbers(made.sourceBox);
  const isPlaced = box.length === 4 && source.length === 4 && source[2] > 0 && source[3] > 0;
  before.classList.toggle("placed", isPlaced && !before.hidden);
  if (!isPlaced) return;
  const [x, y] = [box[2] / source[2], box[3] / source[3]];
  const set = (name, share) => frame.style.setProperty(name, `${100 * share}%`);
  set("--bl", (box[0] - source[0] * x) / made.width);
  set("--bt", (box[1] - source[1] * y) / made.height);
  set("--bw", (before.naturalWidth * x) / made.width);
  set("--bh", (before.naturalHeight * y) / made.height);
}

function numbers(text) {
  return (text || "").split(" ").filter(Boolean).map(Number);
}

function chooseView() {
  for (const view of views) view.disabled = view.value !== "result" && before.hidden;
  const shown = before.hidden ? "result" : wanted;
  for (const view of views) view.checked = view.value === shown;
  floor.dataset.view = shown;
}

function moveSplit() {
  frame.style.setProperty("--x", `${split.value}%`);
  split.setAttribute("aria-valuetext", `${split.value} percent`);
}

for (const view of views) {
  view.addEventListener("change", () => {
    wanted = view.value;
    chooseView();
  });
}
split.addEventListener("input", moveSplit);
moveSplit();
if (!after.hidden) setShape(after.width, after.height);
