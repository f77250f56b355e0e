// Goes on by the page's link when every app has answered its sign-out, after three seconds at the latest.
const link = document.getElementById("leave");
const frames = [...document.querySelectorAll("iframe")];
const loaded = frames.map((f) => new Promise((done) => f.addEventListener("load", done, { once: true })));
const late = new Promise((done) => setTimeout(done, 3000));
if (link) {
  Promise.race([Promise.all(loaded), late]).then(() => location.replace(link.href));
}
