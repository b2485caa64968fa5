// Units of a layer: one small picture, or a few bars, each. They are built again only when what they show has changed.
const SVG = "http://www.w3.org/2000/svg", H = 40;
const known = new WeakMap();

/** The bars above or below zero as one path; the axis lies at the foot where nothing is negative. */
function bars(heights, above, foot, tall) {
  let d = "";
  heights.forEach((h, i) => {
    if (h && h > 0 === above) d += `M${i + 0.05} ${foot}v${-h * tall}h0.9v${h * tall}z`;
  });
  return d;
}

function drawn(heights, signed) {
  const svg = document.createElementNS(SVG, "svg"), foot = signed ? H / 2 : H, tall = signed ? H / 2 - 1 : H - 2;
  svg.setAttribute("viewBox", `0 0 ${heights.length} ${H}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const above of [true, false]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", above ? "up" : "down");
    path.setAttribute("d", bars(heights, above, foot, tall));
    svg.append(path);
  }
  return svg;
}

function build(tile, signed, mine) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "unit";
  button.title = tile.about;
  button.setAttribute("aria-label", tile.about);
  if (tile.image) {
    const image = document.createElement("img");
    image.src = tile.image;
    image.alt = "";
    button.append(image);
  } else button.append(drawn(tile.heights, signed));
  const foot = document.createElement("div"), name = document.createElement("b"), value = document.createElement("span");
  foot.className = "foot";
  name.textContent = tile.label;
  value.textContent = tile.value;
  foot.append(name, value);
  button.append(foot);
  button.onclick = () => { mark(mine, tile.unit); mine.pick("pick", tile.unit); };
  return button;
}

/** The chosen one shows at once, before the page has answered. */
function mark(mine, unit) {
  mine.tiles.forEach((tile, i) => mine.root.children[i]?.setAttribute("aria-pressed", String(tile.unit === unit)));
}

export default function ({ data, parentElement, setTriggerValue }) {
  let mine = known.get(parentElement);
  if (!mine) known.set(parentElement, (mine = { root: parentElement.querySelector(".units"), drawn: "" }));
  mine.pick = setTriggerValue;
  const drawnNow = JSON.stringify(data.units);
  if (mine.drawn !== drawnNow) {
    const signed = data.units.some((tile) => tile.heights?.some((h) => h < 0));
    mine.drawn = drawnNow;
    mine.tiles = data.units;
    mine.root.classList.toggle("lines", data.units.some((tile) => tile.heights?.length > 1));
    mine.root.replaceChildren(...data.units.map((tile) => build(tile, signed, mine)));
  }
  mark(mine, data.chosen);
  return () => known.delete(parentElement);
}
