// Names and numbers as people read them. Names are whatever their authors wrote: they only ever become text.

const NAME = 40;

// A long name with its middle left out.
function shortened(name, most = NAME) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const half = (most - 1) >> 1;
  return letters.slice(0, half).join("") + "…" + letters.slice(-half).join("");
}

// Four digits; the page has no more.
function number(x) {
  if (Number.isNaN(x)) return "no number";
  if (!Number.isFinite(x)) return x > 0 ? "above 3.4e38" : "below −3.4e38";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1.2e-38) return "below 1.2e−38";
  const text = size >= 1e-3 && size < 1e5 ? x.toPrecision(4) : x.toExponential(3);
  return text.replace(/-/g, "−");
}

const percent = (share) => (100 * share).toFixed(share > 0 && share < 0.0995 ? 2 : 1) + " %";

function seconds(t) {
  return t.toFixed(ABOUT.dt < 0.01 ? 3 : 2) + " s";
}

function millimetres(x) {
  const mm = 1e3 * x, size = Math.abs(mm);
  return (size >= 100 ? mm.toFixed(0) : size >= 1 ? mm.toFixed(1) : mm.toPrecision(2)).replace("-", "−") + " mm";
}

const rowName = (e) => ABOUT.axes.state[e.row];
const columnName = (e) => (e.matrix === "A" ? ABOUT.axes.state : ABOUT.axes.control)[e.column];
const entryName = (e, most = NAME) => `∂ ${shortened(rowName(e), most)} / ∂ ${shortened(columnName(e), most)}`;
const entryIndex = (e) => e.row * matrices.columns(e.matrix) + e.column;
const outBodies = (e) => ABOUT.axes.state_bodies[e.row];
const inBodies = (e) => (e.matrix === "A" ? ABOUT.axes.state_bodies : ABOUT.axes.control_bodies)[e.column];
const bodyNames = (bodies) => {
  const names = bodies.slice(0, 3).map((b) => shortened(ABOUT.scene.bodies[b].name, 24));
  return bodies.length ? names.join(", ") + (bodies.length > 3 ? ` and ${bodies.length - 3} more` : "") : "no body";
};

// A geom without a name is called by its body.
function geomName(number) {
  if (number < 0) return "flex";
  const geom = ABOUT.scene.geoms[number];
  if (!geom) return `geom ${number}`;
  return /^geom\d+(#\d+)?$/.test(geom.name) ? ABOUT.scene.bodies[geom.body].name : geom.name;
}

const pairName = (pair, most = 22) => ABOUT.events.pairs[pair].map((g) => shortened(geomName(g), most)).join(" – ");

// What an entry is at a step, in words.
function verdictWords(e, step) {
  const verdict = VERDICTS[matrices.verdict(e.matrix, entryIndex(e), step)];
  if (ABOUT.kept.test) return verdict;
  return verdict === "zero" ? `below ${ABOUT.kept.threshold}` : verdict;
}

// An element with text and attributes.
function element(tag, attributes = {}, ...children) {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) out.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) out.setAttribute(name, value === true ? "" : value);
  }
  out.append(...children);
  return out;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

// A canvas as sharp as the screen, and what draws on it in CSS pixels; null where it has no size.
function sharp(canvas) {
  const [w, h, scale] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
  if (!w || !h) return null;
  const [pw, ph] = [Math.round(w * scale), Math.round(h * scale)];
  if (canvas.width !== pw || canvas.height !== ph) [canvas.width, canvas.height] = [pw, ph];
  const pen = canvas.getContext("2d");
  pen.setTransform(pw / w, 0, 0, ph / h, 0, 0);
  pen.clearRect(0, 0, w, h);
  return { pen, w, h };
}

const FONT = "system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif";

// Round numbers from a low one to a high one, about so many.
function ticks(low, high, about) {
  const span = high - low || 1, raw = span / Math.max(about, 1), size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * size).find((s) => s >= raw), out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k++) out.push(k * step);
  return out;
}
