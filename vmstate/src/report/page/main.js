// Puts the page together.

const DESCRIBED = { fields: "fields", partly: "fields in part, then bytes", opaque: "bytes without description", live: "live device" };
for (const section of report.sections) section.kindText = DESCRIBED[section.kind];

$("machine").textContent = report.title;
document.body.classList.toggle("two", two);
for (const element of [$("sides"), map]) element.classList.toggle("two", two);
report.sides.forEach(({ name, length, machine }, side) =>
  $("sides").append(el("dt", {}, letters[side]), el("dd", {}, [name, machine, bytesOf(length)].filter(Boolean).join(" \u00b7 "))));
$("numbers").append(...report.numbers.map(([count, text]) => el("li", {}, el("b", {}, count.toLocaleString("en")), text)));
$("caps").textContent = report.caps;

const heads = [["name", "Field"], ["type", "Type"], ...(two ? letters : ["Value"]).map((text) => ["value", text]), ["offset", "Offset"], ["size", "Size"]];
$("heads").append(...heads.map(([kind, text]) => el("span", { class: kind }, text)));
const used = (kinds) => kinds.filter(([kind]) => report.sections.some((section) => (two ? states[section.state] : section.kind) === kind));
legend($("map-legend"), used(two ? [["same", "same"], ["changed", "differs"], ["added", "only in B"], ["removed", "only in A"]]
  : [["fields", "fields"], ["partly", "fields in part"], ["opaque", "bytes only"], ["live", "live"]]));
legend($("ram-legend"), [["zero", "zeros"], ["data", "data"], ...(two ? [["page-changed", "changed"], ["page-added", "zeros before, or only in B"], ["page-removed", "zeros now, or only in A"]] : [])]);
[$("map-ram-label").hidden, $("only-label").hidden] = [report.ram.blocks.length === 0, !two];

let waiting = 0;
$("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, 60);
});
$("search").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") (results.hidden ? tree : results).querySelector("[role=treeitem]")?.focus();
  if (event.key === "Escape" && event.target.value) {
    event.target.value = "";
    search();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !(event.target instanceof HTMLInputElement)) {
    event.preventDefault();
    $("search").focus();
  }
});
$("only").addEventListener("change", () => {
  drawTree();
  search();
});
$("close-all").addEventListener("click", () => {
  $("search").value = "";
  search();
  drawTree();
});
for (const id of ["map-ram", "map-scale"]) $(id).addEventListener("change", drawMap);
new ResizeObserver(drawMap).observe(map);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawRam);

if (report.ram.blocks.length) $("ram-pages").textContent = `pages of ${bytesOf(report.ram.blocks[0].page_size)}`;

drawTree();
chooseScale();
drawMap();
drawRam();
if (report.sections.length) choose(sectionItem(report.sections.find((section) => section.state !== 0) ?? report.sections[0]));
