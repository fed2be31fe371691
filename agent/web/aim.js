// SPDX-License-Identifier: Apache-2.0
// Aligning an antenna: one chosen neighbour read twice a second, its best value, a graph of 30 s, a tone.
{
  const SPAN_MS = 30000, FAST_MS = 500, WEAKEST = -95, STRONGEST = -30;
  const seen = new Map();  // id of a station > {points: [[time, dBm]], best, bestAt}
  let sound = null, fast = 0;

  const tone = dbm => {
    if (!sound || sound.state !== "running") return;
    const from = sound.createOscillator(), loud = sound.createGain();
    from.frequency.value = 200 + (dbm - WEAKEST) * 20;  // Hz: the higher, the stronger
    loud.gain.value = 0.2;
    from.connect(loud).connect(sound.destination);
    from.start();
    from.stop(sound.currentTime + 0.12);
  };
  const draw = (svg, points, now) => {
    if (!svg.firstChild) svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    svg.setAttribute("preserveAspectRatio", "none");
    const at = ([time, dbm]) => `${Math.round(300 - (now - time) / SPAN_MS * 300)} ${Math.round(STRONGEST - dbm)}`;
    svg.firstChild.setAttribute("d", points.length > 1 ? "M" + points.map(at).join("L") : "");
  };
  const update = () => {
    const bar = document.getElementById("aim"), now = Date.now();
    if (!bar) return;
    const chosen = document.querySelector(".aim:target");
    for (const box of document.querySelectorAll(".aim")) {
      const dbm = box.dataset.dbm === "" ? null : Number(box.dataset.dbm), button = box.querySelector(".sound");
      button.hidden = false;
      button.setAttribute("aria-pressed", String(sound !== null));
      let past = seen.get(box.id);
      if (!past) seen.set(box.id, past = {points: [], best: null, bestAt: 0});
      if (dbm !== null) {
        past.points.push([now, dbm]);
        if (past.best === null || dbm >= past.best) { past.best = dbm; past.bestAt = now; }
        if (box === chosen) tone(dbm);
      }
      past.points = past.points.filter(([time]) => now - time <= SPAN_MS);
      draw(box.querySelector(".graph"), past.points, now);
      if (past.best !== null)
        box.querySelector(".best").textContent = bar.dataset.best
          .replace("{n}", String(past.best).replace("-", "−")).replace("{age}", Math.round((now - past.bestAt) / 1000));
    }
    if (chosen) fast = setTimeout(page.refresh, FAST_MS);
  };
  page.after.push(() => { clearTimeout(fast); update(); });
  update();
  addEventListener("hashchange", () => page.refresh());
  document.addEventListener("click", event => {
    if (!event.target.classList.contains("sound")) return;
    if (sound) { sound.close(); sound = null; } else sound = new AudioContext();
    page.refresh();
  });
}
