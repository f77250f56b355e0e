// The console's keys and conveniences; every page works without.
addEventListener("keydown", (e) => {
  if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
  const find = document.getElementById("find");
  if (!find) return;
  e.preventDefault();
  find.focus();
  find.select();
});
// A whole row is a link where it has one; a selection or another control in it comes first.
for (const row of document.querySelectorAll("tr[data-href]")) {
  row.addEventListener("click", (e) => {
    if (e.target.closest("a,button,input,label") || String(getSelection())) return;
    location.assign(row.dataset.href);
  });
}
// Of tabs in one long row, the current one is in sight.
for (const here of document.querySelectorAll("nav [aria-current]")) {
  const row = here.closest("nav");
  row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
