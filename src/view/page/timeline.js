// The share of zeros of A and B over time, what switches, and where the page is: drag to scrub.

class Timeline {
  constructor(canvas, { seek, now }) {
    Object.assign(this, { canvas, seek, now });
    canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); this.held = true; this.go(e); });
    canvas.addEventListener("pointermove", (e) => { if (this.held) this.go(e); });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.held = false; });
  }

  load(motion) {
    const { ndx, nu } = matrices;
    this.shares = [["A", motion.zerosA, motion.undecidedA, ndx * ndx], ["B", motion.zerosB, motion.undecidedB, ndx * nu]]
      .filter(([, , , n]) => n > 0)
      .map(([name, zeros, undecided, n]) => ({ name, zero: Float64Array.from(zeros, (x) => x / n), undecided: Float64Array.from(undecided, (x) => x / n) }));
    this.flags = motion.flags;
    const changed = ABOUT.events.flags.find(([, name]) => name === "contacts_changed")[0];
    const T = ABOUT.steps;
    this.flagged = Array.from({ length: T }, (_, t) => t).filter((t) => motion.flags[t] & ~changed);
    this.switches = Array.from({ length: T }, (_, t) => t).filter((t) => t > 0 && touches.pairs.some((on) => on[t] !== on[t - 1]));
    // Limits and other constraints that begin or end.
    this.limits = Array.from({ length: T }, (_, t) => t).filter((t) => t > 0 && actingKey(motion, t) !== actingKey(motion, t - 1));
  }

  go(e) {
    const box = this.canvas.getBoundingClientRect();
    const t = (e.clientX - box.left - this.left) / Math.max(box.width - this.left - RIGHT, 1) * (ABOUT.steps - 1);
    this.seek(clamp(Math.round(t), 0, ABOUT.steps - 1));
  }

  // The nearest event before or after a step.
  event(from, way) {
    const all = [...new Set([...this.switches, ...this.flagged, ...this.limits])].sort((a, b) => a - b);
    return way > 0 ? all.find((t) => t > from) : all.findLast((t) => t < from);
  }

  draw(pair) {
    const sheet = sharp(this.canvas);
    if (!sheet || !this.shares) return;
    const { pen, w, h } = sheet, T = ABOUT.steps;
    const [ink, soft, grid, event] = ["ink", "soft", "grid", "event"].map(colour);
    const rows = [["contacts", this.switches, event], ["limits", this.limits, soft], ["flags", this.flagged, ink]].filter(([, all]) => all.length);
    const rowHeight = 10, foot = 15, bottom = h - foot - rows.length * rowHeight - 9, top = 6;
    this.left = 56;
    const x = (t) => this.left + (T > 1 ? t / (T - 1) : 0.5) * (w - this.left - RIGHT);
    const all = this.shares.flatMap((s) => [...s.zero]);
    let [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
    const least = 0.02, pad = Math.max(0.08 * (high - low), (least - (high - low)) / 2, 0);
    [low, high] = [Math.max(0, low - pad), Math.min(1, high + pad)];
    if (high - low < least) [low, high] = low === 0 ? [0, least] : [1 - least, 1];
    const y = (v) => top + (high - v) / (high - low) * (bottom - top);
    pen.font = `10px ${FONT}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const marks = ticks(low, high, Math.max(1, (bottom - top) / 26));
    const digits = marks.length > 1 && marks[1] - marks[0] < 0.0099 ? 1 : 0;
    for (const m of marks) {
      pen.strokeStyle = grid;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(this.left, Math.round(y(m)) + 0.5);
      pen.lineTo(w - RIGHT, Math.round(y(m)) + 0.5);
      pen.stroke();
      pen.fillStyle = soft;
      pen.fillText((100 * m).toFixed(digits) + " %", this.left - 6, y(m));
    }
    if (pair !== null) this.presence(pen, pair, x, top, h - foot - top, event);
    for (const { name, zero } of this.shares) {
      pen.strokeStyle = colour(name.toLowerCase());
      pen.lineWidth = 1.6;
      pen.setLineDash(name === "B" ? [5, 2.5] : []);
      pen.beginPath();
      zero.forEach((v, t) => (t ? pen.lineTo(x(t), y(v)) : pen.moveTo(x(t), y(v))));
      pen.stroke();
      if (T === 1) pen.strokeRect(x(0) - 2, y(zero[0]) - 2, 4, 4);
    }
    pen.setLineDash([]);
    rows.forEach(([name, steps, style], i) => {
      const at = bottom + 9 + i * rowHeight;
      pen.fillStyle = soft;
      pen.textAlign = "right";
      pen.fillText(name, this.left - 6, at + rowHeight / 2 - 1);
      pen.fillStyle = style;
      const width = clamp((x(1) - x(0)) * 0.7, 1, 3);
      for (const t of steps) pen.fillRect(x(t) - width / 2, at, width, rowHeight - 3);
    });
    this.times(pen, x, w, h - foot, soft);
    this.place = x;
    this.mark();
  }

  // Moves the mark of where the page is; what it lies on stays.
  mark() {
    if (this.place) this.canvas.nextElementSibling.style.transform = `translateX(${this.place(this.now()).toFixed(2)}px)`;
  }

  presence(pen, pair, x, top, height, event) {
    const on = touches.pairs[pair], half = (x(1) - x(0)) / 2 || 4;
    pen.fillStyle = event;
    pen.globalAlpha = 0.16;
    for (let t = 0; t < ABOUT.steps; t++) if (on[t]) pen.fillRect(x(t) - half, top, 2 * half + 0.2, height);
    pen.globalAlpha = 1;
  }

  times(pen, x, w, y, soft) {
    const [from, to] = [TIME[0], TIME[ABOUT.steps - 1]], span = to - from;
    pen.fillStyle = soft;
    pen.textBaseline = "top";
    const place = (t) => (span > 0 ? mix(x(0), x(ABOUT.steps - 1), (t - from) / span) : x(0));
    const marks = span > 0 ? ticks(from, to, Math.max(2, w / 110)) : [from];
    marks.forEach((t) => {
      const at = place(t), text = (marks.length > 1 ? plainTick(t, marks) : t.toFixed(2)) + " s", half = pen.measureText(text).width / 2;
      pen.textAlign = "left";
      pen.fillText(text, clamp(at - half, 0, w - 2 * half - 1), y + 2);
    });
  }

  // What a screen reader hears, and the numbers beside the controls.
  tell(step, keyElement) {
    this.canvas.setAttribute("aria-valuenow", step);
    this.canvas.setAttribute("aria-valuemax", ABOUT.steps - 1);
    const parts = this.shares.map((s) => `${s.name} ${percent(s.zero[step])}` + (s.undecided[step] ? ` (${percent(s.undecided[step])} undecided)` : ""));
    this.canvas.setAttribute("aria-valuetext", `step ${ABOUT.from + step}, ${seconds(TIME[step])}, zeros: ${parts.join(", ")}`);
    keyElement.replaceChildren(element("span", { class: "soft" }, "zeros "), ...this.shares.flatMap((s, i) => [
      element("i", { class: "dash " + s.name.toLowerCase(), "aria-hidden": true }), parts[i] + " "]));
  }
}

// Constraints that act at a step, as one word.
function actingKey(motion, t) {
  const all = [];
  for (let i = motion.actingFirst[t]; i < motion.actingFirst[t + 1]; i++)
    if (!ABOUT.events.constraints[motion.acting[i]].type.startsWith("friction")) all.push(motion.acting[i]);
  return all.join();
}
