"""Style and script of the page, both of which are written into it."""

STYLE = """
:root { --ink: #1b1f24; --quiet: #5b6570; --line: #d9dee3; --head: #f3f5f7; --link: #0b5cad; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2rem) 4rem; max-width: 76rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0.5rem 0; } h2 { font-size: 1.3rem; margin: 2.5rem 0 0.25rem; overflow-wrap: anywhere; }
h3 { font-size: 1.15rem; margin: 1.5rem 0 0; } h4 { font-size: 1.05rem; margin: 1.25rem 0 0; }
h5 { font-size: 1rem; margin: 1.25rem 0 0.35rem; } .paper > h2 { font-size: 1.5rem; margin-top: 3.5rem; }
p { margin: 0.35rem 0; max-width: 60rem; overflow-wrap: anywhere; } header p, .up, figcaption { color: var(--quiet); }
a { color: var(--link); } .up { font-size: 0.85rem; margin-left: 0.5rem; white-space: nowrap; }
article { border-top: 1px solid var(--line); margin-top: 2rem; } section { scroll-margin-top: 1rem; }
figure { margin: 1rem 0; } figure img { display: block; max-width: 100%; height: auto; } figcaption { font-size: 0.85rem; }
.full { cursor: zoom-in; } .close { display: none; } figure:target { position: fixed; inset: 0; z-index: 1; margin: 0; padding: 1rem;
  overflow: auto; background: #fff; } figure:target .wide { overflow: visible; max-width: none; }
figure:target .full { cursor: default; } figure:target img { max-width: none; width: max(100%, 75rem); }
figure:target figcaption { position: sticky; left: 0; } figure:target .close { display: inline; position: fixed; top: 0.75rem;
  right: 1.75rem; padding: 0.2rem 0.6rem; border: 1px solid var(--line); background: #fff; }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch; max-width: 100%; margin: 0.35rem 0; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { background: var(--head); padding: 0; vertical-align: bottom; } th.number, td.number { text-align: right; }
td { white-space: nowrap; } td.long { white-space: normal; min-width: 22rem; }
table.index td.long { min-width: 13rem; }
table.ledger td { white-space: normal; } table.ledger td.number { white-space: nowrap; } table.ledger td.long { min-width: 11rem; }
table.ledger td:last-child { min-width: 11rem; overflow-wrap: anywhere; }
th button { all: unset; display: block; width: 100%; padding: 0.4rem 1.1rem 0.4rem 0.6rem; box-sizing: border-box;
  position: relative; font-weight: 600; cursor: pointer; }
th.number button { text-align: right; } th button:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; }
th button::after { position: absolute; right: 0.25rem; color: var(--quiet); }
th[aria-sort=ascending] button::after { content: "\\2191"; } th[aria-sort=descending] button::after { content: "\\2193"; }
td.pass { color: #11632f; } td.fail { color: #a11616; font-weight: 600; } td.not-comparable { color: var(--quiet); }
details { margin: 0.75rem 0; } summary { cursor: pointer; padding: 0.3rem 0; color: var(--link); } ul { padding-left: 1.25rem; }
@media (max-width: 40rem) {
  body { font-size: 15px; } table { font-size: 0.8rem; } table.index :is(th, td):nth-child(2) { display: none; }
  figure img { max-width: max(100%, 40rem); } td.long { min-width: 14rem; }
  td, th button { padding-left: 0.4rem; } td { padding-right: 0.4rem; }
}
@page { size: A4; margin: 14mm 13mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; } .up, details:not([open]) { display: none; } a { color: inherit; }
  .paper, article { break-before: page; border: 0; margin: 0; } .paper > h2 { margin-top: 0; }
  .paper > article:first-of-type { break-before: auto; }
  h2, h3, h4, h5 { break-after: avoid; } noscript, .close { display: none; }
  figure, tr { break-inside: avoid; } figure img { max-height: 20cm; } p { orphans: 3; widows: 3; }
  .wide { overflow: visible; } table { font-size: 7pt; line-height: 1.35; } th, td { padding: 0.12rem 0.4rem; }
  th button { display: contents; } th { padding: 0.25rem 0.4rem; font-weight: 600; } /* heads on later pages lose boxes of buttons */
  td { white-space: normal; } td.number { white-space: nowrap; } td.long { min-width: 3.6cm; }
  table.ledger td:nth-child(2) { min-width: 3cm; } table.ledger td:nth-child(7) { white-space: nowrap; }
}
"""

SCRIPT = """
"use strict";
for (const image of document.querySelectorAll("img[data-gzip]")) {
  const bytes = Uint8Array.from(atob(image.dataset.gzip), letter => letter.charCodeAt(0));
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer().then(content => {
    image.src = URL.createObjectURL(new Blob([content], { type: image.dataset.type }));
  });
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => {
      const cell = row.cells[column];
      return cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent.trim();
    };
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (typeof x === "number" && typeof y === "number") return down ? y - x : x - y;
      if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
      return down ? y.localeCompare(x) : x.localeCompare(y);
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}
"""
