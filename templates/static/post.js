// Submits the form of a passing-through page at once. Not after Back: the person came back to it on purpose, and sending
// the old answer again would only fail. The form may hold a field called "submit", hence the prototype's method.
const form = document.querySelector("form[data-post]");
const [entry] = performance.getEntriesByType("navigation");
if (form && entry?.type !== "back_forward") {
  HTMLFormElement.prototype.submit.call(form);
}
