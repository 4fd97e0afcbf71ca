// The tree of sections and fields, and the search through it.

const tree = $("tree");
const results = $("results");

function valueOf(item, side) {
  const { section, node } = item;
  if (node) return node[SIDES][side]?.[VALUE] ?? "";
  if (section.sizes[side] === null) return "";
  const version = section.versions[side];
  return [section.instance ? `instance ${section.instance}` : "", version === null ? "" : `version ${version}`, section.note ?? ""].filter(Boolean).join(", ");
}

function place(item, side) {
  const { section, node } = item;
  if (section.offsets[side] === null || section.offsets[side] === undefined) return null;
  if (!node) return { start: 0, size: section.sizes[side], offset: section.offsets[side] };
  const known = node[SIDES][side];
  return known && { start: known[OFFSET], size: known[SIZE], offset: section.offsets[side] + known[OFFSET] };
}

// The place that offset and size of a row are of: the second side's, if it has one.
const shownPlace = (item) => place(item, report.sides.length - 1) ?? place(item, 0);

function row(item, isResult) {
  const { section, node } = item;
  const name = node ? (isResult ? `${section.name}  ${item.path}` : node[NAME]) : section.name;
  const state = states[node ? node[STATE] : section.state];
  const changes = node ? node[CHANGES] : section.changes;
  const at = shownPlace(item);
  const values = report.sides.map((_, side) => el("span", { class: "value", title: valueOf(item, side) }, valueOf(item, side)));
  const cells = [
    el("span", { class: "name", title: item.path || section.name }, el("span", {}, name),
      two && changes > 0 && hasInside(item) ? el("span", { class: "count", title: plural(changes, "difference") }, String(changes)) : null),
    el("span", { class: "type" }, node ? typeOf(node) : ""),
    ...values,
    el("span", { class: "offset" }, at ? hex(at.offset) : ""),
    el("span", { class: "size" }, at ? at.size.toLocaleString("en") : ""),
  ];
  const element = el("div", { class: `row ${state}${node ? "" : " section"}`, role: "treeitem", tabIndex: -1 }, ...cells);
  element.style.setProperty("--depth", isResult ? 0 : item.depth);
  element.setAttribute("aria-level", item.depth + 1);
  if (!isResult && hasInside(item)) element.setAttribute("aria-expanded", "false");
  element.item = item;
  return element;
}

function branch(item) {
  const element = row(item, false);
  item.row = element;
  return el("div", { class: "item" }, element, el("div", { class: "group", role: "group" }));
}

const isWanted = (item) => !$("only").checked || item.node[STATE] !== 0 || item.node[CHANGES] > 0;

function open(item) {
  if (item.row.getAttribute("aria-expanded") !== "false") return;
  item.row.setAttribute("aria-expanded", "true");
  const group = item.row.nextSibling;
  group.replaceChildren(...insideOf(item).filter(isWanted).map(branch));
  const hidden = item.node ? Math.max(item.node[HIDDEN], lengthOf(item.node) - insideOf(item).length * (item.node[INSIDE].length ? Infinity : 1)) : item.section.hidden;
  if (hidden > 0) group.append(el("div", { class: "row more" }, el("span", { class: "name" }, `${plural(hidden, "more element")} not shown`)));
}

function close(item) {
  if (item.row.getAttribute("aria-expanded") !== "true") return;
  item.row.setAttribute("aria-expanded", "false");
  item.row.nextSibling.replaceChildren();
}

const toggle = (item) => (item.row.getAttribute("aria-expanded") === "true" ? close(item) : open(item));

// Opens all that is around the item, and goes there.
function reveal(item, opens) {
  if ($("search").value) {
    $("search").value = "";
    search();
  }
  const around = [];
  for (let outer = item.parent; outer; outer = outer.parent) around.unshift(outer);
  around.forEach(open);
  if (!item.row?.isConnected) return;
  if (opens) open(item);
  choose(item);
  item.row.scrollIntoView({ block: item.node ? "center" : "start", behavior: "smooth" });
  focusRow(item.row);
}

let chosen = null;

function choose(item) {
  document.querySelectorAll(".row.chosen").forEach((element) => element.classList.remove("chosen"));
  chosen = item;
  document.querySelectorAll("[role=treeitem]").forEach((element) => element.classList.toggle("chosen", element.item === item));
  showBytes(item);
}

function focusRow(element) {
  element.closest("[role=tree]").querySelectorAll("[tabindex='0']").forEach((other) => (other.tabIndex = -1));
  element.tabIndex = 0;
  element.focus({ preventScroll: true });
}

function drawTree() {
  const isShown = (section) => !$("only").checked || section.state !== 0;
  tree.replaceChildren(...report.sections.filter(isShown).map((section) => branch(sectionItem(section))));
  const first = tree.querySelector(".row");
  if (first) first.tabIndex = 0;
}

// What of an item can be searched for.
function searched(item) {
  item.text ??= [item.section.name, item.path, item.node ? typeOf(item.node) : "", ...report.sides.map((_, side) => valueOf(item, side))].join("\n").toLowerCase();
  return item.text;
}

function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const isSearch = words.length > 0;
  [tree.hidden, results.hidden, $("found").hidden] = [isSearch, !isSearch, !isSearch];
  if (!isSearch) return;
  let count = 0;
  const rows = [];
  for (const item of everyItem()) {
    if (!item.node || !isWanted(item) || !words.every((word) => searched(item).includes(word))) continue;
    count += 1;
    if (rows.length < RESULTS) rows.push(row(item, true));
  }
  $("found").textContent = plural(count, "field") + (count > rows.length ? `, the first ${rows.length} of them` : "");
  results.replaceChildren(...rows);
  if (rows[0]) rows[0].tabIndex = 0;
}

function moveTo(container, element, by) {
  const rows = Array.from(container.querySelectorAll("[role=treeitem]"));
  const next = rows[rows.indexOf(element) + by];
  if (!next) return;
  focusRow(next);
  next.scrollIntoView({ block: "nearest" });
  choose(next.item);
}

function onKey(event) {
  const element = event.target.closest("[role=treeitem]");
  if (!element || event.altKey || event.ctrlKey || event.metaKey) return;
  const { item } = element;
  const actions = {
    ArrowDown: () => moveTo(event.currentTarget, element, 1),
    ArrowUp: () => moveTo(event.currentTarget, element, -1),
    ArrowRight: () => (element.getAttribute("aria-expanded") === "true" ? moveTo(event.currentTarget, element, 1) : open(item)),
    ArrowLeft: () => (element.getAttribute("aria-expanded") === "true" ? close(item) : item.parent?.row && reveal(item.parent, false)),
    Enter: () => (results.hidden ? choose(item) : reveal(item, false)),
    " ": () => (results.hidden ? toggle(item) : choose(item)),
  };
  if (!actions[event.key] || (event.currentTarget === results && ["ArrowLeft", "ArrowRight"].includes(event.key))) return;
  event.preventDefault();
  actions[event.key]();
}

for (const container of [tree, results]) {
  container.addEventListener("keydown", onKey);
  container.addEventListener("click", (event) => {
    const element = event.target.closest("[role=treeitem]");
    if (!element) return;
    focusRow(element);
    choose(element.item);
    if (container === tree) toggle(element.item);
  });
  container.addEventListener("dblclick", (event) => {
    const element = event.target.closest("[role=treeitem]");
    if (element && container === results) reveal(element.item, false);
  });
  container.addEventListener("mouseover", (event) => {
    const element = event.target.closest("[role=treeitem]");
    if (element) showBytes(element.item);
  });
  container.addEventListener("mouseleave", () => chosen && showBytes(chosen));
}
