// RAM as maps of pages.

const CELLS = {
  ".": ["transparent", "not in the stream"], 0: ["--zero", "zeros"], c: ["--changed", "changed"], z: ["--removed", "zeros now"],
  f: ["--added", "zeros before"], "+": ["--added", "only in B"], "-": ["--removed", "only in A"], "?": ["--soft", "not comparable"],
};
for (let part = 1; part <= 9; part += 1) CELLS[part] = ["--data", part === 9 ? "data" : "data and zeros"];
const SMALL = 64;

function drawBlock(canvas, block) {
  const style = getComputedStyle(document.documentElement);
  const columns = canvas.width;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  Array.from(block.cells).forEach((cell, index) => {
    const [colour] = CELLS[cell];
    const paint = (name, part) => {
      context.globalAlpha = part;
      context.fillStyle = name.startsWith("--") ? style.getPropertyValue(name) : name;
      context.fillRect(index % columns, Math.floor(index / columns), 1, 1);
    };
    if (colour === "transparent") return;
    if (cell >= "1" && cell <= "9") paint("--zero", 1);
    paint(colour, cell >= "1" && cell <= "8" ? 0.35 + 0.07 * Number(cell) : 1);
  });
}

function blockCard(block) {
  const columns = block.cells.length <= SMALL ? Math.max(block.cells.length, 1) : block.cells.length <= 1024 ? 64 : 256;
  const canvas = el("canvas", { width: columns, height: Math.max(1, Math.ceil(block.cells.length / columns)), role: "img", "aria-label": `Pages of ${block.name}: ${block.text}` });
  const isLarge = block.cells.length > 1024;
  canvas.style.aspectRatio = `${columns} / ${canvas.height}`;
  if (!isLarge && canvas.height === 1) Object.assign(canvas.style, { aspectRatio: "auto", height: "14px", maxWidth: `${14 * columns}px` });
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
    const line = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
    const cell = line * columns + column;
    if (block.cells[cell] === undefined) return;
    const [start, end] = [cell, cell + 1].map((index) => Math.min(index * block.per_cell * block.page_size, Math.max(...block.sizes.map((size) => size ?? 0))));
    $("ram-hint").textContent = `${block.name}  ${hex(start, 8)} to ${hex(end, 8)}: ${CELLS[block.cells[cell]][1]}`;
  });
  drawBlock(canvas, block);
  canvas.block = block;
  const card = el("div", { class: `block${isLarge ? " large" : ""} ${states[block.state]}` }, el("h3", {}, block.name), el("p", {}, block.text));
  if (block.cells.length) card.append(canvas);
  return card;
}

function drawRam() {
  $("ram-panel").hidden = report.ram.blocks.length === 0;
  $("ram").replaceChildren(...report.ram.blocks.map(blockCard));
}

const redrawRam = () => document.querySelectorAll("#ram canvas").forEach((canvas) => drawBlock(canvas, canvas.block));
