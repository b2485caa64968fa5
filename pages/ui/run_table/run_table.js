// Runs, one a row. Python sends text and values; sorting, focus and scroll belong to the browser and survive a refresh.
const tables = new WeakMap();

function element(tag, className, parent) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  parent?.append(made);
  return made;
}

const text = (node, value) => { if (node.textContent !== value) node.textContent = value; };

function head(table, columns) {
  const drawn = columns.map((c) => c.name).join();
  if (table.drawn === drawn) return;
  table.drawn = drawn;
  table.head.replaceChildren();
  table.body.replaceChildren();
  table.rows.clear();
  for (const column of columns) {
    const cell = element("th", `${column.name} ${column.numeric ? "numeric" : ""}`, table.head);
    cell.scope = "col";
    const button = element("button", "", cell);
    button.type = "button";
    button.textContent = column.title;
    if (column.help) button.title = column.help;
    button.onclick = () => { sort(table, column); arrange(table); };
  }
}

/** Best first, then the other way round, then as Python sent them. */
function sort(table, column) {
  const first = column.numeric ? "descending" : "ascending", second = column.numeric ? "ascending" : "descending";
  const now = table.sort?.name === column.name ? table.sort.direction : null;
  table.sort = now === second ? null : { name: column.name, direction: now === first ? second : first };
}

function arrange(table) {
  const { sort, data } = table;
  for (const [i, cell] of [...table.head.children].entries()) {
    if (sort?.name === data.columns[i].name) cell.setAttribute("aria-sort", sort.direction);
    else cell.removeAttribute("aria-sort");
  }
  const order = [...data.entries];
  if (sort) {
    const sign = sort.direction === "ascending" ? 1 : -1;
    const value = (e) => (sort.name === "run" ? e.title : e.cells[sort.name]?.value ?? null);
    order.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
  }
  order.forEach((entry, i) => {
    const row = table.rows.get(entry.id).row;
    if (table.body.children[i] !== row) table.body.insertBefore(row, table.body.children[i] ?? null);
  });
}

function build(table, entry) {
  const row = element("tr"), cells = {};
  for (const column of table.data.columns) cells[column.name] = element("td", `${column.name} ${column.numeric ? "numeric" : ""}`, row);
  const dot = element("span", "dot", cells.run), name = element("button", "", cells.run);
  name.type = "button";
  const bar = cells.state ? element("span", "bar", cells.state) : null;
  const made = { row, cells, dot, name, bar, fill: bar && element("i", "", bar), state: cells.state && element("span", "", cells.state) };
  if (entry.id) row.onclick = () => table.open("open", entry.id);
  else name.disabled = true;
  table.rows.set(entry.id, made);
  return made;
}

function fill(table, entry) {
  const made = table.rows.get(entry.id) ?? build(table, entry);
  made.row.className = [entry.id ? "" : "fixed", entry.quiet ? "quiet" : "", entry.id && entry.id === table.data.chosen ? "chosen" : ""].join(" ");
  made.row.setAttribute("aria-current", String(Boolean(entry.id) && entry.id === table.data.chosen));
  made.dot.style.background = entry.colour;
  text(made.name, entry.title);
  for (const { name } of table.data.columns) {
    if (name === "state") text(made.state, entry.cells.state?.text ?? "");
    else if (name !== "run") text(made.cells[name], entry.cells[name]?.text ?? "");
  }
  if (!made.bar) return;
  made.bar.style.display = entry.bar === null ? "none" : "";
  if (entry.bar !== null) made.fill.style.width = `${100 * entry.bar}%`;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let table = tables.get(parentElement);
  if (!table) {
    table = { head: parentElement.querySelector("thead tr"), body: parentElement.querySelector("tbody"), rows: new Map(), sort: null };
    tables.set(parentElement, table);
  }
  table.data = data;
  table.open = setTriggerValue;
  head(table, data.columns);
  const here = new Set(data.entries.map((entry) => entry.id));
  for (const [id, made] of table.rows) if (!here.has(id)) { made.row.remove(); table.rows.delete(id); }
  for (const entry of data.entries) fill(table, entry);
  arrange(table);
  return () => tables.delete(parentElement);
}
