// One layer: name, histogram with a threshold that is dragged, number box, toggles. Python owns the values;
// the browser only paints while a gesture lasts and reports it once, as one "edit", when it ends.
const SVG = "http://www.w3.org/2000/svg", W = 600, H = 60, PAUSE = 250;
const rows = new WeakMap();
const clamp = (v, lo, hi) => Math.min(hi, Math.max(lo, v));
const percent = (share) => (100 * share).toFixed(1);
const plain = (v) => (v === 0 ? "0" : Math.abs(v) < 1e-3 ? v.toExponential(1) : v.toPrecision(2));

/** Positions 0..1 on the axis to thresholds and back; on a log axis position 0 is "nothing goes". */
function axis({ low, high, log }) {
  const map = log ? Math.log : (v) => v, lo = map(low), span = map(high) - lo || 1;
  return {
    at: (v) => (log && v <= low ? 0 : clamp((map(v) - lo) / span, 0, 1)),
    value: (u) => (u <= 0 ? 0 : log ? Math.exp(lo + u * span) : lo + u * span),
  };
}

function build(root) {
  const find = (name) => root.querySelector(name);
  const row = { root, plot: find(".plot"), svg: find("svg"), bars: find(".bars"), handle: find(".handle"), box: find("input"),
    below: find(".below"), lock: find(".lock"), out: find(".out"), u: 0, seq: 0, cut: 0, dragging: false, timer: 0 };
  row.plot.onpointerdown = (e) => {
    if (e.button !== 0 || row.data.excluded) return;
    row.dragging = true; row.start = row.u;
    row.plot.setPointerCapture(e.pointerId);
    row.plot.classList.add("held");
    paint(row, pointer(row, e));
  };
  row.plot.onpointermove = (e) => { if (row.dragging) paint(row, pointer(row, e)); };
  row.plot.onpointerup = () => drop(row, true);
  row.plot.onpointercancel = () => drop(row, false);
  row.plot.onkeydown = (e) => key(row, e);
  row.box.onchange = () => { const v = parseFloat(row.box.value.replace(",", ".")); if (v >= 0 && v <= 100) send(row, "share", v / 100); else text(row); };
  row.box.onkeydown = (e) => { if (e.key === "Escape") { text(row); row.box.blur(); } };
  row.lock.onclick = () => send(row, "lock", row.lock.getAttribute("aria-pressed") !== "true");
  row.out.onclick = () => send(row, "leave out", row.out.getAttribute("aria-pressed") !== "true");
  return row;
}

function pointer(row, e) {
  const box = row.svg.getBoundingClientRect();
  return clamp((e.clientX - box.left) / box.width, 0, 1);
}

function drop(row, keep) {
  if (!row.dragging) return;
  row.dragging = false;
  row.plot.classList.remove("held");
  if (!keep) paint(row, row.start);
  else if (row.u !== row.start) commit(row);
}

function key(row, e) {
  if (e.key === "Escape" && row.dragging) return drop(row, false);
  if (row.data.excluded) return;
  const bin = 1 / row.data.counts.length;
  const step = { ArrowRight: bin, ArrowUp: bin, ArrowLeft: -bin, ArrowDown: -bin, PageUp: 10 * bin, PageDown: -10 * bin, Home: -2, End: 2 }[e.key];
  if (!step) return;
  e.preventDefault();
  paint(row, clamp(row.u + step * (e.shiftKey ? 0.2 : 1), 0, 1));
  clearTimeout(row.timer);
  row.timer = setTimeout(() => { row.timer = 0; commit(row); }, PAUSE);
}

/** At the end of the axis everything goes, outliers beyond it too. */
const commit = (row) => (row.u >= 1 ? send(row, "share", 1) : send(row, "threshold", row.axis.value(row.u)));
const send = (row, act, value) => row.report("edit", { act, value, pool: row.data.pool, session: row.data.session, n: ++row.seq });

/** Recolour up to ``u`` and say, exact to the bin, how much that is. Touches only the bars that change. */
function paint(row, u) {
  const { counts, size } = row.data, place = u * counts.length, whole = Math.min(Math.floor(place), counts.length - 1);
  const cut = Math.round(place);
  for (let i = Math.min(cut, row.cut); i < Math.max(cut, row.cut); i++) row.bars.children[i].setAttribute("class", i < cut ? "pruned" : "kept");
  row.cut = cut; row.u = u;
  const gone = u >= 1 ? row.total : row.before[whole] + counts[whole] * (place - whole);
  row.handle.setAttribute("transform", `translate(${u * W} 0)`);
  row.knob.style.left = `${100 * u}%`;
  say(row, size ? gone / row.total : 0, row.axis.value(u), true);
}

function say(row, share, threshold, rough) {
  const { symbol, label, size, unit, excluded } = row.data;
  row.box.value = percent(share);
  row.below.textContent = excluded ? "stays whole" : `${symbol} < ${plain(threshold)}`;
  row.plot.setAttribute("aria-valuenow", percent(share));
  row.plot.setAttribute("aria-valuetext", `${rough ? "about " : ""}${percent(share)} % of ${size.toLocaleString("en")} ${unit} pruned, ${symbol} below ${plain(threshold)}`);
  row.plot.setAttribute("aria-label", `Threshold of ${label}`);
}

/** What Python says is exact: shown as it is. */
function text(row) {
  const { removed, size, threshold } = row.data;
  say(row, size ? removed / size : 0, threshold, false);
}

function draw(row) {
  const { counts, log } = row.data, width = W / counts.length;
  const high = (n) => (log ? Math.log1p(n) : n), top = Math.max(1e-9, ...counts.map(high));
  row.bars.replaceChildren(...counts.map((n, i) => {
    const rect = document.createElementNS(SVG, "rect"), h = n ? Math.max(1.5, (H * high(n)) / top) : 0;
    for (const [k, v] of Object.entries({ x: i * width, y: H - h, width: width - 1.2, height: h, class: "kept" })) rect.setAttribute(k, v);
    return rect;
  }));
  let sum = 0;
  row.before = counts.map((n) => (sum += n) - n);
  row.total = sum || 1; row.cut = 0;
  row.axis = axis(row.data);
}

export default function ({ data: { row: data }, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".row");
  let row = rows.get(parentElement);
  if (!row) { row = build(root); row.knob = root.querySelector(".knob"); rows.set(parentElement, row); }
  row.report = setStateValue;
  const drawn = row.data?.drawing === data.drawing;
  row.data = data;
  if (!drawn) draw(row);
  root.querySelector(".name").textContent = data.label;
  root.querySelector(".shape").textContent = data.shape;
  root.querySelector(".size").textContent = `${data.size.toLocaleString("en")} ${data.unit}`;
  root.querySelector(".note").textContent = data.note;
  root.classList.toggle("excluded", data.excluded);
  for (const [button, on, word] of [[row.lock, data.held, data.held ? "locked" : "lock"], [row.out, data.excluded, data.excluded ? "left out" : "leave out"]]) {
    button.setAttribute("aria-pressed", on); button.textContent = word;
  }
  row.lock.disabled = data.excluded;
  row.box.disabled = data.excluded;
  row.box.setAttribute("aria-label", `Pruned share of ${data.label} in percent`);
  if (row.dragging || row.timer) return done(row, parentElement);
  paint(row, data.excluded ? 0 : row.axis.at(data.threshold));
  if (document.activeElement !== row.box) text(row);
  return done(row, parentElement);
}

const done = (row, parent) => () => { clearTimeout(row.timer); rows.delete(parent); };
