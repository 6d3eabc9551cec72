import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  Clock,
  INSTANT,
  Warp,
  chunksPerSecond,
  formatMs,
  gapsOf,
  keyAction,
  longestWaits,
  mergeArrivals,
  neighbour,
  nextSpeed,
  numbersFrom,
  upperBound,
  waitLevel,
} from "../../chatkit/web/core.js";
import { Lane, readout } from "../../chatkit/web/lane.js";
import { Replay } from "../../chatkit/web/replay.js";

const ARRIVALS = Float64Array.of(100, 100, 112, 1300, 1312);

function bytesOf(Type, values) {
  return new Uint8Array(Type.from(values).buffer);
}

function laneOf(arrivals, more = {}) {
  return new Lane({
    name: "lane",
    text: "x".repeat(arrivals.length),
    arrivals_ms: bytesOf(Float64Array, arrivals),
    chunk_ends: bytesOf(Uint32Array, arrivals.map((_, index) => index + 1)),
    stalls: [],
    total_ms: arrivals.at(-1) ?? 0,
    ttft_ms: arrivals[0] ?? null,
    completion_tokens: null,
    tokens_per_s: null,
    status: "complete",
    ...more,
  });
}

const VECTORS = JSON.parse(readFileSync(new URL("../schedule_vectors.json", import.meta.url), "utf8"));

for (const { name, arrivals_ms, end_ms, speed, idle_limit_ms, from_ms, due_ms, replay_end_ms, moments } of VECTORS.cases) {
  test(`the clock follows the vectors shared with Python: ${name}`, () => {
    const warp = new Warp(mergeArrivals([arrivals_ms]), end_ms, idle_limit_ms);
    const due = arrivals_ms.map((arrival) => warp.toPlayback(arrival));
    const clock = new Clock({ speed, durationMs: warp.durationMs });
    const startedAt = 5000.25;
    clock.seek(startedAt, warp.toPlayback(from_ms));
    clock.play(startedAt);
    const countAt = (elapsedMs) => upperBound(due, clock.position(startedAt + elapsedMs));
    for (const { elapsed_ms, count, position_ms } of moments) {
      assert.equal(countAt(elapsed_ms), count);
      assert.equal(warp.toRecorded(clock.position(startedAt + elapsed_ms)), position_ms);
    }
    due_ms.forEach((dueAt, index) => {
      assert.ok(countAt(dueAt) > index);
      if (dueAt > 0) assert.ok(countAt(dueAt - 0.125) <= index);
    });
    assert.ok(clock.hasEnded(startedAt + replay_end_ms));
    if (replay_end_ms > 0) assert.ok(!clock.hasEnded(startedAt + replay_end_ms - 0.125));
  });
}

test("upperBound counts the values up to and including one", () => {
  assert.deepEqual([99.9, 100, 111, 5000].map((value) => upperBound(ARRIVALS, value)), [0, 2, 2, 5]);
  assert.equal(upperBound(new Float64Array(0), 1), 0);
});

test("numbers come out of misaligned bytes", () => {
  const buffer = new ArrayBuffer(19);
  new DataView(buffer).setFloat64(3, 7.5, true);
  assert.deepEqual([...numbersFrom(Float64Array, new DataView(buffer, 3, 8))], [7.5]);
  assert.deepEqual([...numbersFrom(Uint32Array, Uint32Array.of(4, 2).buffer)], [4, 2]);
});

test("the first gap counts from the request", () => {
  assert.deepEqual([...gapsOf(ARRIVALS)], [100, 0, 12, 1188, 12]);
});

test("without an idle limit every moment stays where it is, exactly", () => {
  const warp = new Warp(ARRIVALS, 1500.7);
  for (const moment of [0, 0.1, 100, 333.3, 1500.7]) {
    assert.equal(warp.toPlayback(moment), moment);
    assert.equal(warp.toRecorded(moment), moment);
  }
});

test("an idle limit shortens the first wait, the waits between and the last one", () => {
  const warp = new Warp(ARRIVALS, 1500, 50);
  assert.deepEqual([...ARRIVALS].map((arrival) => warp.toPlayback(arrival)), [50, 50, 62, 112, 124]);
  assert.equal(warp.durationMs, 174);
  assert.equal(warp.toPlayback(112 + 1188 / 2), 62 + 25); // half of the wait is half of what it became
  assert.equal(warp.toRecorded(62 + 25), 112 + 1188 / 2);
});

test("arrivals go to playback and back without an error, however many waits were shortened", () => {
  const arrivals = Float64Array.from({ length: 5000 }, (_, i) => i * 37.3 + (i % 7) * 3.1).sort();
  const warp = new Warp(arrivals, 200000, 33.3);
  for (const arrival of arrivals) assert.equal(warp.toRecorded(warp.toPlayback(arrival)), arrival);
});

test("moments outside of the recording are its start and its end", () => {
  const warp = new Warp(ARRIVALS, 1312, 50);
  assert.deepEqual([warp.toPlayback(-5), warp.toPlayback(9999), warp.toRecorded(9999)], [0, 124, 1312]);
  assert.equal(new Warp(new Float64Array(0), 0).toPlayback(5), 0);
});

test("several lanes are shortened together: only a wait in all of them is one", () => {
  const first = Float64Array.of(10, 1010);
  const second = Float64Array.of(500, 520);
  const merged = mergeArrivals([first, second]);
  assert.deepEqual([...merged], [10, 500, 520, 1010]);
  const warp = new Warp(merged, 1010, 100);
  assert.deepEqual([...first].map((each) => warp.toPlayback(each)), [10, 230]);
  assert.deepEqual([...second].map((each) => warp.toPlayback(each)), [110, 130]);
});

test("a million uneven frames and ten changes of speed leave no drift", () => {
  const clock = new Clock({ speed: 2, durationMs: 1e9 });
  let now = 0;
  let expected = 0;
  clock.play(now);
  for (let i = 0; i < 1e6; i++) {
    if (i % 100000 === 50000) clock.setSpeed(now, clock.speed === 2 ? 8 : 2);
    const frameMs = ((i * 7919) % 33) / 2; // multiples of a half: their sum is exact
    now += frameMs;
    expected += frameMs * clock.speed;
    clock.position(now);
  }
  assert.equal(clock.position(now), expected);
});

test("a clock pauses, goes on, ends, and starts over", () => {
  const clock = new Clock({ durationMs: 10 });
  clock.play(0);
  clock.pause(4);
  assert.equal(clock.position(99), 4);
  clock.play(100);
  assert.equal(clock.position(103), 7);
  assert.equal(clock.position(200), 10);
  assert.ok(clock.hasEnded(200));
  clock.pause(200);
  clock.play(300);
  assert.equal(clock.position(301), 1);
});

test("a seek is kept within the replay", () => {
  const clock = new Clock({ durationMs: 10 });
  clock.seek(0, 99);
  assert.equal(clock.position(0), 10);
  clock.seek(0, -1);
  assert.equal(clock.position(0), 0);
});

test("instant is at the end as soon as it plays", () => {
  const clock = new Clock({ speed: INSTANT, durationMs: 10 });
  assert.equal(clock.position(5), 0);
  clock.play(5);
  assert.equal(clock.position(5), 10);
});

test("neighbours of a moment are looked for in all lists", () => {
  const lists = [[1, 5, 5, 9], [4, 6], []];
  assert.deepEqual([0, 1, 4.5, 5, 9].map((value) => neighbour(lists, value, 1)), [1, 4, 5, 6, null]);
  assert.deepEqual([1, 5, 6, 7, 99].map((value) => neighbour(lists, value, -1)), [null, 4, 5, 6, 9]);
});

test("the rate is that of the last second, and of the time since the first chunk before that", () => {
  const every10 = Float64Array.from({ length: 301 }, (_, i) => 500 + i * 10);
  assert.equal(chunksPerSecond(every10, 2500), 100);
  assert.equal(chunksPerSecond(every10, 600), 100);
  assert.equal(chunksPerSecond(every10, 540), null);
  assert.equal(chunksPerSecond(new Float64Array(0), 540), null);
});

test("waits have levels", () => {
  assert.deepEqual([0, 99, 100, 250, 999, 1000].map(waitLevel), [0, 0, 1, 2, 2, 3]);
});

test("of the chunks in one stretch the one that was waited for longest is drawn", () => {
  const due = Float64Array.of(1, 2, 3, 100);
  const longest = longestWaits(due, gapsOf(Float64Array.of(1, 50, 51, 100)), 100, 4);
  assert.deepEqual([...longest], [1, -1, -1, 3]);
  assert.deepEqual([...longestWaits([0], [0], 0, 2)], [0, -1]);
});

test("speeds go up and down between the finite ones, from any speed", () => {
  assert.deepEqual([1, 8, 1.5, INSTANT].map((speed) => nextSpeed(speed, 1)), [2, 8, 2, 8]);
  assert.deepEqual([1, 0.25, 1.5, INSTANT].map((speed) => nextSpeed(speed, -1)), [0.5, 0.25, 1, 8]);
});

test("durations are ms below a second", () => {
  assert.deepEqual([0.4, 812, 999.4, 999.6, 2700].map(formatMs), ["0 ms", "812 ms", "999 ms", "1.00 s", "2.70 s"]);
});

test("keys lead to actions", () => {
  const keys = [" ", "k", ".", ",", "]", "[", ">", "<", "5", "Home", "End", "ArrowLeft", "s", "c", "t", "?"];
  assert.deepEqual(keys.map((key) => keyAction({ key }).join(" ")), [
    "toggle", "toggle", "step 1", "step -1", "stall 1", "stall -1", "changeSpeed 1", "changeSpeed -1", "seekShare 0.5",
    "seekShare 0", "seekShare 1", "nudge -1000", "toggleSkip", "toggleChunks", "toggleTint", "toggleHelp",
  ]);
  assert.deepEqual(keyAction({ key: "ArrowRight", shiftKey: true }), ["nudgeShare", 0.1]);
});

test("keys with a modifier, other keys and a button's own are left alone", () => {
  for (const modifier of ["altKey", "ctrlKey", "metaKey"]) {
    for (const key of [" ", "5", "ArrowLeft", "s"]) assert.equal(keyAction({ key, [modifier]: true }), null);
  }
  for (const key of ["x", "Tab", "Escape", "F5", "toString"]) assert.equal(keyAction({ key }), null);
  assert.equal(keyAction({ key: " " }, true), null);
  assert.equal(keyAction({ key: "Enter" }, true), null);
  assert.deepEqual(keyAction({ key: "k" }, true), ["toggle"]);
});

test("steps visit every distinct arrival of all lanes, then the end, and back", () => {
  const replay = new Replay([laneOf([100, 100, 112]), laneOf([50, 112, 130], { total_ms: 200 })], { now: () => 0, speed: 1 });
  const visited = (direction, steps) =>
    Array.from({ length: steps }, () => {
      replay.step(direction);
      return replay.positionMs;
    });
  assert.deepEqual(visited(1, 6), [50, 100, 112, 130, 200, 200]);
  assert.deepEqual(visited(-1, 6), [130, 112, 100, 50, 0, 0]);
});

test("jumps go to where a stall's wait begins", () => {
  const lane = laneOf([10, 20, 1000, 1010, 3000], { stalls: [2, 4] });
  let now = 0;
  const replay = new Replay([lane], { now: () => now, speed: 1 });
  replay.jumpToStall(1);
  assert.equal(replay.positionMs, 20);
  replay.jumpToStall(1);
  assert.equal(replay.positionMs, 1010);
  replay.jumpToStall(1);
  assert.equal(replay.positionMs, 1010);
  replay.play();
  now = 100; // still in the grace: back means the stall before this one
  replay.jumpToStall(-1);
  assert.equal(replay.positionMs, 20);
});

test("a change of the idle limit keeps what is shown", () => {
  const replay = new Replay([laneOf([...ARRIVALS])], { now: () => 0, speed: 1 });
  replay.seek(112 + 594);
  replay.setIdleLimit(50);
  assert.equal(replay.positionMs, 62 + 25);
  assert.equal(replay.recordedMs, 112 + 594);
  assert.equal(replay.lanes[0].countAt(replay.positionMs), 3);
});

test("a lane says what it is doing", () => {
  const known = { stalls: [3], total_ms: 1500, completion_tokens: 6, tokens_per_s: 42.06 };
  const lane = laneOf([...ARRIVALS], known);
  const says = (recordedMs, isStarted = true) => Object.values(readout(lane, recordedMs, lane.countAt(recordedMs), isStarted));
  assert.deepEqual(says(0, false), ["ready", "5 chunks · 1.50 s"]);
  assert.deepEqual(says(64), ["first", "waiting for the first chunk 64 ms"]);
  assert.deepEqual(says(105), ["streaming", "TTFT 100 ms · 2 of 5 chunks"]);
  assert.deepEqual(says(924), ["stalled", "TTFT 100 ms · 3 of 5 chunks · waiting 812 ms"]);
  assert.deepEqual(says(1300), ["streaming", "TTFT 100 ms · 4 of 5 chunks · ≈ 1.2 tokens/s"]);
  assert.deepEqual(says(1412), ["ending", "TTFT 100 ms · 5 of 5 chunks · waiting for the end 100 ms"]);
  assert.deepEqual(says(1500), ["ended", "1.50 s · TTFT 100 ms · 5 chunks · 6 tokens · 42.1 tokens/s"]);
});

test("what is not known is said to be unknown, and a bad end is named", () => {
  const lane = laneOf([0, 5], { ttft_ms: null, status: "aborted" });
  assert.equal(readout(lane, 5, 2, true).text, "5 ms · TTFT unknown · 2 chunks · aborted");
  const empty = laneOf([], { total_ms: 30, status: "error" });
  assert.equal(readout(empty, 30, 0, true).text, "30 ms · 0 chunks · error");
});
