// One lane on the page: its name, what it is doing, its text.

import { element } from "./element.js";
import { describeChunk, readout } from "./lane.js";
import { Marks } from "./marks.js";
import { TextPane } from "./pane.js";

/** Shows a lane. `onPick(index)` is told of the chunk whose text was clicked. */
export class LaneView {
  constructor(lane, onPick) {
    this.lane = lane;
    this.count = 0;
    this.pane = new TextPane(lane.text, `Text of ${lane.name}`, () => this.marks.set({}));
    this.marks = new Marks(lane, this.pane);
    this.says = element("div", { class: "ck-readout" });
    const head = element("div", { class: "ck-head" }, element("div", { class: "ck-name" }, lane.name), this.says);
    this.el = element("section", { class: "ck-lane", "aria-label": lane.name }, head, this.pane.el);
    this.pane.el.addEventListener("pointermove", (event) => this.nameChunk(event), { passive: true });
    this.pane.el.addEventListener("click", (event) => {
      const index = this.chunkUnder(event);
      if (index >= 0 && getSelection().isCollapsed) onPick(index);
    });
  }

  /** Show what has arrived at a moment of playback. */
  show(playbackMs) {
    const count = this.lane.countAt(playbackMs);
    if (count === this.count) return;
    this.count = count;
    this.marks.show(count);
  }

  /** Say what the lane is doing at a moment of recorded time. */
  say(recordedMs, isStarted) {
    this.tell(readout(this.lane, recordedMs, this.count, isStarted));
  }

  tell({ phase, text }) {
    this.says.textContent = text;
    this.el.dataset.phase = phase;
  }

  /** Go on with a lane that is the same so far, and longer. */
  take(lane) {
    this.lane = lane;
    this.marks.lane = lane;
    this.pane.text = lane.text;
  }

  /** The chunks that came at exactly this moment of playback, in words; "" if none did. */
  describeArrival(playbackMs) {
    const index = this.count - 1;
    if (index < 0 || this.lane.due[index] !== playbackMs) return "";
    const text = this.lane.text.slice(this.lane.start(index), this.lane.ends[index]);
    return `${this.lane.name}: ${text} (${describeChunk(this.lane, index)})`;
  }

  close() {
    this.marks.clear();
    this.pane.close();
  }

  nameChunk(event) {
    const index = this.chunkUnder(event);
    const title = index < 0 ? "" : describeChunk(this.lane, index);
    if (this.pane.el.title !== title) this.pane.el.title = title;
  }

  chunkUnder(event) {
    const [node, offset] = caretAt(event.clientX, event.clientY);
    const place = node ? this.pane.offsetOf(node, offset) : -1;
    return place < 0 || place >= this.pane.length ? -1 : this.lane.chunkAt(place);
  }
}

/** The text node under a point and the offset in it. */
function caretAt(x, y) {
  if (document.caretPositionFromPoint) {
    const caret = document.caretPositionFromPoint(x, y);
    return caret ? [caret.offsetNode, caret.offset] : [null, 0];
  }
  const range = document.caretRangeFromPoint?.(x, y);
  return range ? [range.startContainer, range.startOffset] : [null, 0];
}
