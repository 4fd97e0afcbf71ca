// The bytes beside the field that they are of.

const WIDTH = innerWidth < 720 ? 8 : 16;
const ROWS = two ? 16 : 32;

// Shows an item's bytes; `from` is the first byte of the section that is shown, if it is not to be where the item is.
function showBytes(item, from) {
  const { section, node } = item;
  const places = report.sides.map((_, side) => place(item, side));
  const facts = el("dl", {});
  const fact = (name, text) => text && facts.append(el("dt", {}, name), el("dd", {}, text));
  fact("type", node ? typeOf(node) : section.kindText);
  report.sides.forEach((_, side) => {
    const label = two ? ` in ${letters[side]}` : "";
    if (!places[side]) return fact(letters[side], "not there");
    const { offset, start, size } = places[side];
    fact(`value${label}`, valueOf(item, side));
    fact(`place${label}`, `0x${hex(offset)} in the stream, 0x${hex(start)} in the section, ${plural(size, "byte")}`);
  });
  const dumps = report.sides.map((_, side) => places[side] && dump(item, side, places, from));
  $("bytes").replaceChildren(
    el("p", { class: "path" }, item.path ? `${section.name}  ${item.path}` : section.name), facts, ...dumps.filter(Boolean));
  $("bytes-hint").hidden = true;
}

function dump(item, side, places, from) {
  const bytes = payload(item.section, side);
  const { start, size } = places[side];
  const first = Math.max(0, from ?? Math.floor(start / WIDTH) * WIDTH - 2 * WIDTH);
  const end = Math.min(bytes.length, first + ROWS * WIDTH);
  const other = places[1 - side];
  const differs = (at) => {
    if (!two || at < start || at >= start + size || !other) return false;
    return payload(item.section, 1 - side)[other.start + at - start] !== bytes[at];
  };
  const lines = [];
  for (let line = first; line < end; line += WIDTH) lines.push(...dumpLine(bytes, line, Math.min(end, line + WIDTH), start, start + size, differs), "\n");
  const box = el("div", { class: "dump" }, two ? el("h3", {}, letters[side]) : null, ...lines);
  if (!bytes.length) box.append(el("span", { class: "at" }, item.section.sizes[side] ? "these bytes are not in the page" : "no bytes"));
  box.addEventListener("click", ({ target }) => target.dataset.at && reveal(itemAt(item.section, side, Number(target.dataset.at)), false));
  box.addEventListener("mouseover", ({ target }) => {
    if (target.dataset.at) target.title = itemAt(item.section, side, Number(target.dataset.at)).path;
  });
  const page = (text, to, isThere) => isThere && el("button", { type: "button", onclick: () => showBytes(item, to) }, text);
  const cut = item.section.sizes[side] > bytes.length && end === bytes.length && bytes.length > 0;
  const step = ROWS * WIDTH;
  box.append(el("div", { class: "pages" }, ...[page("Earlier", first - step, first > 0), page("Later", first + step, end < bytes.length)].filter(Boolean),
    cut ? el("span", { class: "at" }, `the other ${plural(item.section.sizes[side] - bytes.length, "byte")} are not in the page`) : ""));
  return box;
}

function dumpLine(bytes, first, end, start, stop, differs) {
  const digits = [];
  const text = [];
  for (let at = first; at < first + WIDTH; at += 1) {
    const gap = at % 8 === 7 ? "  " : " ";
    if (at >= end) {
      digits.push(`  ${gap}`);
      continue;
    }
    const byte = bytes[at];
    const classes = [at >= start && at < stop ? "on" : "", differs(at) ? "differs" : "", byte === 0 ? "zero" : ""].filter(Boolean).join(" ");
    const isText = byte >= 32 && byte < 127;
    digits.push(el("b", { class: classes, "data-at": String(at) }, hex(byte, 2)), gap);
    text.push(el("b", { class: classes, "data-at": String(at) }, isText ? String.fromCharCode(byte) : "\u00b7"));
  }
  return [el("span", { class: "at" }, `${hex(first, 6)}  `), ...digits, ...text];
}
