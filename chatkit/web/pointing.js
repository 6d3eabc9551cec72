// What the pointer looks at: a chunk of text or a moment on the scrubber, shown on both and said in words.

import { describeChunk, describeMoment } from "./lane.js";
import { Tip } from "./tip.js";

export class Pointing {
  constructor({ root, replay, laneViews, scrubber }) {
    Object.assign(this, { replay, laneViews, scrubber });
    this.tip = new Tip(root);
  }

  /** A chunk of lane number `row`, by its text. */
  atChunk(row, index, event) {
    if (index < 0) return this.away();
    const lane = this.replay.lanes[row];
    this.mark(row, index);
    this.scrubber.pointAt(lane.due[index] / (this.replay.durationMs || 1));
    this.tip.show(describeChunk(lane, index), event);
  }

  /** A moment of playback, as a share of it. */
  atMoment(share, row, event) {
    if (share === null) return this.away();
    const { lanes, warp, durationMs } = this.replay;
    const [lane, playbackMs] = [lanes[row], share * durationMs];
    const words = describeMoment(lane, warp.toRecorded(playbackMs), playbackMs);
    this.mark(row, lane.countAt(playbackMs) - 1);
    this.scrubber.pointAt(share);
    this.tip.show(lanes.length > 1 ? `${lane.name}: ${words}` : words, event);
  }

  away() {
    this.mark(-1, -1);
    this.scrubber.pointAt(null);
    this.tip.hide();
  }

  mark(row, index) {
    this.laneViews.forEach((view, each) => view.marks.point(each === row ? index : -1));
  }
}
