// Where a replay stands and how it moves: lanes on one clock, as they were recorded or with waits shortened.

import { Clock, Warp, mergeArrivals, neighbour } from "./core.js";

/** Going back to a stall while playing, one that began less than this ago is passed over. */
const GRACE_MS = 700;

export class Replay {
  constructor(lanes, { now, speed, idleLimitMs = null }) {
    this.lanes = lanes;
    this.now = now;
    this.arrivals = mergeArrivals(lanes.map((lane) => lane.arrivals));
    this.endMs = Math.max(...lanes.map((lane) => lane.totalMs));
    this.clock = new Clock({ speed });
    this.limitIdle(idleLimitMs);
  }

  get isPlaying() {
    return this.clock.isPlaying;
  }

  get hasEnded() {
    return this.clock.hasEnded(this.now());
  }

  get speed() {
    return this.clock.speed;
  }

  get durationMs() {
    return this.warp.durationMs;
  }

  /** Position on the clock: playback time. */
  get positionMs() {
    return this.clock.position(this.now());
  }

  /** Position as it was recorded, counted from the request. */
  get recordedMs() {
    return this.warp.toRecorded(this.positionMs);
  }

  /** Position as a share of the whole. */
  get share() {
    return this.durationMs ? this.positionMs / this.durationMs : 0;
  }

  play() {
    this.clock.play(this.now());
  }

  pause() {
    this.clock.pause(this.now());
  }

  restart() {
    this.seek(0);
    this.play();
  }

  seek(positionMs) {
    this.clock.seek(this.now(), positionMs);
  }

  seekRecorded(recordedMs) {
    this.seek(this.warp.toPlayback(recordedMs));
  }

  setSpeed(speed) {
    this.clock.setSpeed(this.now(), speed);
  }

  /** To the arrival after or before this moment, whichever lane it belongs to; past the last, to the end. */
  step(direction) {
    this.pause();
    const target = neighbour(
      this.lanes.map((lane) => lane.due),
      this.positionMs,
      direction,
    );
    this.seek(target ?? (direction > 0 ? this.durationMs : 0));
  }

  /** To where the next or previous stall begins, if there is one. */
  jumpToStall(direction) {
    const graceMs = this.isPlaying && direction < 0 ? GRACE_MS * this.speed : 0;
    const starts = this.lanes.map((lane) => lane.stalls.map((index) => lane.due[index - 1]));
    const target = neighbour(starts, this.positionMs - graceMs, direction);
    if (target !== null) this.seek(target);
  }

  /** Shorten every wait to `idleLimitMs`, or none with null; what is shown stays. */
  setIdleLimit(idleLimitMs) {
    const recordedMs = this.recordedMs;
    this.limitIdle(idleLimitMs);
    this.seekRecorded(recordedMs);
  }

  limitIdle(idleLimitMs) {
    this.idleLimitMs = idleLimitMs;
    this.warp = new Warp(this.arrivals, this.endMs, idleLimitMs);
    this.clock.durationMs = this.warp.durationMs;
    for (const lane of this.lanes) lane.follow(this.warp);
  }
}
