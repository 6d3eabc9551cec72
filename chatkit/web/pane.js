// The text of a lane: append-only while it plays, cut back when it is rewound.

import { element } from "./element.js";
import { upperBound } from "./core.js";

/**
 * A block ends at the first line end after this many characters. One frame lays out one block, and a text
 * of nothing but line ends does not make an element for each.
 */
const BLOCK_CHARS = 256;

/** How far from its end, in px, a pane still counts as scrolled to the end. */
const END_PX = 24;

/**
 * The first part of a text, in blocks of whole lines.
 *
 * A block holds runs: text nodes, one as a rule. A new run begins where the class of the text changes.
 */
export class TextPane {
  constructor(text, label) {
    this.text = text;
    this.length = 0;
    this.runs = [];
    this.starts = [];
    this.follows = true;
    this.el = element("div", {
      class: "ck-text",
      role: "log",
      "aria-live": "off",
      "aria-label": label,
      tabindex: "-1",
    });
    this.el.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    // A notebook makes a widget before it puts it on the page, where there is nothing yet to scroll.
    this.sizes = new ResizeObserver(() => this.scrollAlong());
    this.sizes.observe(this.el);
    this.beginBlock();
  }

  close() {
    this.sizes.disconnect();
  }

  /** Show the first `length` UTF-16 units of the text. */
  show(length, className = "") {
    if (length < this.length) this.cut(length);
    else if (length > this.length) this.extend(length, className);
  }

  /** Scroll to the end of the text, unless its reader has scrolled away from there. */
  scrollAlong() {
    if (this.follows) this.el.scrollTop = this.el.scrollHeight;
  }

  /** A range over `[start, end)` of what is shown. Static: live ranges slow every change of the text. */
  range(start, end) {
    const first = this.runs[upperBound(this.starts, start) - 1];
    const last = this.runs[upperBound(this.starts, end - 1) - 1];
    return new StaticRange({
      startContainer: first.node,
      startOffset: start - first.start,
      endContainer: last.node,
      endOffset: end - last.start,
    });
  }

  /** The offset in the text of a place in the page, or -1 if that is outside of it. */
  offsetOf(node, offsetInNode) {
    const run = this.runs.find((each) => each.node === node);
    return run ? run.start + offsetInNode : -1;
  }

  /** Scroll along with the text again. */
  followEnd() {
    this.follows = true;
    this.scrollAlong();
  }

  noteScroll() {
    this.follows = this.el.scrollTop + this.el.clientHeight >= this.el.scrollHeight - END_PX;
  }

  extend(length, className) {
    while (this.length < length) {
      if (this.isBlockFull()) this.beginBlock();
      const missing = BLOCK_CHARS - (this.length - this.blockStart);
      const rest = this.text.slice(this.length, length);
      const lineEnd = rest.indexOf("\n", Math.max(0, missing - 1));
      this.append(lineEnd < 0 ? rest : rest.slice(0, lineEnd + 1), className);
    }
  }

  isBlockFull() {
    return this.length - this.blockStart >= BLOCK_CHARS && this.text[this.length - 1] === "\n";
  }

  append(piece, className) {
    const last = this.runs[this.runs.length - 1];
    if (last.className !== className) this.beginRun(className);
    this.runs[this.runs.length - 1].node.appendData(piece);
    this.length += piece.length;
  }

  beginBlock() {
    this.block = element("div", { class: "ck-block" });
    this.blockStart = this.length;
    this.el.append(this.block);
    this.beginRun("");
  }

  beginRun(className) {
    const node = document.createTextNode("");
    this.block.append(className ? element("span", { class: className }, node) : node);
    this.runs.push({ start: this.length, node, className, block: this.block, blockStart: this.blockStart });
    this.starts.push(this.length);
  }

  cut(length) {
    while (this.runs.length > 1 && this.runs[this.runs.length - 1].start >= length) this.dropRun();
    const last = this.runs[this.runs.length - 1];
    last.node.data = last.node.data.slice(0, Math.max(0, length - last.start));
    this.block = last.block;
    this.blockStart = last.blockStart;
    this.length = length;
  }

  dropRun() {
    const { node, block } = this.runs.pop();
    this.starts.pop();
    (node.parentNode === block ? node : node.parentNode).remove();
    if (!block.firstChild) block.remove();
  }
}
