"use strict";
// The report's data and what all parts of the page use. Names and values come from streams: they become text, never markup.

const report = JSON.parse(document.getElementById("data").textContent);
const two = report.sides.length === 2;
const letters = ["A", "B"];
const states = ["same", "changed", "added", "removed"];
// What a field is made of, in the order of its array in the data.
const [NAME, TYPE, STATE, SIDES, CHANGES, INSIDE, HIDDEN] = [0, 1, 2, 3, 4, 5, 6];
// What each side knows of it.
const [OFFSET, SIZE, VALUE, UNIT] = [0, 1, 2, 3];
// Elements that are made of an array's bytes, and rows of what was found.
const ELEMENTS = 256, RESULTS = 500;

const $ = (id) => document.getElementById(id);

function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key === "class") element.className = value;
    else if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const hex = (number, width = 0) => number.toString(16).padStart(width, "0");
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

function bytesOf(size) {
  if (size < 1024) return plural(size, "byte");
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = -1;
  for (; size >= 1024 && unit < units.length - 1; unit += 1) size /= 1024;
  return `${size >= 100 ? Math.round(size) : Number(size.toPrecision(3))} ${units[unit]}`;
}

// The bytes of a section's payload on one side that the page has.
function payload(section, side) {
  section.decoded ??= [];
  section.decoded[side] ??= Uint8Array.from((section.bytes[side] ?? "").match(/../g) ?? [], (digits) => parseInt(digits, 16));
  return section.decoded[side];
}

// A section, or a field inside of one, with its place in the tree.
function sectionItem(section) {
  section.item ??= { section, node: null, parent: null, depth: 0, path: "" };
  return section.item;
}

function insideOf(item) {
  if (item.inside) return item.inside;
  const nodes = item.node ? item.node[INSIDE] : item.section.fields;
  const all = nodes.length || !item.node ? nodes : elementsOf(item);
  item.inside = all.map((node) => {
    const name = node[NAME];
    const path = item.path && !name.startsWith("[") ? `${item.path}.${name}` : item.path + name;
    return { section: item.section, node, parent: item, depth: item.depth + 1, path };
  });
  return item.inside;
}

const hasInside = (item) => !item.node || item.node[INSIDE].length > 0 || lengthOf(item.node) > 1;

// How many elements of a fixed width a field has, on the side that has more of them.
function lengthOf(node) {
  return Math.max(...node[SIDES].map((side) => (side && side[UNIT] ? side[SIZE] / side[UNIT] : 0)));
}

// The elements of an array of integers or bytes, from its bytes.
function elementsOf(item) {
  const count = Math.min(lengthOf(item.node), ELEMENTS);
  const element = (index) => {
    const sides = item.node[SIDES].map((side, which) => {
      if (!side || (index + 1) * side[UNIT] > side[SIZE]) return null;
      const start = side[OFFSET] + index * side[UNIT];
      const bytes = payload(item.section, which).slice(start, start + side[UNIT]);
      const digits = Array.from(bytes, (byte) => hex(byte, 2)).join("");
      return bytes.length < side[UNIT] ? null : [start, side[UNIT], `0x${digits.replace(/^0+(?=.)/, "")}`, 0];
    });
    const [first, second] = sides;
    const state = !two || (first && second && first[VALUE] === second[VALUE]) ? 0 : first && second ? 1 : first ? 3 : 2;
    return [`[${index}]`, report.types[item.node[TYPE]].replace(/\[\d+\]$/, ""), state, sides, state ? 1 : 0, [], 0];
  };
  return Array.from({ length: count }, (_, index) => element(index)).filter((node) => node[SIDES].some(Boolean));
}

const typeOf = (node) => (typeof node[TYPE] === "number" ? report.types[node[TYPE]] : node[TYPE]);

// All fields that the page has, in order.
function* everyItem() {
  function* walk(item) {
    yield item;
    if (!item.node || item.node[INSIDE].length) for (const inner of insideOf(item)) yield* walk(inner);
  }
  for (const section of report.sections) yield* walk(sectionItem(section));
}

// The innermost field that the byte belongs to.
function itemAt(section, side, offset) {
  let item = sectionItem(section);
  for (;;) {
    const covers = ({ node }) => node[SIDES][side] && node[SIDES][side][OFFSET] <= offset && offset < node[SIDES][side][OFFSET] + node[SIDES][side][SIZE];
    const inner = insideOf(item).find(covers);
    if (!inner) return item;
    item = inner;
    if (!item.node[INSIDE].length) return item;
  }
}
