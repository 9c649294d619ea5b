// A and B at a step: a square of colour for every entry, names along the axes, lines between bodies, the chosen entry.

const LEVELS = ABOUT.scale.map((c) => rgb(c).map((x) => Math.round(255 * x)));

class Matrix {
  constructor(canvas, { choose, hover, mode }) {
    Object.assign(this, { canvas, choose, hover, mode });
    this.picture = document.createElement("canvas");
    this.veil = document.createElement("canvas");
    this.rows = matrices.ndx;
    this.columns = matrices.ndx + matrices.nu;
    this.switching = null;
    const over = (e) => this.hover(this.at(e), e);
    canvas.addEventListener("pointermove", over);
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("click", (e) => { const entry = this.at(e); if (entry) this.choose(entry); });
    canvas.addEventListener("keydown", (e) => this.key(e));
  }

  key(e) {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
    if (!by || e.ctrlKey || e.metaKey || e.altKey || !this.rows) return;
    e.preventDefault();
    e.stopPropagation();
    const from = this.chosen, far = e.shiftKey ? 10 : 1;
    const row = from ? clamp(from.row + far * by[0], 0, this.rows - 1) : 0;
    const column = from ? clamp(from.column + (from.matrix === "B" ? matrices.ndx : 0) + far * by[1], 0, this.columns - 1) : 0;
    this.choose(this.entry(row, column));
  }

  entry(row, column) {
    return column < matrices.ndx ? { matrix: "A", row, column } : { matrix: "B", row, column: column - matrices.ndx };
  }

  // The entry below a pointer.
  at(e) {
    if (!this.cell) return null;
    const box = this.canvas.getBoundingClientRect(), y = Math.floor((e.clientY - box.top - this.top) / this.tall);
    const x = e.clientX - box.left - this.left, inA = Math.floor(x / this.cell), inB = Math.floor((x - this.gap) / this.cell);
    if (y < 0 || y >= this.rows) return null;
    if (inA >= 0 && inA < matrices.ndx) return { matrix: "A", row: y, column: inA };
    return inB >= matrices.ndx && inB < this.columns ? this.entry(y, inB) : null;
  }

  x(entry) {
    return this.left + (entry.matrix === "A" ? entry.column : entry.column + matrices.ndx) * this.cell + (entry.matrix === "B" ? this.gap : 0);
  }

  y(row) {
    return this.top + row * this.tall;
  }

  // How wide and high entries are, and where they begin. They are as large as there is room, and at most twice as wide as high.
  layout(pen, w, h) {
    pen.font = `10px ${FONT}`;
    const width = (names) => Math.max(12, ...names.slice(0, 400).map((n) => pen.measureText(shortened(n, 18)).width)) + 8;
    const side = CAPTION + Math.min(width(STATE), w * 0.22), top = Math.min(Math.max(width(STATE), width(CONTROL)), h * 0.3, 110);
    this.gap = matrices.nu ? Math.max(6, w * 0.018) : 0;
    const whole = (room) => Math.min(room >= 7 ? Math.floor(room) : room, 34);
    const across = (w - side - this.gap - 4) / Math.max(this.columns, 1), down = (h - top - CAPTION - 4) / Math.max(this.rows, 1);
    this.tall = whole(Math.min(down, across * 1.6));
    this.cell = whole(Math.min(across, this.tall * 2));
    const used = side + this.columns * this.cell + this.gap;
    this.left = side + Math.max(0, (w - used - 4) / 2);
    this.top = top + Math.max(0, (h - top - CAPTION - 4 - this.rows * this.tall) / 2);
    this.side = side - CAPTION;
  }

  draw(step, chosen, hovered) {
    this.chosen = chosen;
    const sheet = sharp(this.canvas);
    if (!sheet) return;
    const { pen, w, h } = sheet;
    this.layout(pen, w, h);
    const { left, top, cell, tall, gap } = this, [ndx, nu] = [matrices.ndx, matrices.nu];
    const [ink, soft, grid, paper] = ["ink", "soft", "grid", "paper"].map(colour);
    if (!ndx) {
      pen.fillStyle = soft;
      pen.font = `13px ${FONT}`;
      pen.fillText("The model has no degree of freedom.", 12, 24);
      return;
    }
    const parts = [["A", left, ndx, 0]].concat(nu ? [["B", left + ndx * cell + gap, nu, ndx]] : []);
    pen.fillStyle = paper;
    for (const [, x, n] of parts) pen.fillRect(x, top, n * cell, ndx * tall);
    if (matrices.has(step)) this.paint(step);
    pen.imageSmoothingEnabled = Math.min(cell, tall) * (devicePixelRatio || 1) < 1;
    const layers = [this.picture].concat(this.switching ? [this.veil] : []);
    for (const layer of matrices.has(step) ? layers : [])
      for (const [, x, n, from] of parts) pen.drawImage(layer, from, 0, n, ndx, x, top, n * cell, ndx * tall);
    this.lines(pen, parts, grid, soft);
    this.names(pen, parts, chosen, hovered, ink, soft);
    for (const [entry, strong] of [[hovered, false], [chosen, true]]) if (entry) this.mark(pen, entry, strong, ink, paper);
    this.captions(pen, parts, soft);
  }

  // What blocks of rows and columns are, along the left and below.
  captions(pen, parts, soft) {
    const { left, top, cell, tall, side } = this, { nv } = ABOUT.axes, ndx = matrices.ndx;
    pen.fillStyle = soft;
    pen.font = `11px ${FONT}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const blocks = [["pos", 0, nv], ["vel", nv, 2 * nv], ["act", 2 * nv, ndx]].filter(([, from, to]) => to > from);
    const below = blocks.map(([name, from, to]) => ["∂ " + name, parts[0][1] + from * cell, (to - from) * cell]);
    if (parts[1]) below.push(["∂ control", parts[1][1], parts[1][2] * cell]);
    for (const [name, x, width] of below) {
      // A single control is narrow; its short name hangs over into the gap.
      const isControl = name === "∂ control", names = isControl ? [name, "∂ ctrl"] : [name, name.slice(2)];
      const text = names.find((t) => pen.measureText(t).width <= width + this.gap) ?? (isControl ? "ctrl" : "");
      pen.fillText(text, x + width / 2, top + ndx * tall + CAPTION / 2 + 2);
    }
    for (const [name, from, to] of blocks) {
      if ((to - from) * tall < 22) continue;
      pen.save();
      pen.translate(left - side - CAPTION / 2, top + (from + to) / 2 * tall);
      pen.rotate(-Math.PI / 2);
      pen.fillText(name + "′", 0, 0);
      pen.restore();
    }
  }

  // Colours of the entries at a step.
  paint(step) {
    const [ndx, nu, w] = [matrices.ndx, matrices.nu, this.columns], mode = ABOUT.kept.values ? this.mode() : "verdict";
    const size = [w, ndx];
    if (this.picture.width !== w || this.picture.height !== ndx) [this.picture.width, this.picture.height] = [this.veil.width, this.veil.height] = size;
    const pen = this.picture.getContext("2d"), image = pen.createImageData(w, ndx), data = image.data;
    const bytes = (name) => rgb(colour(name)).map((x) => Math.round(255 * x));
    const [ink, paper, event] = ["ink", "paper", "event"].map(bytes);
    const [block, at, n] = matrices.at(step), [low, high] = ABOUT.decades;
    const dark = isDark(), floor = dark ? 0.16 : 0, ceiling = dark ? 1 : 0.96;
    for (const [name, columns, from] of [["A", ndx, 0], ["B", nu, ndx]]) {
      const verdicts = block[name + "Zero"], values = block[name];
      for (let row = 0; row < ndx; row++)
        for (let column = 0; column < columns; column++) {
          const k = (row * columns + column) * n + at, verdict = verdicts[k];
          let c;
          if (mode === "verdict") c = [ink, paper, event][verdict];
          else if (mode === "both" && verdict) c = verdict === 1 ? paper : event;
          else {
            const x = Math.abs(values[k]);
            if (Number.isNaN(x)) c = event;
            else if (x === 0) c = paper;
            else c = LEVELS[Math.round(clamp(mix(floor, ceiling, clamp((Math.log10(x) - low) / (high - low), 0, 1)), 0, 1) * (LEVELS.length - 1))];
          }
          const to = 4 * (row * w + from + column);
          data[to] = c[0]; data[to + 1] = c[1]; data[to + 2] = c[2]; data[to + 3] = 255;
        }
    }
    pen.putImageData(image, 0, 0);
    if (this.switching) this.cover(paper, event);
  }

  // Covers what does not switch with the chosen contact, and tints what does, the more the oftener.
  cover(paper, event) {
    const w = this.columns, pen = this.veil.getContext("2d"), image = pen.createImageData(w, matrices.ndx);
    for (const [name, columns, from] of [["A", matrices.ndx, 0], ["B", matrices.nu, matrices.ndx]])
      for (let k = 0; k < matrices.ndx * columns; k++) {
        const to = 4 * (Math.floor(k / columns) * w + from + (k % columns));
        const share = this.switching[name][k] / this.switching.steps.length;
        image.data.set(share ? event : paper, to);
        image.data[to + 3] = share ? 70 + 110 * share : 200;
      }
    pen.putImageData(image, 0, 0);
  }

  lines(pen, parts, grid, soft) {
    const { top, cell, tall } = this, ndx = matrices.ndx, { state_bodies, control_bodies, nv } = ABOUT.axes;
    const bounds = (groups) => groups.map((g, i) => i && String(g) !== String(groups[i - 1]) ? i : 0).filter((i) => i);
    const own = bounds(state_bodies), strong = [nv, 2 * nv].filter((i) => i > 0 && i < ndx);
    const fine = (list, n, size) => (n * size / (list.length + 1) >= 10 ? list : []);
    const [rowLines, height] = [fine(own, ndx, tall), ndx * tall];
    const line = (x1, y1, x2, y2) => { pen.moveTo(x1, y1); pen.lineTo(x2, y2); };
    for (const [style, width, rows, columns] of [[grid, 1, rowLines, null], [soft, 1, strong, strong]]) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.beginPath();
      for (const [name, x, n] of parts) {
        for (const i of rows) line(x, top + i * tall, x + n * cell, top + i * tall);
        const across = columns ?? fine(name === "A" ? own : bounds(control_bodies), n, cell);
        for (const i of name === "A" || !columns ? across : []) line(x + i * cell, top, x + i * cell, top + height);
        if (columns) pen.rect(x - 0.5, top - 0.5, n * cell + 1, height + 1);
      }
      pen.stroke();
    }
  }

  // Names along the left and the top; where there is no room for all, some of them and those of the entries in question.
  names(pen, parts, chosen, hovered, ink, soft) {
    const { left, top, cell, tall, side } = this, wanted = [hovered, chosen].filter((e) => e);
    pen.textBaseline = "middle";
    const draw = (names, marked, size, length, place) => {
      const every = Math.max(1, Math.ceil(10.5 / size));
      names.forEach((name, i) => {
        const own = marked.includes(i);
        if (!own && (i % every || marked.some((k) => Math.abs(k - i) * size < 10.5))) return;
        pen.font = `${own ? "bold " : ""}10px ${FONT}`;
        pen.fillStyle = own ? ink : soft;
        place(i, fitted(pen, name, length));
      });
    };
    pen.textAlign = "right";
    draw(STATE, wanted.map((e) => e.row), tall, side - 6, (k, text) => pen.fillText(text, left - 5, top + (k + 0.5) * tall));
    pen.textAlign = "left";
    for (const [name, x] of parts) {
      const columns = wanted.filter((e) => e.matrix === name).map((e) => e.column);
      draw(name === "A" ? STATE : CONTROL, columns, cell, this.top - 8, (k, text) => {
        pen.save();
        pen.translate(x + (k + 0.5) * cell, top - 5);
        pen.rotate(-Math.PI / 2);
        pen.fillText(text, 0, 0);
        pen.restore();
      });
    }
  }

  mark(pen, entry, strong, ink, paper) {
    const grow = Math.min(this.cell, this.tall) < 7 ? 2 : 0, [x, y] = [this.x(entry) - grow, this.y(entry.row) - grow];
    for (const [style, width] of [[paper, strong ? 4.5 : 3], [strong ? colour("event") : ink, strong ? 2.5 : 1.5]]) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.strokeRect(x, y, this.cell + 2 * grow, this.tall + 2 * grow);
    }
  }
}

// Room for what blocks are, px.
const CAPTION = 16;

// Names of the state without what the caption of their block says, and without the word "joint" that many end with.
const STATE = ABOUT.axes.state.map((name) => name.replace(/^(pos|vel|act):/, "").replace(/(?<=.)_joint(?=$|\.)/, ""));
const CONTROL = ABOUT.axes.control.map((name) => name.replace(/(?<=.)_joint$/, ""));

// A name with its middle left out until it is at most so wide.
function fitted(pen, name, width) {
  let most = 24, text = shortened(name, most);
  while (most > 4 && pen.measureText(text).width > width) text = shortened(name, --most);
  return text;
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
