// A response that is still arriving: its text as it comes, and how long is being waited. It ends in a replay.

import { Warp, numbersFrom } from "./core.js";
import { element } from "./element.js";
import { Lane, describeChunk, liveReadout } from "./lane.js";
import { LaneView } from "./lane_view.js";
import { READOUT_MS, SharedState } from "./shared.js";
import { Tip } from "./tip.js";
import { Waits } from "./waits.js";

const NO_BYTES = new Uint8Array(0);

/** A lane of all that came: the whole that Python sent last, and what came since. */
function laneOf(whole, tail) {
  return new Lane({
    name: whole.name,
    text: whole.text + (tail.text ?? ""),
    arrivals_ms: joined(Float64Array, whole.arrivals_ms, tail.arrivals_ms),
    chunk_ends: joined(Uint32Array, whole.chunk_ends, tail.chunk_ends),
    stalls: [],
    total_ms: Infinity,
    ttft_ms: null,
    completion_tokens: null,
    tokens_per_s: null,
    status: "streaming",
  });
}

function joined(Type, first, second) {
  const parts = [numbersFrom(Type, first ?? NO_BYTES), numbersFrom(Type, second ?? NO_BYTES)];
  const all = new Type(parts[0].length + parts[1].length);
  all.set(parts[0]);
  all.set(parts[1], parts[0].length);
  return all.buffer;
}

class LiveView {
  constructor({ el, get, set, save, on, now, every, stop }) {
    Object.assign(this, { get, now, stop });
    this.shared = new SharedState({ get, set, save, on });
    this.view = new LaneView(laneOf(get("_lanes")[0], get("_tail")), { onPoint: (...at) => this.point(...at) });
    this.waits = new Waits();
    this.time = element("span", { class: "ck-time" });
    this.root = element(
      "div",
      { class: "ck-player ck-playing ck-live", role: "group", "aria-label": this.view.lane.name },
      element("div", { class: "ck-lanes" }, this.view.el),
      element("div", { class: "ck-scrubber" }, this.waits.el),
      element("div", { class: "ck-toolbar" }, element("div", { class: "ck-times" }, this.time)),
    );
    this.tip = new Tip(this.root);
    this.view.marks.set({ tint: true });
    el.append(this.root);
    for (const name of ["_lanes", "_tail"]) this.shared.onChange(name, () => this.grow());
    this.timer = every(() => this.say(), READOUT_MS);
    this.grow();
  }

  grow() {
    const tail = this.get("_tail");
    this.heardAt = this.now();
    this.elapsedMs = tail.elapsed_ms ?? null;
    this.stallAfterMs = tail.stall_after_ms ?? Infinity;
    this.view.take(laneOf(this.get("_lanes")[0], tail));
    this.say();
  }

  say() {
    const { lane } = this.view;
    this.view.show(Infinity);
    if (this.elapsedMs === null) {
      this.view.tell({ phase: "ready", text: "not sent yet" });
      return;
    }
    const elapsedMs = this.elapsedMs + this.now() - this.heardAt;
    this.view.tell(liveReadout(lane, elapsedMs, this.stallAfterMs));
    this.time.textContent = `${(elapsedMs / 1000).toFixed(2)} s`;
    this.waits.draw([lane], new Warp(lane.arrivals, Math.max(elapsedMs, ...lane.arrivals.slice(-1))));
  }

  point(index, event) {
    this.view.marks.point(index);
    if (index < 0) this.tip.hide();
    else this.tip.show(describeChunk(this.view.lane, index), event);
  }

  destroy() {
    this.stop(this.timer);
    this.shared.close();
    this.view.close();
    this.waits.close();
    this.root.remove();
  }
}

/** Show a live response in `el` as it arrives; the returned function takes it away. */
export function mountLive({
  el,
  get,
  set,
  save = () => {},
  on = () => () => {},
  now = () => performance.now(),
  every = (callback, ms) => setInterval(callback, ms),
  stop = (timer) => clearInterval(timer),
}) {
  const view = new LiveView({ el, get, set, save, on, now, every, stop });
  return () => view.destroy();
}
