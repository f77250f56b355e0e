// Closes the window of a test that has ended, where a script opened it, unless the person does something in it first.
const note = document.querySelector("[data-closes]");
if (note && window.opener) {
  note.hidden = false;
  const timer = setTimeout(() => window.close(), Number(note.dataset.closes) * 1000);
  const stay = () => {
    clearTimeout(timer);
    note.remove();
  };
  for (const sign of ["keydown", "pointerdown", "wheel"]) addEventListener(sign, stay, { once: true, passive: true });
  note.querySelector("button").addEventListener("click", stay);
}
