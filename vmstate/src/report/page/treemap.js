// The sections as rectangles, as large as their bytes.

const map = $("map");

function mapEntries() {
  const entries = report.sections.map((section) => ({
    section,
    size: Math.max(...section.sizes.map((size) => size ?? 0)),
    label: section.name,
    kind: two ? states[section.state] : section.kind,
  }));
  if ($("map-ram").checked) entries.push({ section: null, size: Math.max(...report.ram.sent), label: "ram", kind: "ram" });
  return entries.sort((one, other) => other.size - one.size);
}

// Splits a rectangle among weights, the largest first, into pieces that are as square as can be (squarified treemap).
function squarify(weights, left, top, width, height) {
  const places = [];
  let rest = weights.reduce((sum, weight) => sum + weight, 0);
  for (let first = 0; first < weights.length; ) {
    const side = Math.min(width, height);
    const scale = (width * height) / rest;
    const worst = (sum, large, small) => Math.max((side * side * large * scale) / (sum * scale) ** 2, (sum * scale) ** 2 / (side * side * small * scale));
    let sum = weights[first];
    let end = first + 1;
    while (end < weights.length && worst(sum + weights[end], weights[first], weights[end]) <= worst(sum, weights[first], weights[end - 1])) {
      sum += weights[end];
      end += 1;
    }
    const depth = side > 0 ? (sum * scale) / side : 0;
    let along = 0;
    for (; first < end; first += 1) {
      const length = (weights[first] / sum) * side;
      places.push(width >= height ? [left, top + along, depth, length] : [left + along, top, length, depth]);
      along += length;
    }
    if (width >= height) [left, width] = [left + depth, width - depth];
    else [top, height] = [top + depth, height - depth];
    rest -= sum;
  }
  return places;
}

function drawMap() {
  const entries = mapEntries();
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  // No section is too small to be seen.
  const weight = $("map-scale").value === "root" ? Math.sqrt : (size) => Math.max(size, total / 2500);
  const weights = entries.map(({ size }) => Math.max(weight(size), 1));
  const places = squarify(weights, 0, 0, map.clientWidth, map.clientHeight);
  map.replaceChildren(...entries.map((entry, index) => tile(entry, places[index])));
}

function tile({ section, size, label, kind }, [left, top, width, height]) {
  const text = `${label}${section?.instance ? `:${section.instance}` : ""}, ${bytesOf(size)}${two && section ? `, ${kind}` : ""}`;
  const isTiny = width < 34 || height < 16;
  const button = el("button", { type: "button", class: `${kind}${isTiny ? " tiny" : ""}`, title: text, "aria-label": text });
  if (!isTiny) button.append(el("span", {}, label.slice(label.lastIndexOf("/") + 1)));
  if (height > 34 && width > 50) button.append(el("small", {}, bytesOf(size).replace(/ bytes?$/, " B")));
  Object.assign(button.style, { left: `${left}px`, top: `${top}px`, width: `${Math.max(width - 2, 1)}px`, height: `${Math.max(height - 2, 1)}px` });
  button.addEventListener("click", () => (section ? reveal(sectionItem(section), true) : $("ram-panel").scrollIntoView({ behavior: "smooth" })));
  return button;
}

// Where one section would leave no room for the others, sizes are evened out.
function chooseScale() {
  const sizes = mapEntries().map(({ size }) => size);
  if (sizes[0] > sizes.reduce((sum, size) => sum + size, 0) / 2) $("map-scale").value = "root";
}

function legend(element, entries) {
  element.replaceChildren(...entries.map(([kind, text]) => el("span", {}, el("i", { class: kind }), text)));
}
