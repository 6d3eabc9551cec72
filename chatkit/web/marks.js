// Colours on the text: how long each chunk was waited for, and where chunks begin.

const CAN_HIGHLIGHT = typeof Highlight !== "undefined" && typeof CSS !== "undefined" && "highlights" in CSS;

/** The page's highlight of this name. Players share it, since a page has one per name. */
function highlightNamed(name) {
  if (!CSS.highlights.has(name)) CSS.highlights.set(name, new Highlight());
  return CSS.highlights.get(name);
}

/**
 * Shows a lane's chunks in a pane, marked.
 *
 * Marks are CSS highlights, which leave the text's nodes alone; where a browser lacks them they are spans,
 * and a change of what is marked writes the text anew.
 */
export class Marks {
  constructor(lane, pane) {
    this.lane = lane;
    this.pane = pane;
    this.count = 0;
    this.tint = false;
    this.chunks = false;
    this.placed = [];
    this.pointed = null;
  }

  /** Show the first `count` chunks. */
  show(count) {
    if (count < this.count) this.unmark(count);
    if (!CAN_HIGHLIGHT) this.showSpans(count);
    else {
      this.pane.show(this.lane.lengthOf(count));
      this.mark(this.count, count);
    }
    this.count = count;
    this.pane.scrollAlong();
  }

  /** Choose what is marked. */
  set({ tint = this.tint, chunks = this.chunks }) {
    const count = this.count;
    this.unmark(0);
    this.tint = tint;
    this.chunks = chunks;
    if (!CAN_HIGHLIGHT) this.show(0);
    this.count = 0;
    this.show(count);
  }

  clear() {
    this.unmark(0);
  }

  /** Mark the one chunk that is pointed at; none with -1. */
  point(index) {
    if (!CAN_HIGHLIGHT || index === (this.pointed?.index ?? -1)) return;
    const all = highlightNamed("ck-pointed");
    if (this.pointed) all.delete(this.pointed.range);
    this.pointed = null;
    if (index < 0 || index >= this.count || this.lane.start(index) === this.lane.ends[index]) return;
    this.pointed = { index, range: this.pane.range(this.lane.start(index), this.lane.ends[index]) };
    all.add(this.pointed.range);
  }

  namesOf(index) {
    const names = [];
    if (this.lane.start(index) === this.lane.ends[index]) return names;
    if (this.chunks && index % 2) names.push("ck-odd");
    if (this.tint && this.lane.levels[index]) names.push(`ck-wait-${this.lane.levels[index]}`);
    return names;
  }

  mark(from, to) {
    if (!this.tint && !this.chunks) return;
    for (let index = from; index < to; index++) {
      for (const name of this.namesOf(index)) {
        const range = this.pane.range(this.lane.start(index), this.lane.ends[index]);
        highlightNamed(name).add(range);
        this.placed.push({ index, name, range });
      }
    }
  }

  unmark(from) {
    if (this.pointed?.index >= from) this.point(-1);
    while (this.placed.length && this.placed[this.placed.length - 1].index >= from) {
      const { name, range } = this.placed.pop();
      highlightNamed(name).delete(range);
    }
  }

  showSpans(count) {
    if (count < this.count) this.pane.show(this.lane.lengthOf(count));
    for (let index = this.count; index < count; index++) {
      this.pane.show(this.lane.ends[index], this.namesOf(index).join(" "));
    }
  }
}
