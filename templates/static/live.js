// Looks again every five seconds while the page is seen, and when it comes back into sight, and takes over only what changed.
const again = async () => {
  if (document.hidden || document.querySelector("dialog[open], details[open], :focus:is(input, textarea, select)")) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  const main = document.querySelector("main");
  if (fresh && fresh.innerHTML !== main.innerHTML) main.replaceChildren(...fresh.childNodes);
};
setInterval(again, 5000);
document.addEventListener("visibilitychange", again);
