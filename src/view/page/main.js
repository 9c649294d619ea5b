// Puts the parts together: one state, one function that draws it, and what people do.

let TIME = new Float64Array(1);
const get = (id) => document.getElementById(id);
const state = { entry: null, pair: null, found: null, hovered: null, mode: "both", loaded: 0 };
const dirty = new Set();
let frame = 0;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// What is to be drawn anew: the stage, what a step says, the matrix, the lists, the entry's curve, the time line.
const PARTS = ["stage", "step", "matrix", "acting", "entry", "line"];

function redraw(...parts) {
  for (const part of parts.length ? parts : PARTS) dirty.add(part);
  if (!frame) frame = requestAnimationFrame(draw);
}

const player = new Player(() => redraw("stage", "step"));
const stage = new Stage(get("stage"), () => redraw("stage"));
const matrix = new Matrix(get("matrix"), { choose: chooseEntry, hover, mode: () => state.mode });
const timeline = new Timeline(get("line"), { seek: (t) => { player.play(false); player.seek(t); }, now: () => player.time });
const acting = new Acting(get("acting"), { choosePair, chooseEntry });
let curve = null;

// What glows on the robot.
function glowing() {
  const out = state.entry ? new Set(outBodies(state.entry)) : new Set(), into = state.entry ? new Set(inBodies(state.entry)) : new Set();
  const pair = state.pair === null ? [] : ABOUT.events.pairs[state.pair], geoms = new Set(pair.filter((g) => g >= 0 && ABOUT.scene.geoms[g]?.kind !== "plane"));
  return {
    any: out.size + into.size + geoms.size > 0,
    geoms,
    glow: (body, palette) => (out.has(body) && into.has(body) ? scaled(add(palette.a, palette.b), 0.5) : out.has(body) ? palette.b : into.has(body) ? palette.a : null),
    touches: (a, b) => pair.length && Math.min(a, b) === pair[0] && Math.max(a, b) === pair[1],
  };
}

let lastStep = -1, lastFrame = 0;
function draw(now) {
  frame = 0;
  // Sizes change before there is anything to draw.
  if (!acting.motion) return;
  player.tick(now);
  const step = player.step, moving = player.playing || stage.camera.isHeld(now);
  if (moving && lastFrame) stage.took(Math.min(now - lastFrame, 1000));
  lastFrame = moving ? now : 0;
  const stepChanged = step !== lastStep || dirty.has("step");
  if (player.playing || dirty.has("stage") || stepChanged) stage.draw(calm.matches ? step : player.time, glowing(), moving);
  if (stepChanged || dirty.has("matrix")) matrix.draw(step, state.entry, state.hovered);
  if (stepChanged || dirty.has("acting")) acting.draw(step, state.pair, state.found);
  if (stepChanged || dirty.has("entry")) drawEntry(step, dirty.has("entry"));
  if (dirty.has("line")) timeline.draw(state.pair);
  timeline.mark();
  if (stepChanged) {
    timeline.tell(step, get("key"));
    get("now").textContent = `step ${ABOUT.from + step} · ${seconds(TIME[step])}`;
  }
  get("play").classList.toggle("playing", player.playing);
  get("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  lastStep = step;
  dirty.clear();
  if (player.playing && !frame) frame = requestAnimationFrame(draw);
  // What was drawn coarsely because it moved is drawn again when it stands.
  else if (stage.coarse) setTimeout(() => redraw("stage"), 120);
}

function drawEntry(step, anew) {
  const section = get("entry"), e = state.entry;
  if (!e) {
    if (section.dataset.entry !== "none") {
      section.replaceChildren(element("h2", {}, "Entry"), element("p", { class: "soft" }, "Choose an entry of A or B to see its value over time and the bodies that it joins; choose a contact to see which entries switch with it."));
      section.dataset.entry = "none";
      get("joined").hidden = true;
    }
    return;
  }
  const id = `${e.matrix} ${e.row} ${e.column}`;
  if (section.dataset.entry !== id) {
    section.dataset.entry = id;
    const canvas = element("canvas", { id: "curve", role: "img", "aria-label": "Its value along the steps" });
    section.replaceChildren(element("h2", { title: shortened(rowName(e), 200) + " by " + shortened(columnName(e), 200) }, entryName(e, 26)), element("p", { id: "value" }), element("div", { class: "track" }, canvas, element("i", { class: "mark" })));
    anew = true;
    curve = new Curve(canvas, { seek: (t) => { player.play(false); player.seek(t); }, now: () => player.time });
    get("joined").hidden = false;
    const same = String(outBodies(e)) === String(inBodies(e));
    get("joined").replaceChildren(...(same
      ? [element("i", { class: "dot both" }), "moves and is moved: " + bodyNames(outBodies(e))]
      : [element("i", { class: "dot b" }), "changes: " + bodyNames(outBodies(e)), element("br"), element("i", { class: "dot a" }), "by: " + bodyNames(inBodies(e))]));
  }
  get("value").replaceChildren(...valueWords(e, step));
  if (anew) curve.draw(e);
  curve.mark();
}

function valueWords(e, step) {
  if (!matrices.has(step)) return ["…"];
  const words = [];
  if (ABOUT.kept.values) words.push(element("b", { class: "number" }, number(matrices.value(e.matrix, entryIndex(e), step))), " ");
  words.push(element("span", { class: "verdict v" + matrices.verdict(e.matrix, entryIndex(e), step) }, verdictWords(e, step)));
  const floor = matrices.floor(e.row, step);
  if (!Number.isNaN(floor)) words.push(element("span", { class: "soft", title: "Largest noise of an entry in this row" }, ` floor of its row ${number(floor)}`));
  return words;
}

function chooseEntry(entry) {
  // Keys go on from here, whether it is drawn yet or not.
  state.entry = matrix.chosen = entry;
  if (entry) say(`${entry.matrix}: ${entryName(entry, 60)}: ` + valueText(entry));
  redraw("stage", "matrix", "entry");
}

function valueText(entry) {
  const step = player.step;
  if (!matrices.has(step)) return "not there yet";
  const value = ABOUT.kept.values ? number(matrices.value(entry.matrix, entryIndex(entry), step)) + ", " : "";
  return value + verdictWords(entry, step);
}

function choosePair(pair) {
  state.pair = pair;
  // Which entries switch needs all blocks; what comes later is seen when it is there.
  state.found = pair === null || !complete() ? null : switching(pair);
  matrix.switching = state.found;
  if (state.found) say(`${pairName(pair)}: ${state.found.steps.length} switches`);
  legend();
  redraw("stage", "matrix", "acting", "line");
}

const complete = () => state.loaded === Math.ceil(ABOUT.steps / ABOUT.kept.block);

function hover(entry, e) {
  const tip = get("tip"), same = String(entry && Object.values(entry)) === String(state.hovered && Object.values(state.hovered));
  if (!same) {
    state.hovered = entry;
    redraw("matrix");
  }
  tip.hidden = !entry || e?.pointerType === "touch";
  if (tip.hidden) return;
  if (!same || !tip.firstChild) {
    const lines = [element("b", {}, `${entry.matrix}  ${entryName(entry, 48)}`), element("div", {}, ...valueWords(entry, player.step))];
    if (state.found?.[entry.matrix][entryIndex(entry)]) lines.push(element("div", {}, `switches with the contact at ${state.found[entry.matrix][entryIndex(entry)]} of ${state.found.steps.length}`));
    tip.replaceChildren(...lines);
  }
  const { offsetWidth: w, offsetHeight: h } = tip;
  tip.style.left = clamp(e.clientX + 14, 4, innerWidth - w - 4) + "px";
  tip.style.top = (e.clientY + 18 + h > innerHeight ? e.clientY - h - 10 : e.clientY + 18) + "px";
}

let saying = 0;
function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => { get("said").textContent = text; }, 80);
}

function legend() {
  const mode = ABOUT.kept.values ? state.mode : "verdict", parts = [], box = (style) => element("i", { class: "box", style });
  if (mode !== "verdict") {
    const [low, high] = ABOUT.decades, from = isDark() ? 0.16 : 0, colours = ABOUT.scale.slice(Math.round(from * (ABOUT.scale.length - 1)));
    const bar = element("i", { class: "bar", style: `background:linear-gradient(90deg,${colours.join(",")})` });
    parts.push(element("span", {}, `|x| 10`, element("sup", {}, String(low).replace("-", "−")), " ", bar, " 10", element("sup", {}, String(high).replace("-", "−"))));
  } else parts.push(element("span", {}, box("background:var(--ink)"), "nonzero"));
  const below = ABOUT.kept.test ? "zero" : `below ${ABOUT.kept.threshold}`;
  parts.push(element("span", {}, box("background:var(--paper)"), mode === "size" ? "exactly 0" : below));
  if (ABOUT.kept.test || mode === "size") parts.push(element("span", {}, box("background:var(--event)"), mode === "size" ? "no number" : "undecided"));
  if (state.pair !== null) parts.push(element("span", {}, box("background:color-mix(in srgb,var(--event) 55%,var(--paper))"), "switches with the contact"));
  get("legend").replaceChildren(...parts);
}

function setMode(mode) {
  state.mode = mode;
  document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
  legend();
  redraw("matrix");
}

function setTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  themed();
}

function themed() {
  stage.palette = null;
  legend();
  redraw();
}

function setSpeed(by) {
  const list = get("speed");
  list.selectedIndex = clamp(list.selectedIndex + by, 0, list.options.length - 1);
  player.speed = Number(list.value);
}

function toggle(id, value, then) {
  const button = get(id);
  button.addEventListener("click", () => {
    stage[value] = !stage[value];
    button.setAttribute("aria-pressed", String(stage[value]));
    if (then) then();
    redraw("stage");
  });
}

const goTo = (t) => { player.play(false); player.seek(t); };
const ACTIONS = {
  " ": () => player.play(),
  ArrowLeft: (e) => goTo(player.step - (e.shiftKey ? 10 : 1)),
  ArrowRight: (e) => goTo(player.step + (e.shiftKey ? 10 : 1)),
  Home: () => goTo(0),
  End: () => goTo(ABOUT.steps - 1),
  "[": () => goTo(timeline.event(player.step, -1) ?? player.step),
  "]": () => goTo(timeline.event(player.step, 1) ?? player.step),
  "<": () => setSpeed(-1),
  ">": () => setSpeed(1),
  m: () => { if (ABOUT.kept.values) setMode({ size: "verdict", verdict: "both", both: "size" }[state.mode]); },
  f: () => get("follow").click(),
  r: () => stage.camera.reset(),
  t: setTheme,
  "?": () => get("keys").showModal(),
  Escape: () => { chooseEntry(null); choosePair(null); },
};

function keys(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || get("keys").open) return;
  const own = e.target.closest("button,select,input,summary,dialog");
  // Space and Enter are a button's own, arrows those of lists.
  if (own && (e.key === " " || e.key === "Enter" || (e.key.startsWith("Arrow") && own.matches("select,input")) || own.matches("select"))) return;
  const action = ACTIONS[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (!action) return;
  e.preventDefault();
  action(e);
}

function wire() {
  document.addEventListener("keydown", keys);
  get("play").addEventListener("click", () => player.play());
  for (const [id, to] of [["first", () => 0], ["back", () => player.step - 1], ["on", () => player.step + 1], ["last", () => ABOUT.steps - 1]])
    get(id).addEventListener("click", () => goTo(to()));
  get("speed").addEventListener("change", () => { player.speed = Number(get("speed").value); });
  get("theme").addEventListener("click", setTheme);
  get("keys-button").addEventListener("click", () => get("keys").showModal());
  get("notes-button")?.addEventListener("click", () => {
    const open = get("notes").hidden;
    get("notes").hidden = !open;
    get("notes-button").setAttribute("aria-expanded", String(open));
  });
  get("reset-camera").addEventListener("click", () => stage.camera.reset());
  toggle("follow", "follow");
  toggle("collide", "collide");
  get("collide").hidden = ABOUT.scene.geoms.every((g) => g.shown || g.kind === "none");
  for (const input of document.querySelectorAll("input[name=mode]")) {
    input.addEventListener("change", () => setMode(input.value));
    if (!ABOUT.kept.values) input.closest("fieldset").hidden = true;
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed);
  const resized = new ResizeObserver(() => redraw());
  for (const id of ["stage", "matrix", "line", "entry"]) resized.observe(get(id));
  addEventListener("hashchange", fromAddress);
}

// #step=120 in the address is where the page opens.
function fromAddress() {
  const step = Number(new URLSearchParams(location.hash.slice(1)).get("step") ?? NaN);
  if (Number.isInteger(step)) goTo(step - ABOUT.from);
}

async function start() {
  legend();
  wire();
  const [scene, motion] = await Promise.all([unpack("scene"), unpack("motion")]);
  TIME = motion.time;
  touches.load(motion);
  acting.load(motion);
  timeline.load(motion);
  stage.load(scene, motion);
  if (!stage.gl) {
    get("no-stage").hidden = false;
    get("no-stage").textContent = "This browser has no WebGL 2, so that the robot is not drawn; everything else works.";
  }
  fromAddress();
  redraw();
  await matrices.load((block) => {
    state.loaded = block + 1;
    const { step } = player;
    if (Math.floor(step / ABOUT.kept.block) === block || complete()) redraw("step", "entry");
    if (block === 0) document.documentElement.dataset.shown = Math.round(performance.now());
  });
  if (state.pair !== null) choosePair(state.pair);
  document.documentElement.dataset.ready = Math.round(performance.now());
}

start().catch((error) => {
  get("no-stage").hidden = false;
  get("no-stage").textContent = "The page cannot be shown: " + error.message;
  console.error(error);
});
