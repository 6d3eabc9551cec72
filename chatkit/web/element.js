// Making elements. Text goes in as text nodes, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element with attributes and children; a string child is text. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawing(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Drawn, because glyphs such as ⏸ are empty boxes on machines without the font.
const ICONS = {
  play: "M4 2l10 6-10 6z",
  pause: "M3 2h4v12H3zM9 2h4v12H9z",
  restart: "M2 2h2v12H2zM14 2v12L5 8z",
  previousChunk: "M10 2v12L3 8zM11.5 2h2v12h-2z",
  nextChunk: "M6 2v12l7-6zM2.5 2h2v12h-2z",
  previousStall: "M8 2v12L1 8zM15 2v12L8 8z",
  nextStall: "M8 2v12l7-6zM1 2v12l7-6z",
};

export function icon(name) {
  const path = drawing("path", { d: ICONS[name] });
  return drawing("svg", { class: "ck-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, path);
}
