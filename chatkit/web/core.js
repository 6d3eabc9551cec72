// Time and choice, without a DOM: what the player shows when, and where a key or a button leads.
//
// All times are in ms. "Recorded" time counts from the request as it happened; "playback" time is what the
// clock runs in: the same, unless an idle limit shortens the waits.

/** The speed at which a replay takes no time. */
export const INSTANT = 0;

/** Speeds on offer, slowest first. */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, INSTANT];

/** Index of the first value of an ascending array that is greater than `value`. */
export function upperBound(ascending, value) {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A typed array from bytes. Copied, because a view that came over the wire can be misaligned. */
export function numbersFrom(Type, bytes) {
  if (bytes instanceof ArrayBuffer) return new Type(bytes.slice(0));
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Time from each arrival back to the one before; the first counts from the request. */
export function gapsOf(arrivals) {
  return arrivals.map((arrival, index) => arrival - (index > 0 ? arrivals[index - 1] : 0));
}

/** All arrivals of all lanes in one ascending array. */
export function mergeArrivals(lanes) {
  const merged = new Float64Array(lanes.reduce((total, arrivals) => total + arrivals.length, 0));
  let offset = 0;
  for (const arrivals of lanes) {
    merged.set(arrivals, offset);
    offset += arrivals.length;
  }
  return merged.sort();
}

/**
 * Recorded time to playback time and back.
 *
 * With an idle limit every wait between arrivals, before the first and after the last is shortened to it.
 * That is settled before playback, once for all lanes, so that lanes stay on one clock.
 */
export class Warp {
  constructor(arrivals, endMs, idleLimitMs = null) {
    this.recorded = mergeArrivals([[0], idleLimitMs === null ? [] : arrivals, [endMs]]);
    this.playback = shorten(this.recorded, idleLimitMs ?? Infinity);
  }

  /** Length of the replay at speed 1, in playback time. */
  get durationMs() {
    return this.playback[this.playback.length - 1];
  }

  toPlayback(recordedMs) {
    return interpolate(this.recorded, this.playback, recordedMs);
  }

  toRecorded(playbackMs) {
    return interpolate(this.playback, this.recorded, playbackMs);
  }
}

function shorten(times, limitMs) {
  const shortened = new Float64Array(times.length);
  let savedMs = 0; // subtracted from exact times, so that no error adds up
  for (let i = 1; i < times.length; i++) {
    savedMs += Math.max(0, times[i] - times[i - 1] - limitMs);
    shortened[i] = times[i] - savedMs;
  }
  return shortened;
}

/** The piecewise linear map that takes each of `from` to its partner in `to`, exact at these points. */
function interpolate(from, to, value) {
  const last = from.length - 1;
  if (value >= from[last]) return to[last];
  if (value <= from[0]) return to[0];
  const i = upperBound(from, value) - 1;
  const slope = (to[i + 1] - to[i]) / (from[i + 1] - from[i]);
  return Math.min(to[i + 1], to[i] + (value - from[i]) * slope);
}

/** A clock that is anchored, never summed: `position = anchor + (now - anchored at) * speed`. */
export class Clock {
  constructor({ speed = 1, durationMs = 0 } = {}) {
    this.speed = speed;
    this.durationMs = durationMs;
    this.isPlaying = false;
    this.anchorMs = 0;
    this.anchoredAt = 0;
  }

  position(now) {
    if (!this.isPlaying) return this.anchorMs;
    if (this.speed === INSTANT) return this.durationMs;
    return Math.min(this.durationMs, this.anchorMs + (now - this.anchoredAt) * this.speed);
  }

  hasEnded(now) {
    return this.position(now) >= this.durationMs;
  }

  seek(now, positionMs) {
    this.anchorMs = Math.min(Math.max(positionMs, 0), this.durationMs);
    this.anchoredAt = now;
  }

  /** Go on from here; from the start if the end was reached. */
  play(now) {
    if (this.isPlaying) return;
    this.seek(now, this.hasEnded(now) ? 0 : this.anchorMs);
    this.isPlaying = true;
  }

  pause(now) {
    this.seek(now, this.position(now));
    this.isPlaying = false;
  }

  setSpeed(now, speed) {
    this.seek(now, this.position(now));
    this.speed = speed;
  }
}

/** The nearest of several ascending lists' values after (`direction` 1) or before (-1) `value`, else null. */
export function neighbour(lists, value, direction) {
  let found = null;
  for (const list of lists) {
    const candidate = direction > 0 ? firstAfter(list, value) : lastBefore(list, value);
    if (candidate === undefined) continue;
    if (found === null || (candidate - found) * direction < 0) found = candidate;
  }
  return found;
}

function firstAfter(list, value) {
  return list[upperBound(list, value)];
}

function lastBefore(list, value) {
  let i = upperBound(list, value) - 1;
  while (i >= 0 && list[i] >= value) i--; // chunks of one read share a time and are stepped over together
  return list[i];
}

/** Chunks per second over the last `windowMs` of recorded time; null while that is too short to say. */
export function chunksPerSecond(arrivals, atMs, windowMs = 1000) {
  if (!arrivals.length) return null;
  const fromMs = Math.max(arrivals[0], atMs - windowMs);
  const spanMs = atMs - fromMs;
  if (spanMs < 50) return null;
  return ((upperBound(arrivals, atMs) - upperBound(arrivals, fromMs)) / spanMs) * 1000;
}

/** From so long a wait on, the next level: 1, 2, 3. */
export const LEVELS_MS = [100, 250, 1000];

/** The level of a stall: the highest, which no other wait reaches. */
export const STALL_LEVEL = 4;

/** How noticeable a wait is, 0 to 3. */
export function waitLevel(gapMs) {
  return upperBound(LEVELS_MS, gapMs);
}

/** For each of `count` equal stretches of playback, the chunk that was waited for longest; -1 for none. */
export function longestWaits(dueMs, gapsMs, durationMs, count) {
  const longest = new Int32Array(count).fill(-1);
  for (let i = 0; i < dueMs.length; i++) {
    const bin = Math.min(count - 1, Math.floor((dueMs[i] / (durationMs || 1)) * count));
    if (longest[bin] < 0 || gapsMs[i] > gapsMs[longest[bin]]) longest[bin] = i;
  }
  return longest;
}

/** The next faster or slower speed; the fastest is not followed by instant, which one has to ask for. */
export function nextSpeed(speed, direction) {
  const finite = SPEEDS.filter((each) => each !== INSTANT);
  const current = speed === INSTANT ? Infinity : speed;
  return neighbour([finite], current, direction) ?? (direction > 0 ? finite[finite.length - 1] : finite[0]);
}

/** A duration: ms below a second, else seconds. */
export function formatMs(ms) {
  return Math.round(ms) < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

export function formatSpeed(speed) {
  return speed === INSTANT ? "instant" : `${speed}×`;
}

const KEYS = {
  " ": ["toggle"],
  k: ["toggle"],
  ".": ["step", 1],
  ",": ["step", -1],
  "]": ["stall", 1],
  "[": ["stall", -1],
  ">": ["changeSpeed", 1],
  "<": ["changeSpeed", -1],
  Home: ["seekShare", 0],
  End: ["seekShare", 1],
  s: ["toggleSkip"],
  c: ["toggleChunks"],
  t: ["toggleTint"],
  "?": ["toggleHelp"],
};
const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };

/**
 * What a key asks for, as `[action, amount]`; null if it is not the player's.
 *
 * Keys with alt, ctrl or meta belong to the browser and the notebook; space and enter on a focused button
 * belong to the button.
 */
export function keyAction({ key, altKey, ctrlKey, metaKey, shiftKey }, isButton = false) {
  if (altKey || ctrlKey || metaKey) return null;
  if (isButton && (key === " " || key === "Enter")) return null;
  if (Object.hasOwn(ARROWS, key)) return shiftKey ? ["nudgeShare", 0.1 * ARROWS[key]] : ["nudge", 1000 * ARROWS[key]];
  if (/^[0-9]$/.test(key)) return ["seekShare", Number(key) / 10];
  return Object.hasOwn(KEYS, key) ? KEYS[key] : null;
}
