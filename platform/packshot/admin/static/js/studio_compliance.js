// What a marketplace will say of the picture on the stage: asked for each new one, newest wins.

const studio = document.getElementById("studio");
let asked = 0;

function place() {
  return document.getElementById("compliance");
}

function tell(text, again) {
  const words = document.createElement("p");
  words.className = "hint pad";
  words.textContent = text;
  if (again) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn sm";
    button.textContent = "Try again";
    button.addEventListener("click", again);
    words.append(" ", button);
  }
  place().querySelector("[data-told]")?.remove();
  for (const part of [...place().children].slice(1)) part.remove();
  place().querySelector(".chip")?.remove();
  place().append(words);
}

async function judge(outputId) {
  const number = ++asked;
  place().hidden = false;
  place().setAttribute("aria-busy", "true");
  if (!place().querySelector(".checks")) tell("Checking…");
  try {
    const answer = await fetch(`/studio/compliance?output=${encodeURIComponent(outputId)}`, {
      headers: { "hx-request": "true" },
    });
    const body = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    if (number !== asked) return;
    const told = body.querySelector("#compliance");
    if (told) place().replaceWith(told);
    else tell(body.textContent.trim() || "The picture could not be checked.", () => judge(outputId));
  } catch {
    if (number === asked) tell("Packshot cannot be reached.", () => judge(outputId));
  }
  place().removeAttribute("aria-busy");
}

export function followCompliance(outputId) {
  if (!place()) return;
  studio.addEventListener("studio:made", (event) => judge(event.detail.output));
  studio.addEventListener("click", (event) => {
    const button = event.target.closest("[data-mend]");
    if (button) studio.dispatchEvent(new CustomEvent("studio:fill", { detail: JSON.parse(button.dataset.mend) }));
  });
  if (outputId) judge(outputId);
}
