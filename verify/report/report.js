
const table = document.getElementById("summary");
const body = table.tBodies[0];
const rows = [...body.rows];
const form = document.querySelector(".filters");
const search = document.getElementById("search");
const only = document.getElementById("only");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const shown = words.every((word) => text.includes(word)) && (!only.value || row.dataset.verdict === only.value);
    row.hidden = !shown;
    count += shown;
  }
  document.getElementById("shown").textContent = `${count} of ${rows.length}`;
}
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("input", filter);
only.addEventListener("change", filter);
filter();

// The first column goes back to the order of reading; numbers are compared as numbers.
function key(row, column) {
  if (column === 0) return Number(row.dataset.place);
  const text = row.cells[column] ? row.cells[column].textContent.trim() : "";
  const number = parseFloat(text.replace(/^[<>=\s[]+/, ""));
  return Number.isNaN(number) ? text : number;
}
[...table.tHead.rows[0].cells].forEach((cell, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = cell.textContent;
  cell.replaceChildren(button);
  button.addEventListener("click", () => {
    const falling = cell.ariaSort === "ascending";
    for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
    cell.ariaSort = falling ? "descending" : "ascending";
    const sorted = rows.map((row) => [key(row, column), row]);
    sorted.sort(([a], [b]) => (typeof a === typeof b ? (a > b) - (a < b) : typeof a === "number" ? -1 : 1));
    if (falling) sorted.reverse();
    body.append(...sorted.map(([, row]) => row));
  });
});

// A link to a claim opens nothing by itself; what is printed is open throughout.
let closed = [];
window.addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const one of closed) one.open = true;
});
window.addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});
