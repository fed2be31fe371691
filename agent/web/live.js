// SPDX-License-Identifier: Apache-2.0
"use strict";
(() => {
  const stale = document.getElementById("stale");
  const main = document.querySelector("main");
  let last = Date.now(), busy = false, again = false;
  // Sections are replaced one by one and only where they differ: screen readers speak what is new, and nothing else.
  const put = html => {
    const next = new DOMParser().parseFromString(html, "text/html").body;
    for (const section of next.querySelectorAll("section")) {
      const old = document.getElementById(section.id);
      if (!old) main.append(section);
      else if (old.innerHTML !== section.innerHTML) old.innerHTML = section.innerHTML;
    }
  };
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch("/fragment", {cache: "no-store"});
      if (answer.ok) { put(await answer.text()); last = Date.now(); }
    } catch { /* told below as stale */ }
    busy = false;
    if (again) { again = false; refresh(); }
  };
  new EventSource("/api/v1/events").addEventListener("status", refresh);
  setInterval(() => {
    const age = Math.round((Date.now() - last) / 1000);
    stale.hidden = age < 10;
    if (!stale.hidden) stale.textContent = `No connection to the node: what you see is ${age} s old.`;
  }, 1000);
})();
