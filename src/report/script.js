"use strict";
// Light or dark, whatever the system prefers.
const root = document.documentElement;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
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
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  let blob = new Blob([bytes]);
  let name = link.download;
  if (head.includes("gzip") && "DecompressionStream" in window) {
    blob = await new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).blob();
    name = name.replace(/\.gz$/, "");
  }
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
