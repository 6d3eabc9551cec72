// A lane: one response as it is replayed, and what is to be said of it at a moment. No DOM here either.

import { STALL_LEVEL, chunksPerSecond, formatMs, gapsOf, numbersFrom, upperBound, waitLevel } from "./core.js";

/** One response: its text, when each chunk arrived, and the figures that Python worked out. */
export class Lane {
  constructor(wire) {
    this.name = wire.name;
    this.text = wire.text;
    this.arrivals = numbersFrom(Float64Array, wire.arrivals_ms);
    this.ends = numbersFrom(Uint32Array, wire.chunk_ends);
    this.stalls = wire.stalls;
    this.totalMs = wire.total_ms;
    this.ttftMs = wire.ttft_ms;
    this.completionTokens = wire.completion_tokens;
    this.tokensPerSecond = wire.tokens_per_s;
    this.status = wire.status;
    this.gaps = gapsOf(this.arrivals);
    this.levels = Uint8Array.from(this.gaps, waitLevel);
    for (const index of this.stalls) this.levels[index] = STALL_LEVEL;
    this.due = this.arrivals;
  }

  get count() {
    return this.arrivals.length;
  }

  /** Settle when each chunk is due on the clock. */
  follow(warp) {
    this.due = this.arrivals.map((arrival) => warp.toPlayback(arrival));
  }

  /** How many chunks have arrived at a moment of playback. */
  countAt(playbackMs) {
    return upperBound(this.due, playbackMs);
  }

  /** Where in the text chunk `index` begins. */
  start(index) {
    return index > 0 ? this.ends[index - 1] : 0;
  }

  /** How much of the text, in UTF-16 units, the first `count` chunks hold. */
  lengthOf(count) {
    return this.start(count);
  }

  /** The chunk that the text at `offset` came with. */
  chunkAt(offset) {
    return Math.min(upperBound(this.ends, offset), this.count - 1);
  }

  /** Whether the wait for chunk `index` is a stall. */
  isStall(index) {
    return this.levels[index] === STALL_LEVEL;
  }
}

/**
 * What a lane is doing at a moment of recorded time: `{ phase, text }`.
 *
 * Phases: `ready`, `first` (waiting for the first chunk), `streaming`, `stalled`, `ending`, `ended`.
 */
export function readout(lane, recordedMs, count, isStarted) {
  if (recordedMs >= lane.totalMs && count === lane.count) return { phase: "ended", text: summary(lane) };
  if (!isStarted) return { phase: "ready", text: `${counted(lane.count)} · ${formatMs(lane.totalMs)}` };
  if (count === 0) return { phase: "first", text: `waiting for the first chunk ${formatMs(recordedMs)}` };
  const waitedMs = Math.max(0, recordedMs - lane.arrivals[count - 1]);
  const progress = `${ttft(lane)}${count} of ${counted(lane.count)}`;
  if (count === lane.count) return { phase: "ending", text: `${progress} · waiting for the end ${formatMs(waitedMs)}` };
  if (lane.isStall(count)) return { phase: "stalled", text: `${progress} · waiting ${formatMs(waitedMs)}` };
  return { phase: "streaming", text: progress + pace(lane, recordedMs) };
}

/** What a live lane is doing: the request was sent `elapsedMs` ago, and no end is known. */
export function liveReadout(lane, elapsedMs, stallAfterMs) {
  if (!lane.count) return { phase: "first", text: `waiting for the first chunk ${formatMs(elapsedMs)}` };
  const waitedMs = Math.max(0, elapsedMs - lane.arrivals[lane.count - 1]);
  const progress = `TTFT ${formatMs(lane.arrivals[0])} · ${counted(lane.count)}`;
  if (waitedMs > stallAfterMs) return { phase: "stalled", text: `${progress} · waiting ${formatMs(waitedMs)}` };
  return { phase: "streaming", text: progress + pace(lane, elapsedMs) };
}

/** A moment of playback in words: what has come, and which wait this is. */
export function describeMoment(lane, recordedMs, playbackMs) {
  const count = lane.countAt(playbackMs);
  const parts = [formatMs(recordedMs), `${count} of ${counted(lane.count)}`];
  if (count < lane.count && lane.levels[count]) {
    parts.push(`${lane.isStall(count) ? "stall" : "wait"} of ${formatMs(lane.gaps[count])}`);
  }
  return parts.join(" · ");
}

/** One chunk in words: its number, its wait, its time. */
export function describeChunk(lane, index) {
  const wait = index > 0 || lane.ttftMs !== null ? `after ${formatMs(lane.gaps[index])}` : "wait unknown";
  return `chunk ${index + 1} of ${lane.count} · ${wait} · at ${formatMs(lane.arrivals[index])}`;
}

function pace(lane, recordedMs) {
  const chunks = chunksPerSecond(lane.arrivals, recordedMs);
  if (chunks === null) return "";
  // Where every token was seen, a chunk holds so many of them on average; which ones, nobody says.
  const tokens = lane.tokensPerSecond === null ? null : (chunks * lane.completionTokens) / lane.count;
  const rate = tokens ?? chunks;
  return ` · ${tokens === null ? "" : "≈ "}${rate.toFixed(rate < 10 ? 1 : 0)} ${tokens === null ? "chunks" : "tokens"}/s`;
}

function ttft(lane) {
  return lane.ttftMs === null ? "" : `TTFT ${formatMs(lane.ttftMs)} · `;
}

function summary(lane) {
  const parts = [formatMs(lane.totalMs)];
  if (lane.count) parts.push(lane.ttftMs === null ? "TTFT unknown" : `TTFT ${formatMs(lane.ttftMs)}`);
  parts.push(counted(lane.count));
  if (lane.completionTokens !== null) parts.push(`${lane.completionTokens} tokens`);
  if (lane.tokensPerSecond !== null) parts.push(`${lane.tokensPerSecond.toFixed(1)} tokens/s`);
  if (lane.status !== "complete") parts.push(lane.status);
  return parts.join(" · ");
}

function counted(count) {
  return count === 1 ? "1 chunk" : `${count} chunks`;
}
