// What is under the pointer, or where the arrow keys have gone: values and names of marks and cells.
const tip = Object.assign(document.createElement("div"), { id: "tip", hidden: true });
tip.setAttribute("role", "status");
document.body.append(tip);
const hot = document.createElementNS("http://www.w3.org/2000/svg", "path");
hot.setAttribute("class", "hot");
const read = new WeakMap();
function spots(box) {
  if (!read.has(box)) read.set(box, JSON.parse(box.dataset.hover));
  return read.get(box);
}
function leave() {
  tip.hidden = true;
  hot.remove();
}
// One cell or mark: its text, and its outline in the drawing.
function cellOf(grid, row, column) {
  const [x, y] = grid.at, [w, h] = grid.cell;
  const text = grid.texts[grid.cells[row * grid.columns.length + column]];
  return {
    text: `${grid.rows[row]}\n${grid.columns[column]}\n${text}`,
    at: [x + (column + 0.5) * w, y + (row + 0.5) * h],
    path: `M${x + column * w} ${y + row * h}h${w}v${h}h${-w}z`,
  };
}
function markOf(said, [left, top, series, x, y]) {
  const [px, py] = [left / 10, top / 10];
  const line = (axis, value) => (axis ? `${axis}: ${value}` : value);
  const text = [said.series[series], line(said.axes[1], y), line(said.axes[0], x)].filter(Boolean).join("\n");
  return { text, at: [px, py], path: `M${px - 6} ${py}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z` };
}
function under(said, [x, y]) {
  for (const grid of said.grids) {
    const column = Math.floor((x - grid.at[0]) / grid.cell[0]), row = Math.floor((y - grid.at[1]) / grid.cell[1]);
    if (row >= 0 && column >= 0 && row < grid.rows.length && column < grid.columns.length) return cellOf(grid, row, column);
  }
  let best = null, least = 14 * 14;
  for (const mark of said.marks) {
    const far = (mark[0] / 10 - x) ** 2 + (mark[1] / 10 - y) ** 2;
    if (far < least) [best, least] = [mark, far];
  }
  return best && markOf(said, best);
}
function say(svg, spot) {
  if (!spot) return leave();
  hot.setAttribute("d", spot.path);
  svg.append(hot);
  tip.textContent = spot.text;
  tip.hidden = false;
  const place = new DOMPoint(...spot.at).matrixTransform(svg.getScreenCTM());
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(Math.max(place.x + 12, 4), innerWidth - width - 4);
  const over = place.y - height - 10;
  tip.style.left = `${left}px`;
  tip.style.top = `${over < 4 ? place.y + 14 : over}px`;
}
function point(event) {
  const box = event.target.closest?.("[data-hover]");
  if (!box) return leave();
  const svg = box.querySelector("svg");
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  say(svg, under(spots(box), [at.x, at.y]));
}
document.addEventListener("pointermove", point);
document.addEventListener("pointerdown", point);
document.addEventListener("scroll", leave, true);
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("[data-hover]"), step = STEPS[event.key];
  if (event.key === "Escape") leave();
  if (!box || !step) return;
  event.preventDefault();
  const said = spots(box), svg = box.querySelector("svg");
  if (said.grids.length) {
    // The grids stand side by side and have the same rows.
    const widths = said.grids.map((grid) => grid.columns.length), all = widths.reduce((a, b) => a + b, 0);
    const [row, column] = box.cursor ?? [-step[0], -step[1]];
    const rows = said.grids[0].rows.length;
    box.cursor = [(row + step[0] + rows) % rows, (column + step[1] + all) % all];
    let [r, c] = box.cursor, k = 0;
    while (c >= widths[k]) c -= widths[k++];
    say(svg, cellOf(said.grids[k], r, c));
  } else {
    const order = (box.order ??= [...said.marks].sort((a, b) => a[2] - b[2] || a[1] * !said.axes[1] - b[1] * !said.axes[1] || a[0] - b[0]));
    box.cursor = ((box.cursor ?? -(step[0] + step[1])) + step[0] + step[1] + order.length) % order.length;
    say(svg, markOf(said, order[box.cursor]));
  }
});
document.addEventListener("focusout", leave);
