// The waits of all lanes at a glance: a row for each lane, a bar for each wait, a band for each stall.

import { longestWaits } from "./core.js";
import { drawing, element } from "./element.js";

/** Units of the drawing: it is stretched to the width there is. */
const WIDTH = 400;
const HEIGHT = 24;

/** A bar with the space after it; narrower ones would blur into one another. */
const BAR_PX = 3;
const FEWEST_BARS = 40;

export class Waits {
  constructor() {
    this.el = element("div", { class: "ck-rows" });
    this.bars = WIDTH;
    this.sizes = new ResizeObserver(() => this.noteSize());
    this.sizes.observe(this.el);
  }

  /** Draw the waits of all lanes on one scale. */
  draw(lanes, warp) {
    Object.assign(this, { lanes, warp });
    const longestMs = Math.max(1, ...lanes.map((lane) => lane.gaps.reduce((a, b) => Math.max(a, b), 0)));
    this.el.replaceChildren(...lanes.map((lane) => row(lane, warp, longestMs, this.bars)));
  }

  noteSize() {
    const bars = Math.min(WIDTH, Math.max(FEWEST_BARS, Math.round(this.el.clientWidth / BAR_PX)));
    if (bars === this.bars) return;
    this.bars = bars;
    if (this.lanes) this.draw(this.lanes, this.warp);
  }

  close() {
    this.sizes.disconnect();
  }
}

function row(lane, warp, longestMs, count) {
  const view = `0 0 ${WIDTH} ${HEIGHT}`;
  const picture = { class: "ck-row", viewBox: view, preserveAspectRatio: "none", "aria-hidden": "true" };
  return drawing("svg", picture, span(lane, warp), ...bands(lane, warp), ...bars(lane, warp, longestMs, count));
}

/** From the request to the end of this lane: in a race it shows who is still writing. */
function span(lane, warp) {
  const width = warp.toPlayback(lane.totalMs) * scaleOf(warp);
  return drawing("rect", { class: "ck-span", x: 0, y: 0, width, height: HEIGHT });
}

function bands(lane, warp) {
  const scale = scaleOf(warp);
  return lane.stalls.map((index) => {
    const from = lane.due[index - 1] * scale;
    const width = Math.max(1, lane.due[index] * scale - from);
    return drawing("rect", { class: "ck-band", x: from, y: 0, width, height: HEIGHT });
  });
}

/** One path for each level, so that colours stay with the style sheet. Heights are logarithmic. */
function bars(lane, warp, longestMs, count) {
  const paths = new Map();
  const step = WIDTH / count;
  longestWaits(lane.due, lane.gaps, warp.durationMs, count).forEach((index, bin) => {
    if (index < 0) return;
    const height = Math.max(1, (Math.log1p(lane.gaps[index]) / Math.log1p(longestMs)) * (HEIGHT - 2));
    const level = lane.levels[index];
    const left = (bin * step).toFixed(2);
    const bar = `M${left} ${HEIGHT}v${-height.toFixed(2)}h${(0.67 * step).toFixed(2)}v${height.toFixed(2)}z`;
    paths.set(level, (paths.get(level) ?? "") + bar);
  });
  return [...paths].map(([level, d]) => drawing("path", { class: `ck-bar ck-bar-${level}`, d }));
}

function scaleOf(warp) {
  return WIDTH / (warp.durationMs || 1);
}
