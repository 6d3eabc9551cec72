// The scrubber: the whole replay at a glance, and a handle to drag.

import { element } from "./element.js";
import { Waits } from "./waits.js";

/**
 * The lanes' waits with a playhead over them. `onSeek(share)`, `onGrab()`, `onRelease()`; and
 * `onPoint(share, row, event)` where the pointer only looks, with a null share when it has left.
 */
export class Scrubber {
  constructor(actions) {
    this.actions = actions;
    this.waits = new Waits();
    this.played = element("div", { class: "ck-played" });
    this.playhead = element("div", { class: "ck-playhead" });
    this.pointed = element("div", { class: "ck-pointed-at", hidden: "" });
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
    const layers = [this.waits.el, this.played, this.pointed, this.playhead, this.range];
    this.el = element("div", { class: "ck-scrubber" }, ...layers);
    this.range.addEventListener("input", () => actions.onSeek(Number(this.range.value)));
    this.followPointer();
  }

  /** Draw the waits of all lanes on one scale. */
  draw(lanes, warp) {
    this.waits.draw(lanes, warp);
  }

  moveTo(share) {
    this.playhead.style.transform = `translateX(calc(${share} * (100% - 2px)))`;
    this.played.style.transform = `scaleX(${share})`;
  }

  /** Show where something else on the page belongs; nowhere with null. */
  pointAt(share) {
    this.pointed.hidden = share === null;
    if (share !== null) this.pointed.style.transform = `translateX(calc(${share} * (100% - 1px)))`;
  }

  /** Say the position, for the range's readers. */
  describe(share, text) {
    this.range.value = String(share);
    this.range.setAttribute("aria-valuetext", text);
  }

  close() {
    this.waits.close();
  }

  followPointer() {
    const { onSeek, onGrab, onRelease, onPoint } = this.actions;
    let isHeld = false;
    this.el.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.el.setPointerCapture(event.pointerId);
      this.range.focus({ preventScroll: true });
      isHeld = true;
      onGrab();
      onSeek(this.shareAt(event));
    });
    this.el.addEventListener("pointermove", (event) => {
      const share = this.shareAt(event);
      if (isHeld) onSeek(share);
      onPoint(share, this.rowAt(event), event);
    });
    this.el.addEventListener("pointerleave", (event) => isHeld || onPoint(null, 0, event));
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      onRelease();
    };
    this.el.addEventListener("pointerup", release);
    this.el.addEventListener("pointercancel", release);
  }

  shareAt({ clientX }) {
    const { left, width } = this.el.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / width));
  }

  rowAt({ clientY }) {
    const { top, height } = this.el.getBoundingClientRect();
    const count = this.waits.lanes.length;
    return Math.min(count - 1, Math.max(0, Math.floor(((clientY - top) / height) * count)));
  }
}
