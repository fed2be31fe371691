// SPDX-License-Identifier: Apache-2.0
// Aligning an antenna: one chosen neighbour read twice a second, its best value, a graph of 30 s, a tone.
{
  const SPAN_MS = 30000, FAST_MS = 500, WEAKEST = -95, STRONGEST = -30;
  const seen = new Map();  // key > {points: [[time, dBm]], best, bestAt}
  let chosen = "", sound = null;

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
    bar.hidden = false;
    document.getElementById("aim-sound").setAttribute("aria-pressed", String(sound !== null));
    for (const box of document.querySelectorAll(".aim")) {
      const key = box.dataset.key, dbm = box.dataset.dbm === "" ? null : Number(box.dataset.dbm);
      box.hidden = chosen !== "" && chosen !== key;
      let past = seen.get(key);
      if (!past) seen.set(key, past = {points: [], best: null, bestAt: 0});
      if (dbm !== null) {
        past.points.push([now, dbm]);
        if (past.best === null || dbm >= past.best) { past.best = dbm; past.bestAt = now; }
        if (chosen === key) tone(dbm);
      }
      past.points = past.points.filter(([time]) => now - time <= SPAN_MS);
      draw(box.querySelector(".graph"), past.points, now);
      if (past.best !== null)
        box.querySelector(".best").textContent = bar.dataset.best
          .replace("{n}", String(past.best).replace("-", "−")).replace("{age}", Math.round((now - past.bestAt) / 1000));
    }
  };
  page.after.push(update);
  update();
  document.addEventListener("change", event => {
    if (event.target.id !== "aim-who") return;
    chosen = event.target.value;
    update();
  });
  document.addEventListener("click", event => {
    if (event.target.id !== "aim-sound") return;
    if (sound) { sound.close(); sound = null; } else sound = new AudioContext();
    update();
  });
  setInterval(() => { if (chosen && !document.hidden) page.refresh(); }, FAST_MS);
}
