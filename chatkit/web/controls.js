// The buttons under the scrubber.

import { LEVELS_MS, SPEEDS, formatMs, formatSpeed } from "./core.js";
import { element, icon } from "./element.js";

const HELP = [
  [["space", "k"], "play or pause"],
  [[",", "."], "chunk back, on"],
  [["[", "]"], "stall back, on"],
  [["←", "→"], "1 s back, on"],
  [["shift", "←", "→"], "10 % back, on"],
  [["0", "9"], "to 0 %, … 90 %"],
  [["Home", "End"], "start, end"],
  [["<", ">"], "slower, faster"],
  [["s"], "skip stalls"],
  [["c"], "show where chunks begin"],
  [["t"], "tint by wait"],
  [["?"], "this help"],
];

/** What the tints mean: waits from so long on, and stalls. */
const LEGEND = [...LEVELS_MS.map((ms) => `≥ ${formatMs(ms)}`), "a stall"];

/** Buttons, speeds and the time. `act(action, amount)` is told what was asked for. */
export class Controls {
  constructor(act) {
    this.act = act;
    this.play = this.button("play", "Play (space)", "toggle");
    this.play.classList.add("ck-play");
    this.stalls = [
      this.button("previousStall", "Previous stall ([)", "stall", -1),
      this.button("nextStall", "Next stall (])", "stall", 1),
    ];
    for (const button of this.stalls) button.classList.add("ck-to-stall");
    this.speed = this.speedChoice();
    this.toggles = {
      skip: this.toggle("skip stalls", "Shorten every long wait (s)", "toggleSkip"),
      chunks: this.toggle("chunks", "Show where chunks begin (c)", "toggleChunks"),
      tint: this.toggle("tint", "Colour text by how long it was waited for (t)", "toggleTint"),
      help: this.toggle("?", "Keys (?)", "toggleHelp"),
    };
    this.time = element("span", { class: "ck-time" });
    this.skipped = element("span", { class: "ck-time ck-skipped" });
    this.help = element("div", { class: "ck-help", hidden: "" }, ...HELP.map(helpRow), legend());
    this.el = element("div", { class: "ck-controls" }, this.toolbar(), this.help);
  }

  toolbar() {
    const [previousStall, nextStall] = this.stalls;
    const { skip, chunks, tint, help } = this.toggles;
    return element(
      "div",
      { class: "ck-toolbar", role: "toolbar", "aria-label": "Replay" },
      group(
        this.button("restart", "Restart", "restart"),
        previousStall,
        this.button("previousChunk", "Previous chunk (,)", "step", -1),
        this.play,
        this.button("nextChunk", "Next chunk (.)", "step", 1),
        nextStall,
      ),
      this.speed,
      group(skip, chunks, tint, help),
      element("div", { class: "ck-times" }, this.skipped, " ", this.time),
    );
  }

  showPlaying(isPlaying) {
    const label = isPlaying ? "Pause (space)" : "Play (space)";
    this.play.replaceChildren(icon(isPlaying ? "pause" : "play"));
    this.play.setAttribute("aria-label", label);
    this.play.title = label;
  }

  showSpeed(speed) {
    if (![...this.speed.options].some((option) => Number(option.value) === speed)) {
      this.speed.prepend(element("option", { value: speed }, formatSpeed(speed)));
    }
    this.speed.value = String(speed);
  }

  showToggle(name, isOn) {
    this.toggles[name].setAttribute("aria-pressed", String(isOn));
  }

  showTime(text) {
    this.time.textContent = text;
  }

  /** How much of the time is left out. */
  showSkipped(text) {
    this.skipped.textContent = text;
  }

  toggleHelp() {
    const isHidden = this.help.toggleAttribute("hidden");
    this.showToggle("help", !isHidden);
  }

  /** Without stalls there is nothing to jump to. */
  enableStalls(hasStalls) {
    for (const button of this.stalls) button.disabled = !hasStalls;
  }

  button(iconName, label, action, amount) {
    const attributes = { type: "button", class: "ck-button", title: label, "aria-label": label };
    const made = element("button", attributes, icon(iconName));
    made.addEventListener("click", () => this.act(action, amount));
    return made;
  }

  toggle(text, label, action) {
    const attributes = { type: "button", class: "ck-button ck-toggle", title: label, "aria-pressed": "false" };
    const made = element("button", attributes, text);
    if (text === "?") made.setAttribute("aria-label", label);
    made.addEventListener("click", () => this.act(action));
    return made;
  }

  speedChoice() {
    const options = SPEEDS.map((speed) => element("option", { value: speed }, formatSpeed(speed)));
    const made = element("select", { class: "ck-speed", title: "Speed (< >)", "aria-label": "Speed" }, ...options);
    made.addEventListener("change", () => this.act("setSpeed", Number(made.value)));
    return made;
  }
}

function group(...children) {
  return element("div", { class: "ck-group" }, ...children);
}

function helpRow([keys, meaning]) {
  return element("div", {}, ...keys.flatMap((key) => [element("kbd", {}, key), " "]), meaning);
}

function legend() {
  const swatches = LEGEND.map((words, level) => element("span", { class: `ck-swatch ck-wait-${level + 1}` }, words));
  return element("div", { class: "ck-legend" }, "Tints by wait: ", ...swatches.flatMap((swatch) => [swatch, " "]));
}
