// A form that makes somebody else's server answer: its button says so, and is pressed once.

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form.busy");
  if (!form) return;
  const button = form.querySelector("button:not([type=button])");
  if (!button || button.disabled) return;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  const label = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
  if (label && form.dataset.busy) label.textContent = form.dataset.busy;
});

// A page that the browser kept shows its buttons as they were before they were pressed.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
