"use strict";
// Light or dark, whatever the system prefers.
const root = document.documentElement;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
// Bytes of base64 text, unpacked where they are gzip.
async function unpacked(text, gzip) {
  const blob = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
  return gzip ? new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).blob() : blob;
}
// The part of a recording is unpacked when it is opened for the first time; it may stand behind what is still being read.
const loaded = new Promise((done) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", done); else done();
});
async function fill(part) {
  if (part.dataset.full) return;
  part.dataset.full = "yes";
  // What the parser is still reading is there already, but not whole.
  await loaded;
  try {
    const blob = await unpacked(document.getElementById(`packed-${part.id}`).textContent.trim(), true);
    part.insertAdjacentHTML("beforeend", await blob.text());
  } catch (trouble) {
    part.insertAdjacentHTML("beforeend", `<p class="warn">This browser cannot unpack the part.</p>`);
    throw trouble;
  }
}
const parts = [...document.querySelectorAll(".part")];
for (const part of parts) part.addEventListener("toggle", () => { if (part.open) fill(part); });
async function arrive() {
  const part = parts.find((p) => `#${p.id}` === location.hash);
  if (!part) return;
  if (part.hidden) {
    find.value = "";
    if (suite) suite.value = "";
    narrow();
  }
  part.open = true;
  await fill(part);
  part.scrollIntoView({ behavior: "instant" });
}
// What is searched for stays, in every table that begins with recordings and in the list of their parts.
const find = document.getElementById("find"), suite = document.getElementById("suite");
const known = new Map(parts.map((part) => [part.dataset.name, part.dataset]));
function narrow() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = ({ name, task, suite: of }) =>
    words.every((word) => `${name} ${task}`.toLowerCase().includes(word)) && (!suite?.value || of === suite.value);
  for (const part of parts) part.hidden = !wanted(part.dataset);
  for (const row of document.querySelectorAll("main > section > .scroll tbody tr")) {
    const recording = known.get(row.cells[0].textContent);
    if (recording) row.hidden = !wanted(recording);
  }
  document.getElementById("found").textContent = `${parts.filter((p) => !p.hidden).length} of ${parts.length}`;
}
find?.addEventListener("input", narrow);
suite?.addEventListener("change", narrow);
if (find) narrow();
if (parts.length <= 2) parts.forEach((part) => { part.open = true; });
addEventListener("hashchange", arrive);
arrive();
// A click on a head sorts the table by its column.
for (const head of document.querySelectorAll(".front thead th")) {
  head.addEventListener("click", () => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const up = head.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      const [u, v] = [parseFloat(x), parseFloat(y)];
      if (isNaN(u) !== isNaN(v)) return isNaN(u) ? 1 : -1;
      return (isNaN(u) ? x.localeCompare(y) : u - v) * (up ? 1 : -1);
    };
    [...body.rows].sort(order).forEach((row) => body.append(row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
}
// Data links hand out plain CSV: browsers refuse to open long data: addresses, and unpack gzip themselves.
async function save(link) {
  const [head, data] = link.getAttribute("href").split(",", 2);
  const gzip = head.includes("gzip") && "DecompressionStream" in window;
  const blob = await unpacked(data, gzip);
  const name = gzip ? link.download.replace(/\.gz$/, "") : link.download;
  const out = document.createElement("a");
  out.href = URL.createObjectURL(blob);
  out.download = name;
  out.click();
  setTimeout(() => URL.revokeObjectURL(out.href), 60000);
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-table], a[download]");
  if (!link || !link.getAttribute("href")) return;
  const source = link.dataset.table ? document.querySelector(`#data-${link.dataset.table} a[download]`) : link;
  if (!source) return;
  event.preventDefault();
  save(source);
});
