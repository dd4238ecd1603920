// The page of keys: a dialog around whatever part was asked for, and a table that follows changes.

const dialog = document.getElementById("act");

document.addEventListener("htmx:after:swap", () => {
  if (dialog.childElementCount === 0) return;
  if (!dialog.open) dialog.showModal();
  const first = dialog.querySelector("[autofocus], #secret");
  if (first) first.focus();
  if (first && first.id === "secret") first.select();
});

dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-dialog]")) {
    event.preventDefault();
    dialog.close();
  }
});

// A secret is not lost by a slip of the hand.
dialog.addEventListener("cancel", (event) => {
  if (dialog.querySelector("[data-secret]")) event.preventDefault();
});

dialog.addEventListener("close", () => {
  const wasMade = dialog.querySelector("[data-secret]") !== null;
  dialog.replaceChildren();
  if (wasMade) document.body.dispatchEvent(new CustomEvent("keys-changed"));
});
