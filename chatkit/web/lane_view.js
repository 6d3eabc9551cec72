// One lane on the page: its name, what it is doing, its text.

import { element } from "./element.js";
import { describeChunk, readout } from "./lane.js";
import { Marks } from "./marks.js";
import { TextPane } from "./pane.js";

/** Of a chunk longer than this only the beginning is read aloud. */
const MOST_READ = 200;

/** Phases in which it is said how long is being waited. */
const WAITS = new Set(["first", "stalled"]);

/**
 * Shows a lane. `onPick(index)` is told of the chunk whose text was clicked, `onPoint(index, event)` of the one
 * under the pointer, -1 for none.
 */
export class LaneView {
  constructor(lane, { onPick = () => {}, onPoint }) {
    this.lane = lane;
    this.count = 0;
    this.onPoint = onPoint;
    this.pane = new TextPane(lane.text, `Text of ${lane.name}`, (isAnew) => this.lookAt(isAnew));
    this.marks = new Marks(lane, this.pane);
    this.says = element("div", { class: "ck-readout" });
    const head = element("div", { class: "ck-head" }, element("div", { class: "ck-name" }, lane.name), this.says);
    this.el = element("section", { class: "ck-lane", "aria-label": lane.name }, head, this.pane.el);
    this.pane.el.addEventListener("pointermove", (event) => this.point(event), { passive: true });
    this.pane.el.addEventListener("pointerleave", (event) => onPoint(-1, event));
    this.pane.el.addEventListener("click", (event) => {
      const index = this.chunkUnder(event);
      if (index >= 0 && getSelection().isCollapsed) onPick(index);
    });
  }

  /** Show what has arrived at a moment of playback. */
  show(playbackMs) {
    const count = this.lane.countAt(playbackMs);
    if (count === this.count && !this.isBehind) return;
    this.count = count;
    this.marks.show(count);
  }

  /** Whether more of a very long text comes onto the page when `show` is called again. */
  get isBehind() {
    return this.marks.isBehind;
  }

  /** Whether what it said last time was that a wait goes on which is over by now. */
  get isOutdated() {
    return WAITS.has(this.el.dataset.phase) && this.count !== this.toldCount;
  }

  lookAt(isAnew) {
    if (isAnew) this.marks.set({});
    else this.marks.markSeen();
  }

  /** Say what the lane is doing at a moment of recorded time. */
  say(recordedMs, isStarted) {
    this.toldCount = this.count;
    this.tell(readout(this.lane, recordedMs, this.count, isStarted));
  }

  tell({ phase, text }) {
    // Each part stays on one line: a wait is not parted from its unit.
    const parts = text.split(" · ").map((part) => element("span", {}, part));
    this.says.replaceChildren(...parts.flatMap((part, index) => (index ? [" · ", part] : [part])));
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
    const text = beginning(this.lane.text.slice(this.lane.start(index), this.lane.ends[index]));
    return `${this.lane.name}: ${text} (${describeChunk(this.lane, index)})`;
  }

  close() {
    this.marks.clear();
    this.pane.close();
  }

  point(event) {
    this.onPoint(event.buttons ? -1 : this.chunkUnder(event), event);
  }

  chunkUnder({ clientX, clientY }) {
    const [node, caret] = caretAt(clientX, clientY);
    const offset = characterAt(node, caret, clientX, clientY);
    const place = offset < 0 ? -1 : this.pane.offsetOf(node, offset);
    return place < 0 ? -1 : this.lane.chunkAt(place);
  }
}

function beginning(text) {
  return text.length > MOST_READ ? `${[...text.slice(0, 2 * MOST_READ)].slice(0, MOST_READ).join("")}…` : text;
}

/** The character of a text node that a point is on, next to a caret's place; -1 where there is only ground. */
function characterAt(node, caret, x, y) {
  if (node?.nodeType !== Node.TEXT_NODE) return -1;
  const range = document.createRange();
  const linePx = parseFloat(getComputedStyle(node.parentNode).lineHeight);
  const isOn = ({ left, right, top, bottom }) =>
    x >= left && x < right && Math.abs(y - (top + bottom) / 2) <= Math.max(linePx, bottom - top) / 2;
  for (const offset of [caret, caret - 1]) {
    if (offset < 0 || offset >= node.length) continue;
    range.setStart(node, offset);
    range.setEnd(node, offset + 1);
    if ([...range.getClientRects()].some(isOn)) return offset;
  }
  return -1;
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
