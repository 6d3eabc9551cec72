// The scrubber: the whole replay at a glance, its waits and stalls, and a handle to drag.

import { longestWaits } from "./core.js";
import { drawing, element } from "./element.js";

const BARS = 400;
const ROW = 24;

/** A row of waits for each lane, and a playhead over them. `onSeek(share)`, `onGrab()`, `onRelease()`. */
export class Scrubber {
  constructor({ onSeek, onGrab, onRelease }) {
    this.actions = { onSeek, onGrab, onRelease };
    this.rows = element("div", { class: "ck-rows" });
    this.played = element("div", { class: "ck-played" });
    this.playhead = element("div", { class: "ck-playhead" });
    // For the keyboard and for screen readers; the pointer is followed below, since a range's own handle
    // does not stand where the playhead does.
    this.range = element("input", {
      class: "ck-range",
      type: "range",
      min: "0",
      max: "1",
      step: "any",
      value: "0",
      "aria-label": "Position",
    });
    this.el = element("div", { class: "ck-scrubber" }, this.played, this.rows, this.playhead, this.range);
    this.range.addEventListener("input", () => onSeek(Number(this.range.value)));
    this.followPointer();
  }

  /** Draw the waits of all lanes on one scale. */
  draw(lanes, warp) {
    const longestMs = Math.max(1, ...lanes.map((lane) => lane.gaps.reduce((a, b) => Math.max(a, b), 0)));
    this.rows.replaceChildren(...lanes.map((lane) => row(lane, warp, longestMs)));
  }

  moveTo(share) {
    this.playhead.style.transform = `translateX(calc(${share} * (100% - 2px)))`;
    this.played.style.transform = `scaleX(${share})`;
  }

  /** Say the position, for the range's readers. */
  describe(share, text) {
    this.range.value = String(share);
    this.range.setAttribute("aria-valuetext", text);
  }

  followPointer() {
    const { onSeek, onGrab, onRelease } = this.actions;
    const seek = (event) => {
      const { left, width } = this.el.getBoundingClientRect();
      onSeek(Math.min(1, Math.max(0, (event.clientX - left) / width)));
    };
    let isHeld = false;
    this.el.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.el.setPointerCapture(event.pointerId);
      this.range.focus({ preventScroll: true });
      isHeld = true;
      onGrab();
      seek(event);
    });
    this.el.addEventListener("pointermove", (event) => isHeld && seek(event));
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      onRelease();
    };
    this.el.addEventListener("pointerup", release);
    this.el.addEventListener("pointercancel", release);
  }
}

function row(lane, warp, longestMs) {
  const view = `0 0 ${BARS} ${ROW}`;
  const picture = { class: "ck-row", viewBox: view, preserveAspectRatio: "none", "aria-hidden": "true" };
  return drawing("svg", picture, ...bands(lane, warp), ...bars(lane, warp, longestMs));
}

function bands(lane, warp) {
  const scale = BARS / (warp.durationMs || 1);
  return lane.stalls.map((index) => {
    const from = lane.due[index - 1] * scale;
    const width = Math.max(1, lane.due[index] * scale - from);
    return drawing("rect", { class: "ck-band", x: from, y: 0, width, height: ROW });
  });
}

/** One path for each level, so that colours stay with the style sheet. Heights are logarithmic. */
function bars(lane, warp, longestMs) {
  const paths = new Map();
  longestWaits(lane.due, lane.gaps, warp.durationMs, BARS).forEach((index, bin) => {
    if (index < 0) return;
    const height = Math.max(1, (Math.log1p(lane.gaps[index]) / Math.log1p(longestMs)) * (ROW - 2));
    const level = lane.levels[index];
    const bar = `M${bin} ${ROW}v${-height.toFixed(2)}h0.7v${height.toFixed(2)}z`;
    paths.set(level, (paths.get(level) ?? "") + bar);
  });
  return [...paths].map(([level, d]) => drawing("path", { class: `ck-bar ck-bar-${level}`, d }));
}
