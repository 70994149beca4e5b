// Sorts and filters tables, and opens what is folded for printing. The page is complete without it.
(() => {
  "use strict";
  const LONG = 12; // rows from which a table gets a filter
  document.documentElement.classList.add("js");

  const figureOf = (cell) => {
    const text = cell.dataset.v ?? cell.textContent.replace(/[^0-9.]/g, "");
    return text === "" ? NaN : Number(text);
  };

  const compare = (kind, sign) => ([a], [b]) => {
    if (kind === "text") return sign * a.localeCompare(b, "en", { numeric: true });
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b); // what has no figure comes last
    return sign * (a - b);
  };

  const sortBy = (header) => {
    const { sort: kind } = header.dataset;
    const first = kind === "text" ? "ascending" : "descending";
    const second = kind === "text" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? second : first;
    for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    const body = header.closest("table").tBodies[0];
    const keyed = Array.from(body.rows, (row) => {
      const cell = row.cells[header.cellIndex];
      return [kind === "text" ? cell.textContent.trim() : figureOf(cell), row];
    });
    keyed.sort(compare(kind, order === "ascending" ? 1 : -1));
    body.append(...keyed.map(([, row]) => row));
  };

  const makeSortable = (header) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sortBy(header));
    header.replaceChildren(button);
  };

  const makeFilter = (table) => {
    const rows = Array.from(table.tBodies[0].rows);
    const box = document.createElement("div");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    box.className = "filter";
    input.type = "search";
    input.id = `${table.id}-filter`;
    input.autocomplete = "off";
    label.htmlFor = input.id;
    label.textContent = "Show only rows with";
    count.setAttribute("aria-live", "polite");
    count.htmlFor = input.id;
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const apply = () => {
      const wanted = input.value.trim().toLowerCase();
      let shown = 0;
      rows.forEach((row, n) => {
        row.hidden = !texts[n].includes(wanted);
        shown += !row.hidden;
      });
      count.textContent = `${shown} of ${rows.length}`;
    };
    input.addEventListener("input", apply);
    box.append(label, input, count);
    table.parentElement.before(box);
    apply();
  };

  for (const table of document.querySelectorAll("table")) {
    const headers = table.querySelectorAll("th[data-sort]");
    if (table.tBodies[0].rows.length > 1) headers.forEach(makeSortable);
    if (headers.length && table.tBodies[0].rows.length > LONG) makeFilter(table);
  }

  // Only what scrolls needs to be reached by keyboard.
  const regions = document.querySelectorAll(".scroll");
  const watch = () => {
    for (const region of regions) {
      const scrolls = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
      region.toggleAttribute("tabindex", scrolls);
      if (scrolls) region.tabIndex = 0;
    }
  };
  new ResizeObserver(watch).observe(document.body);
  watch();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened.push(...document.querySelectorAll("details:not([open])"));
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
