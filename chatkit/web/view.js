// The player: lanes, scrubber and controls over one replay.

import { INSTANT, formatMs, keyAction, nextSpeed } from "./core.js";
import { Controls } from "./controls.js";
import { element } from "./element.js";
import { Lane } from "./lane.js";
import { LaneView } from "./lane_view.js";
import { mountLive } from "./live.js";
import { Pointing } from "./pointing.js";
import { Replay } from "./replay.js";
import { Scrubber } from "./scrubber.js";
import { READOUT_MS, SharedState } from "./shared.js";

/** To what "skip stalls" shortens every wait, unless Python named another limit. */
const SKIP_TO_MS = 300;

/** While playing, a position this near to ours is another view's of the same replay, not a seek. */
const ECHO_MS = 300;

class PlayerView {
  constructor({ el, lanes, get, set, save, on, now, raf, caf }) {
    Object.assign(this, { now, raf, caf });
    this.shared = new SharedState({ get, set, save, on });
    const idleLimitMs = get("idle_limit_ms") ?? null;
    const decoded = lanes.map((wire) => new Lane(wire));
    this.replay = new Replay(decoded, { now, speed: get("speed"), idleLimitMs });
    this.skipToMs = idleLimitMs ?? SKIP_TO_MS;
    this.frameHandle = null;
    this.toldAt = -Infinity;
    this.build(decoded);
    this.listen();
    el.append(this.root);
    this.begin();
  }

  build(lanes) {
    this.laneViews = lanes.map(
      (lane, row) =>
        new LaneView(lane, {
          onPick: (index) => this.pick(lane, index),
          onPoint: (index, event) => this.pointing.atChunk(row, index, event),
        }),
    );
    this.scrubber = new Scrubber({
      onSeek: (share) => this.seekShare(share),
      onGrab: () => this.grab(),
      onRelease: () => this.release(),
      onPoint: (share, row, event) => this.pointing.atMoment(share, row, event),
    });
    this.controls = new Controls((action, amount) => this[action](amount));
    this.announcement = element("div", { class: "ck-announcement", role: "status", "aria-live": "polite" });
    this.root = element(
      "div",
      {
        class: "ck-player",
        role: "group",
        tabindex: "0",
        "aria-label": `Replay of ${lanes.map((lane) => lane.name).join(", ")}`,
        // Without it JupyterLab takes keys as its own: x cuts the cell.
        "data-lm-suppress-shortcuts": "true",
      },
      element("div", { class: "ck-lanes" }, ...this.laneViews.map((view) => view.el)),
      this.scrubber.el,
      this.controls.el,
      this.announcement,
    );
    this.pointing = new Pointing(this);
    this.controls.enableStalls(lanes.some((lane) => lane.stalls.length));
    this.controls.showSpeed(this.replay.speed);
    this.showWaits();
    this.mark({ tint: true });
  }

  listen() {
    const { shared, replay } = this;
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    shared.onChange("speed", (speed) => speed !== replay.speed && this.setSpeed(speed));
    shared.onChange("playing", (isPlaying) => (isPlaying ? this.play() : this.pause()));
    shared.onChange("position_ms", (recordedMs) => this.follow(replay.warp.toPlayback(recordedMs)));
    shared.onChange("chunk", (index) => index !== this.chunk && this.follow(this.dueOf(index)));
    shared.onChange("idle_limit_ms", (limitMs) => this.setIdleLimit(limitMs ?? null));
    shared.onMessage(({ command, ms }) => {
      if (command === "seek") this.seek(replay.warp.toPlayback(ms));
      else if (["play", "pause", "restart"].includes(command)) this[command]();
    });
  }

  begin() {
    const { shared, replay } = this;
    replay.seekRecorded(shared.get("position_ms"));
    const starts = shared.get("autoplay") && replay.positionMs === 0;
    if (shared.get("playing")) this.play();
    else if (starts && wantsStillness()) this.seek(replay.durationMs);
    else if (starts) this.play();
    else this.refresh();
  }

  destroy() {
    if (this.frameHandle !== null) this.caf(this.frameHandle);
    this.shared.close();
    for (const view of this.laneViews) view.close();
    this.scrubber.close();
    this.root.remove();
  }

  // ---- drawing

  frame() {
    this.frameHandle = null;
    this.draw();
    this.requestFrame();
  }

  requestFrame() {
    const isMoving = this.replay.isPlaying || this.laneViews.some((view) => view.isBehind);
    if (!isMoving || this.frameHandle !== null) return;
    this.frameHandle = this.raf(() => this.frame());
  }

  draw() {
    const { replay } = this;
    for (const view of this.laneViews) {
      view.show(replay.positionMs);
      if (view.isOutdated) view.say(replay.recordedMs, true);
    }
    this.scrubber.moveTo(replay.share);
    if (replay.isPlaying && replay.hasEnded) this.end();
    else if (this.now() - this.toldAt >= READOUT_MS) this.tell();
  }

  /** Bring the read-outs and the values of followers up to date. */
  tell() {
    this.toldAt = this.now();
    const { recordedMs, endMs, isPlaying, share } = this.replay;
    for (const view of this.laneViews) view.say(recordedMs, isPlaying || recordedMs > 0);
    const time = `${(recordedMs / 1000).toFixed(2)} / ${(endMs / 1000).toFixed(2)} s`;
    this.controls.showTime(time);
    this.scrubber.describe(share, time);
    this.shared.set({ position_ms: recordedMs, chunk: this.chunk });
    if (isPlaying && this.shared.get("_followed")) this.shared.save();
  }

  /** Show everything as it is now. */
  refresh() {
    this.controls.showPlaying(this.replay.isPlaying);
    this.root.classList.toggle("ck-playing", this.replay.isPlaying);
    this.toldAt = -Infinity;
    this.draw();
    this.requestFrame();
  }

  /** Show everything and tell Python: after each thing that was asked for. */
  settle() {
    this.refresh();
    const { isPlaying, recordedMs } = this.replay;
    this.shared.push({ playing: isPlaying, position_ms: recordedMs, chunk: this.chunk });
  }

  end() {
    this.replay.pause();
    this.settle();
    this.announce(`Replay ended. ${this.laneViews.map((view) => view.says.textContent).join("; ")}`);
  }

  announce(text) {
    this.announcement.textContent = text;
  }

  showWaits() {
    this.scrubber.draw(this.replay.lanes, this.replay.warp);
    const { idleLimitMs, endMs, durationMs } = this.replay;
    this.controls.showToggle("skip", idleLimitMs !== null);
    this.controls.showSkipped(idleLimitMs === null ? "" : `${formatMs(endMs - durationMs)} skipped`);
  }

  /** Index of the last chunk that the first lane shows, -1 before it. */
  get chunk() {
    return this.laneViews[0].count - 1;
  }

  dueOf(index) {
    return index < 0 ? 0 : (this.replay.lanes[0].due[index] ?? this.replay.durationMs);
  }

  // ---- what buttons, keys and Python ask for

  toggle() {
    if (this.replay.isPlaying) this.pause();
    else this.play();
  }

  play() {
    if (this.replay.isPlaying) return;
    this.replay.play();
    this.arrive();
  }

  pause() {
    if (!this.replay.isPlaying) return;
    this.replay.pause();
    this.settle();
  }

  restart() {
    this.replay.restart();
    this.arrive();
  }

  seek(positionMs) {
    this.replay.seek(positionMs);
    this.arrive();
  }

  seekShare(share) {
    this.seek(share * this.replay.durationMs);
  }

  nudge(ms) {
    this.seek(this.replay.positionMs + ms);
  }

  nudgeShare(share) {
    this.nudge(share * this.replay.durationMs);
  }

  step(direction) {
    this.replay.step(direction);
    this.arrive();
    const arrivals = this.laneViews.map((view) => view.describeArrival(this.replay.positionMs));
    this.announce(arrivals.filter(Boolean).join("; "));
  }

  stall(direction) {
    this.replay.jumpToStall(direction);
    this.arrive();
  }

  /** To the chunk whose text was clicked. */
  pick(lane, index) {
    this.replay.pause();
    this.seek(lane.due[index]);
  }

  /** Go where Python or another view says. */
  follow(positionMs) {
    const { isPlaying, speed } = this.replay;
    const nearMs = isPlaying ? ECHO_MS * Math.max(1, speed) : 1e-6;
    if (Math.abs(positionMs - this.replay.positionMs) > nearMs) this.seek(positionMs);
  }

  setSpeed(speed) {
    this.replay.setSpeed(speed);
    this.controls.showSpeed(speed);
    this.shared.set({ speed });
    if (speed === INSTANT) this.play();
    this.settle();
  }

  changeSpeed(direction) {
    this.setSpeed(nextSpeed(this.replay.speed, direction));
  }

  toggleSkip() {
    this.setIdleLimit(this.replay.idleLimitMs === null ? this.skipToMs : null);
  }

  setIdleLimit(limitMs) {
    if (limitMs === this.replay.idleLimitMs) return;
    this.replay.setIdleLimit(limitMs);
    this.showWaits();
    this.shared.set({ idle_limit_ms: limitMs });
    this.settle();
  }

  toggleChunks() {
    this.mark({ chunks: !this.laneViews[0].marks.chunks });
  }

  toggleTint() {
    this.mark({ tint: !this.laneViews[0].marks.tint });
  }

  mark(choice) {
    for (const [name, isOn] of Object.entries(choice)) this.controls.showToggle(name, isOn);
    for (const view of this.laneViews) view.marks.set(choice);
  }

  toggleHelp() {
    this.controls.toggleHelp();
  }

  /** The handle of the scrubber is held: time stands still until it is let go. */
  grab() {
    this.resumes = this.replay.isPlaying;
    this.replay.pause();
  }

  release() {
    if (this.resumes && !this.replay.hasEnded) this.play();
  }

  /** Settle at a new position, where the text is followed again even if its reader had scrolled away. */
  arrive() {
    for (const view of this.laneViews) view.pane.followEnd();
    this.settle();
  }

  onKey(event) {
    if (event.defaultPrevented || event.target.tagName === "SELECT") return;
    const asked = keyAction(event, event.target.tagName === "BUTTON");
    if (!asked) return;
    const [action, amount] = asked;
    this[action](amount);
    event.preventDefault();
    event.stopPropagation();
  }
}

function wantsStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Put a player into `el`; the returned function takes it away.
 *
 * `get`, `set`, `save` and `on` reach the state shared with Python; `now`, `raf` and `caf` are the clock and
 * the frames, which a test replaces.
 */
export function mount({
  el,
  lanes,
  get,
  set,
  save = () => {},
  on = () => () => {},
  now = () => performance.now(),
  raf = (callback) => requestAnimationFrame(callback),
  caf = (handle) => cancelAnimationFrame(handle),
}) {
  const view = new PlayerView({ el, lanes, get, set, save, on, now, raf, caf });
  return () => view.destroy();
}

/** A live response until it ends, then its replay, standing at its end; or a replay from the beginning. */
export function show(shared) {
  const { el, get, on } = shared;
  const begin = () => (get("_live") ? mountLive(shared) : mount({ el, lanes: get("_lanes"), ...shared }));
  let unmount = begin();
  const forget = on("change:_live", () => {
    unmount();
    unmount = begin();
  });
  return () => {
    forget?.();
    unmount();
  };
}

export default {
  render({ model, el }) {
    return show({
      el,
      get: (name) => model.get(name),
      set: (name, value) => model.set(name, value),
      save: () => model.save_changes(),
      on: (event, handler) => {
        model.on(event, handler);
        return () => model.off(event, handler);
      },
    });
  },
};
