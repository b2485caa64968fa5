// A wall of small histograms. One path per colour and tile keeps sixty layers light; hovering reads a bin in the tile's last line.
const SVG = "http://www.w3.org/2000/svg", H = 58;
const walls = new WeakMap();
const written = (v) => (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5 ? v.toExponential(1) : String(+v.toPrecision(2)));
const plain = (v) => (v === 0 ? "0" : written(v).replace("-", "−"));
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function element(tag, className, parent, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  parent.append(made);
  return made;
}

function shape(className, d, parent) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", className);
  made.setAttribute("d", d);
  parent.append(made);
  return made;
}

/** The bars from bin ``from`` to ``to`` as one path, a hair of air between them. */
function bars(heights, from, to) {
  let d = "";
  for (let i = from; i < to; i++) {
    if (!heights[i]) continue;
    const h = Math.max(1, heights[i] * H);
    d += `M${i + 0.06} ${H}v${-h}h0.88v${h}z`;
  }
  return d;
}

/** The tops of the bars as a staircase. */
const stairs = (heights) => heights.map((h, i) => `${i ? "L" : "M"}${i} ${H - h * H}H${i + 1}`).join("");

function draw(plot, parent, say) {
  const box = element("div", plot.subject, parent);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${plot.counts.length} ${H}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  box.append(svg);
  shape("pruned", bars(plot.heights, 0, plot.pruned), svg);
  shape("kept", bars(plot.heights, plot.pruned, plot.counts.length), svg);
  shape("outline", stairs(plot.outline), svg);
  shape("break", plot.cut.map((i) => `M${i - 0.4} 9L${i + 1.4} 5`).join(""), svg);
  const mark = shape("hover", "", svg);
  const axis = element("div", "axis", box);
  for (const text of [plain(plot.edges[0]), plot.cut.length ? `${plot.axis}, tallest cut off` : plot.axis, plain(plot.edges[plot.edges.length - 1])]) element("span", "", axis, text);
  svg.onpointermove = (e) => {
    const frame = svg.getBoundingClientRect();
    const bin = Math.max(0, Math.min(plot.counts.length - 1, Math.floor(((e.clientX - frame.left) / frame.width) * plot.counts.length)));
    mark.setAttribute("d", `M${bin} 0h1v${H}h-1z`);
    mark.style.opacity = 0.16;
    say(`${plain(plot.edges[bin])} to ${plain(plot.edges[bin + 1])}: ${plot.counts[bin].toLocaleString("en")}`);
  };
  svg.onpointerleave = () => { mark.style.opacity = 0; say(null); };
}

function build(tile, wall) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.disabled = !wall.opens;
  button.setAttribute("aria-label", `${wall.opens ? "Open " : ""}${tile.title}: ${tile.size.toLocaleString("en")} entries, ${percent(tile.sparsity)} pruned`);
  const top = element("div", "top", button);
  element("span", "title", top, tile.title);
  element("span", "shape", top, tile.shape);
  const plots = element("div", "plots", button);
  const note = document.createElement("div");
  note.className = "note";
  note.textContent = tile.note;
  for (const plot of tile.plots) draw(plot, plots, (text) => { note.textContent = text ?? tile.note; });
  button.append(note);
  button.onclick = () => wall.open("open", tile.layer);
  return button;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let wall = walls.get(parentElement);
  if (!wall) walls.set(parentElement, (wall = { root: parentElement.querySelector(".wall"), drawn: "" }));
  wall.open = setTriggerValue; wall.opens = data.opens;
  const drawn = JSON.stringify(data.tiles);
  if (wall.drawn !== drawn) {
    wall.drawn = drawn;
    wall.root.classList.toggle("two", data.tiles.some((tile) => tile.plots.length > 1));
    wall.root.replaceChildren(...data.tiles.map((tile) => build(tile, wall)));
  }
  return () => walls.delete(parentElement);
}
