// The text of a lane: append-only while it plays, cut back when it is rewound.

import { element } from "./element.js";
import { upperBound } from "./core.js";

/**
 * A block ends at the first line end after this many characters. One frame lays out one block, and a text
 * of nothing but line ends does not make an element for each.
 */
const BLOCK_CHARS = 256;

/**
 * A line this long is continued in another block, from where it is wrapped anyway: to lay out one block of
 * 100,000 characters takes longer than a frame.
 */
const LONG_LINE_CHARS = 1024;

/** So much of a long line is laid out at a time when it is shown all at once: few blocks, none of them slow. */
const LEAP_CHARS = 16_384;

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** How far from its end, in px, a pane still counts as scrolled to the end. */
const END_PX = 24;

/**
 * The first part of a text, in blocks of whole lines.
 *
 * A block holds runs: text nodes, one as a rule. A new run begins where the class of the text changes.
 */
export class TextPane {
  /** `onView(isAnew)` is called when other text can be seen, or the same in other nodes. */
  constructor(text, label, onView) {
    this.text = text;
    this.length = 0;
    this.width = 0; // as long as it can't be seen
    this.hasLongLine = false;
    this.onView = onView;
    this.runs = [];
    this.starts = [];
    this.follows = true;
    this.el = element("div", {
      class: "ck-text",
      role: "log",
      "aria-live": "off",
      "aria-label": label,
      tabindex: "0", // with the keyboard too one can scroll in it
    });
    this.el.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    // A notebook makes a widget before it puts it on the page, where there is nothing yet to scroll.
    this.sizes = new ResizeObserver(() => this.noteSize());
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

  /** Where in the text begins and ends what can be seen: with whole blocks, and as much again above and below. */
  inView() {
    const { scrollTop, clientHeight } = this.el;
    const firstTop = this.runs[0].block.offsetTop;
    const blocksAbove = (y) => {
      let [low, high] = [0, this.runs.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.runs[middle].block.offsetTop - firstTop < y) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    const first = Math.max(0, blocksAbove(scrollTop - clientHeight) - 1);
    const end = clientHeight ? blocksAbove(scrollTop + 2 * clientHeight) : first;
    return [this.starts[first], end > first ? (this.starts[end] ?? this.length) : this.starts[first]];
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
    this.onView(false);
  }

  /** In another width lines are wrapped elsewhere, so those that go on in another block are put together anew. */
  noteSize() {
    const width = this.el.clientWidth;
    const isRewrapped = width > 0 && width !== this.width && this.hasLongLine;
    this.width = width;
    if (isRewrapped) {
      const length = this.length;
      this.cut(0);
      this.extend(length, "");
    }
    this.scrollAlong();
    this.onView(isRewrapped);
  }

  extend(length, className) {
    const shown = this.length;
    while (this.length < length) {
      if (this.isBlockFull()) this.beginBlock();
      this.append(this.nextPiece(length), className, shown);
    }
  }

  /** What is appended next: to the line end that fills the block, and of a long line only as much as is measured. */
  nextPiece(length) {
    const inBlock = this.length - this.blockStart;
    const lineEnd = this.text.indexOf("\n", this.length + Math.max(0, BLOCK_CHARS - inBlock - 1));
    const end = lineEnd < 0 || lineEnd >= length ? length : lineEnd + 1;
    const most = length - this.length > LEAP_CHARS ? LEAP_CHARS : Math.max(BLOCK_CHARS, LONG_LINE_CHARS - inBlock);
    return this.text.slice(this.length, this.width ? Math.min(end, this.length + most) : end);
  }

  isBlockFull() {
    return this.length - this.blockStart >= BLOCK_CHARS && this.text[this.length - 1] === "\n";
  }

  append(piece, className, shown) {
    const last = this.runs[this.runs.length - 1];
    if (last.className !== className) this.beginRun(className);
    const run = this.runs[this.runs.length - 1];
    run.node.appendData(piece);
    this.length += piece.length;
    if (run.node.length >= LONG_LINE_CHARS) this.continueLine(run, Math.max(0, shown - run.start));
  }

  /** Move the last line of the block to another block, if it begins in what was not yet `shown`. */
  continueLine(run, shown) {
    this.hasLongLine = true;
    if (!this.width || this.block.childNodes.length > 1 || run.className || this.text[this.length - 1] === "\n") return;
    const wrap = lastLineStart(run.node, shown);
    if (wrap < 0) return;
    const moved = run.node.data.slice(wrap);
    run.node.deleteData(wrap, moved.length);
    this.length -= moved.length;
    const isRightToLeft = this.isRightToLeft();
    this.beginBlock();
    this.block.classList.add("ck-continued");
    if (isRightToLeft) this.block.dir = "rtl";
    this.runs[this.runs.length - 1].node.appendData(moved);
    this.length += moved.length;
  }

  /** Whether the line that ends the text runs from right to left: its first letter says so. */
  isRightToLeft() {
    if (this.block.classList.contains("ck-continued")) return this.block.dir === "rtl";
    const lineStart = this.text.lastIndexOf("\n", this.length - 1) + 1;
    const letter = /\p{L}/u.exec(this.text.slice(lineStart, this.length));
    return letter !== null && RIGHT_TO_LEFT.test(letter[0]);
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

/** Where the last line of a text node begins, if that is at `from` or after it and inside the text; else -1. */
function lastLineStart(node, from) {
  const end = node.length - 1;
  const start = Math.max(1, from);
  const range = document.createRange();
  const topOf = (offset) => {
    range.setStart(node, offset);
    range.setEnd(node, offset + 1);
    return range.getBoundingClientRect().top;
  };
  const last = topOf(end);
  if (start > end || topOf(start - 1) >= last) return -1; // nothing was wrapped, or nothing is laid out yet
  let [low, high] = [start, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (topOf(middle) < last) low = middle + 1;
    else high = middle;
  }
  return isSecondHalf(node.data, low) || node.data[low] === " " ? -1 : low;
}

function isSecondHalf(text, offset) {
  return (text.charCodeAt(offset) & 0xfc00) === 0xdc00;
}
