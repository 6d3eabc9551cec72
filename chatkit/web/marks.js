// Colours on the text: how long each chunk was waited for, and where chunks begin.

import { upperBound } from "./core.js";

const CAN_HIGHLIGHT = typeof Highlight !== "undefined" && typeof CSS !== "undefined" && "highlights" in CSS;

/** So much text, in UTF-16 units, comes onto the page at a time: to lay out 1 MB at once takes a quarter of a second. */
const AT_ONCE = 65_536;

/** The page's highlight of this name. Players share it, since a page has one per name. */
function highlightNamed(name) {
  if (!CSS.highlights.has(name)) CSS.highlights.set(name, new Highlight());
  return CSS.highlights.get(name);
}

/**
 * Shows a lane's chunks in a pane, marked.
 *
 * Marks are CSS highlights, which leave the text's nodes alone. Each one on the page costs time in every frame, so
 * only what can be seen is marked. Where a browser lacks them marks are spans, and a change of what is marked
 * writes the text anew.
 */
export class Marks {
  constructor(lane, pane) {
    this.lane = lane;
    this.pane = pane;
    this.count = 0;
    this.tint = false;
    this.chunks = false;
    this.placed = new Map();
    this.pointed = null;
  }

  /** Whether a part of the chunks to be shown is not on the page yet; `show` goes on with it. */
  get isBehind() {
    return this.pane.length < this.lane.lengthOf(this.count);
  }

  /** Show the first `count` chunks; of a very long text a part, and more each time this is called. */
  show(count) {
    if (count < this.count) this.keep(0, count);
    if (CAN_HIGHLIGHT) this.pane.show(Math.min(this.lane.lengthOf(count), this.pane.length + AT_ONCE));
    else this.showSpans(count);
    this.count = count;
    this.pane.scrollAlong();
    this.markSeen();
  }

  /** Choose what is marked. */
  set({ tint = this.tint, chunks = this.chunks }) {
    const count = this.count;
    this.clear();
    this.tint = tint;
    this.chunks = chunks;
    if (!CAN_HIGHLIGHT) this.show(0);
    this.count = 0;
    this.show(count);
  }

  clear() {
    this.keep(0, 0);
  }

  /** Mark the chunks that can be seen now, and no others. */
  markSeen() {
    if (!CAN_HIGHLIGHT || !this.count || !(this.tint || this.chunks)) return;
    const [start, end] = this.pane.inView();
    const whole = Math.min(this.count, upperBound(this.lane.ends, this.pane.length));
    const from = Math.min(this.lane.chunkAt(start), whole);
    const to = end > start ? Math.min(this.lane.chunkAt(end - 1) + 1, whole) : from;
    this.keep(from, to);
    for (let index = from; index < to; index++) if (!this.placed.has(index)) this.place(index);
  }

  /** Mark the one chunk that is pointed at; none with -1. */
  point(index) {
    if (!CAN_HIGHLIGHT || index === (this.pointed?.index ?? -1)) return;
    const all = highlightNamed("ck-pointed");
    if (this.pointed) all.delete(this.pointed.range);
    this.pointed = null;
    if (index < 0 || index >= this.count) return;
    const [start, end] = [this.lane.start(index), this.lane.ends[index]];
    if (start === end || end > this.pane.length) return;
    this.pointed = { index, range: this.pane.range(start, end) };
    all.add(this.pointed.range);
  }

  namesOf(index) {
    const names = [];
    if (this.lane.start(index) === this.lane.ends[index]) return names;
    if (this.chunks && index % 2) names.push("ck-odd");
    if (this.tint && this.lane.levels[index]) names.push(`ck-wait-${this.lane.levels[index]}`);
    return names;
  }

  place(index) {
    const names = this.namesOf(index);
    if (!names.length) return;
    const range = this.pane.range(this.lane.start(index), this.lane.ends[index]);
    for (const name of names) highlightNamed(name).add(range);
    this.placed.set(index, { names, range });
  }

  /** Take the marks of all chunks away but those from `from` to before `to`. */
  keep(from, to) {
    if (this.pointed && !(this.pointed.index < to)) this.point(-1);
    for (const [index, { names, range }] of this.placed) {
      if (index >= from && index < to) continue;
      for (const name of names) highlightNamed(name).delete(range);
      this.placed.delete(index);
    }
  }

  showSpans(count) {
    if (count < this.count) this.pane.show(this.lane.lengthOf(count));
    for (let index = this.count; index < count; index++) {
      this.pane.show(this.lane.ends[index], this.namesOf(index).join(" "));
    }
  }
}
