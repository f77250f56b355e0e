// The connection wizard: a paste is read as soon as the focus leaves, checks run by themselves, and the page follows a
// test login. Each form works without this by going to the same address.
const at = () => document.getElementById("wizard");
let busy = false;
let reading = ""; // the paste that is under way
let waiting = null; // another one, made meanwhile

const show = (html, focus, checked) => {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const next = fresh.getElementById("wizard");
  if (!next) return location.reload();
  const open = [...at().querySelectorAll("details[open] > summary")].map((s) => s.textContent);
  const verdict = checked && document.getElementById("verdict"); // a check says nothing of the paste before it
  const token = document.getElementById("token-fresh"); // shown once: what follows the page does not take it away
  const held = verdict && verdict.contains(document.activeElement);
  at().replaceWith(next);
  if (verdict) document.getElementById("verdict")?.replaceWith(verdict);
  if (held) verdict.focus();
  if (token && !document.getElementById("token-fresh")) document.getElementById("token-slot")?.append(token);
  for (const s of next.querySelectorAll("details > summary")) if (open.includes(s.textContent)) s.parentElement.open = true;
  ready();
  const problem = focus && document.getElementById("problem");
  if (focus) (problem ?? document.getElementById(focus))?.focus();
};

const send = async (form, focus) => {
  const text = form.querySelector("#paste")?.value ?? "";
  if (busy) {
    if (text && text !== reading) waiting = [form, focus];
    return;
  }
  busy = true;
  reading = text;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "text/html", "X-Requested-With": "wizard" } });
    if (answer.redirected && !answer.url.startsWith(location.href.split(/[?#]/)[0])) return location.assign(answer.url);
    show(await answer.text(), focus, form.matches("[data-check]"));
  } catch {
    busy = false;
    form.submit();
  } finally {
    busy = false;
  }
  if (!waiting) return check();
  const next = waiting;
  waiting = null;
  send(...next);
};

// The preflight runs as soon as there is something to check.
const check = () => {
  const form = at().querySelector("[data-check-due] form[data-check]");
  if (!form) return;
  form.parentElement.querySelector("[role=status]").textContent = form.dataset.working;
  send(form);
};

const ready = () => {
  for (const button of at().querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
};

addEventListener("click", async (e) => {
  const button = e.target.closest?.("button[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
  } catch {
    getSelection().selectAllChildren(source);
    return;
  }
  const label = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = label), 2000);
});

addEventListener("submit", (e) => {
  if (e.target.matches("form[data-test]")) return follow();
  if (!e.target.matches("form[data-wizard]")) return;
  e.preventDefault();
  send(e.target, e.target.dataset.focus);
});

const pasteForm = (e) => e.target.closest?.("form[data-paste]");
addEventListener("focusout", (e) => {
  const form = pasteForm(e);
  if (form && e.target.id === "paste" && e.target.value.trim() && !form.contains(e.relatedTarget)) send(form, e.relatedTarget ? undefined : "verdict");
});
addEventListener("paste", (e) => {
  const form = pasteForm(e);
  if (form && e.target.id === "paste" && !e.target.value.trim()) setTimeout(() => send(form, "verdict"));
});
addEventListener("change", (e) => {
  const form = pasteForm(e);
  if (form && e.target.type === "file" && e.target.files.length) send(form, "verdict");
});
addEventListener("dragover", (e) => {
  if (e.target.closest?.(".half") && e.dataTransfer.types.includes("Files")) e.preventDefault();
});
addEventListener("drop", (e) => {
  const form = at().querySelector("form[data-paste]");
  if (!form || !e.target.closest?.(".half") || !e.dataTransfer.files.length) return;
  e.preventDefault();
  form.querySelector("input[type=file]").files = e.dataTransfer.files;
  send(form, "verdict");
});

// follow looks every second how the last test login stands, until one that was not there before has an end.
let timer;
const follow = () => {
  const before = at().dataset.testStatus === "waiting" ? "" : at().dataset.testRef;
  const until = Date.now() + 20 * 60 * 1000;
  clearInterval(timer);
  let seen = at().dataset.testRef + at().dataset.testStatus;
  timer = setInterval(async () => {
    if (busy) return;
    if (Date.now() > until) return clearInterval(timer);
    const answer = await fetch(at().dataset.testState, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const test = await answer.json();
    if (!test.ref || test.ref === before || test.ref + test.status === seen) return;
    seen = test.ref + test.status;
    const page = await fetch(location.href, { headers: { Accept: "text/html" } });
    const over = test.status !== "waiting";
    if (over) clearInterval(timer);
    show(await page.text(), over ? "test-title" : undefined);
  }, 1000);
};

// attend looks every two seconds, while the page is seen, whether anything has come from the directory.
const attend = () => {
  setInterval(async () => {
    const state = at().dataset.directoryState;
    if (busy || document.hidden || !state) return;
    const answer = await fetch(state, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || (await answer.json()).seen === at().dataset.directorySeen || busy) return;
    const page = await fetch(at().dataset.directoryPage, { headers: { Accept: "text/html" } }).catch(() => null);
    if (page?.ok && !busy) show(await page.text());
  }, 2000);
};

if (at()) {
  if (at().dataset.directoryState) attend();
  ready();
  check();
  if (at().dataset.testStatus === "waiting") follow();
}
