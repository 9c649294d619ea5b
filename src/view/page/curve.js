// One entry along the steps: its value, and its verdict as a band below.

class Curve {
  constructor(canvas, { seek, now }) {
    Object.assign(this, { canvas, seek, now });
    const go = (e) => this.seek(this.step(e));
    canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); this.held = true; go(e); });
    canvas.addEventListener("pointermove", (e) => { if (this.held) go(e); });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.held = false; });
  }

  step(e) {
    const box = this.canvas.getBoundingClientRect();
    const share = (e.clientX - box.left - this.left) / Math.max(box.width - this.left - RIGHT, 1);
    return clamp(Math.round(share * (ABOUT.steps - 1)), 0, ABOUT.steps - 1);
  }

  draw(entry) {
    const sheet = sharp(this.canvas);
    if (!sheet) return;
    const { pen, w, h } = sheet, T = ABOUT.steps, k = entryIndex(entry);
    const [ink, soft, grid, line, event] = ["ink", "soft", "grid", entry.matrix === "A" ? "a" : "b", "event"].map(colour);
    const values = Float64Array.from({ length: T }, (_, t) => matrices.has(t) ? matrices.value(entry.matrix, k, t) : NaN);
    const finite = values.filter(Number.isFinite);
    let [low, high] = finite.length ? [Math.min(0, ...finite), Math.max(0, ...finite)] : [0, 1];
    if (low === high) high = low + 1;
    const pad = 0.06 * (high - low);
    if (low < 0) low -= pad;
    if (high > 0) high += pad;
    const bottom = 24, top = 6, marks = ticks(low, high, Math.max(2, (h - top - bottom) / 30));
    pen.font = `10px ${FONT}`;
    const texts = marks.map((m) => plainTick(m, marks));
    this.left = Math.max(...texts.map((t) => pen.measureText(t).width), 16) + 10;
    const x = (t) => this.left + (T > 1 ? t / (T - 1) : 0.5) * (w - this.left - RIGHT), y = (v) => top + (high - v) / (high - low) * (h - top - bottom);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    marks.forEach((m, i) => {
      pen.strokeStyle = m === 0 ? soft : grid;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(this.left, Math.round(y(m)) + 0.5);
      pen.lineTo(w - RIGHT, Math.round(y(m)) + 0.5);
      if (ABOUT.kept.values) pen.stroke();
      pen.fillStyle = soft;
      if (ABOUT.kept.values) pen.fillText(texts[i], this.left - 5, y(m));
    });
    if (ABOUT.kept.values) {
      pen.strokeStyle = line;
      pen.lineWidth = 1.6;
      pen.lineJoin = "round";
      pen.beginPath();
      let open = false;
      values.forEach((v, t) => {
        if (!Number.isFinite(v)) { open = false; return; }
        if (open) pen.lineTo(x(t), y(v)); else pen.moveTo(x(t), y(v));
        open = true;
      });
      pen.stroke();
      if (T === 1) { pen.fillStyle = line; pen.fillRect(x(0) - 2, y(values[0]) - 2, 4, 4); }
    } else {
      pen.textAlign = "center";
      pen.fillStyle = soft;
      pen.fillText("Verdicts alone were recorded.", w / 2, h / 3);
    }
    this.band(pen, entry, k, x, h - bottom + 6, { ink, grid, event });
    pen.fillStyle = soft;
    pen.textBaseline = "top";
    pen.textAlign = "left";
    pen.fillText(seconds(TIME[0]), this.left, h - 11);
    pen.textAlign = "right";
    pen.fillText(seconds(TIME[T - 1]), w - RIGHT, h - 11);
    this.place = x;
    this.mark();
  }

  mark() {
    if (this.place) this.canvas.nextElementSibling.style.transform = `translateX(${this.place(this.now()).toFixed(2)}px)`;
  }

  band(pen, entry, k, x, y, { ink, grid, event }) {
    const half = (x(1) - x(0)) / 2 || 4;
    for (let t = 0; t < ABOUT.steps; t++) {
      if (!matrices.has(t)) continue;
      const verdict = matrices.verdict(entry.matrix, k, t);
      pen.fillStyle = [ink, grid, event][verdict];
      pen.fillRect(x(t) - half, y, 2 * half + 0.3, 5);
    }
  }
}

const RIGHT = 10;

// Ticks of one axis have as many digits as they need to differ.
function plainTick(x, all) {
  if (x === 0) return "0";
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(x), size = Math.max(...all.map(Math.abs));
  if (size >= 1e5 || size < 1e-3) {
    const digits = clamp(Math.ceil(Math.log10(Math.abs(x) / step) - 1e-9) + (Math.abs(x) >= step ? 0 : 1), 0, 3);
    return x.toExponential(digits).replace("e+", "e").replace(/-/g, "−");
  }
  return x.toFixed(clamp(Math.ceil(-Math.log10(step) - 1e-9), 0, 6)).replace("-", "−");
}
