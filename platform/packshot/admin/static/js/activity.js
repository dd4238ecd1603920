// The page of activity: a filter applies as soon as it is chosen, and facts come when asked for.

const filters = document.querySelector("form[data-filters]");
const apply = filters.querySelector("[data-apply]");
apply.hidden = true;
// A time is whole for a moment with each of its parts that is typed: it waits for the button.
filters.addEventListener("change", (event) => {
  if (event.target.name === "asOf") apply.hidden = false;
  else filters.requestSubmit();
});
// An empty field says nothing: it stays out of the address.
filters.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});

// A toggle does not bubble, so it is caught on its way down.
document.addEventListener(
  "toggle",
  (event) => {
    const facts = event.target.open && event.target.querySelector(".facts");
    if (facts) facts.dispatchEvent(new CustomEvent("opened"));
  },
  true,
);
