// SPDX-License-Identifier: Apache-2.0
// Keeps the page up to date: after every event the server's sections are fetched and put in where they differ.
"use strict";
const page = {after: [], seen: Date.now(), every: 0};
{
  const STALE_MS = 5000;  // calm events come every 2 s
  const POLL_MS = 3000;  // without events, as the 17th viewer gets none, the sections are fetched by themselves
  const POLLED_MS = 12000;  // and are old then only when a fetch failed, or none was answered so long
  const ANSWER_MS = 5000;  // for one fetch
  const AGAIN_MS = 15000;  // a refused stream is asked for again
  const main = document.querySelector("main"), stale = document.getElementById("stale"), old = stale.querySelector("span");

  // Elements are changed in place, so that focus, what is typed, what is unfolded and what a screen reader is
  // reading stay; only what differs is touched, so that only news are spoken. `data-own` belongs to the script.
  const same = (a, b) => a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
  const morph = (old, next) => {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
      return;
    }
    if (old.hasAttribute("data-own")) return;
    for (const {name} of [...old.attributes])
      if (!next.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const {name, value} of next.attributes)
      if (old.getAttribute(name) !== value && name !== "autofocus") old.setAttribute(name, value);
    children(old, next);
  };
  const children = (old, next) => {
    let at = old.firstChild;
    for (const child of [...next.childNodes]) {
      const kept = child.id && [...old.children].find(each => each.id === child.id);
      if (kept && kept !== at) { old.insertBefore(kept, at); at = kept; }
      if (at && same(at, child)) { morph(at, child); at = at.nextSibling; }
      else old.insertBefore(child, at);
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  };

  let busy = false, again = false, asked = 0, failed = false;
  const where = () => {
    const query = new URLSearchParams(location.search);
    query.set("lang", document.documentElement.lang);
    return "/fragment?" + query;
  };
  page.refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    asked = Date.now();
    try {
      const answer = await fetch(where(), {cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS)});
      failed = !answer.ok;
      if (!failed) {
        children(main, new DOMParser().parseFromString(await answer.text(), "text/html").body);
        page.seen = Date.now();
        page.after.forEach(each => each());
      }
    } catch { failed = true; }
    busy = false;
    if (again) { again = false; page.refresh(); }
  };

  let stream, tried = 0, refused = false;
  const follow = () => {
    tried = Date.now();
    stream = new EventSource("/api/v1/events");
    stream.addEventListener("status", page.refresh);
    stream.addEventListener("open", () => { refused = false; });
    // 2: the browser gave it up, as after "too many"; else it tries again by itself
    stream.addEventListener("error", () => { refused = stream.readyState === 2; });
  };
  follow();
  setInterval(() => {
    const now = Date.now(), age = now - page.seen;
    stale.hidden = age < (refused && !failed ? POLLED_MS : STALE_MS);
    old.textContent = old.dataset.text.replace("{n}", Math.round(age / 1000));
    if (!busy && age >= POLL_MS && now - asked >= POLL_MS) page.refresh();
    // that of a phone that walked away and came back may be half dead
    if (now - tried > AGAIN_MS && (refused || age > AGAIN_MS)) { stream.close(); follow(); }
  }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) page.refresh(); });

  const button = document.getElementById("theme"), root = document.documentElement;
  const themes = ["auto", "light", "dark", "sun"];
  const show = theme => {
    if (theme === "auto") root.removeAttribute("data-theme"); else root.dataset.theme = theme;
    button.textContent = button.dataset[theme];
    button.dataset.now = theme;
  };
  let stored = "auto";
  try { stored = localStorage.getItem("theme") || stored; } catch { /* private window */ }
  show(themes.includes(stored) ? stored : "auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = themes[(themes.indexOf(button.dataset.now) + 1) % themes.length];
    show(theme);
    try { localStorage.setItem("theme", theme); } catch { /* private window */ }
  });
}
