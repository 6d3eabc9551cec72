// A few words beside the pointer.

import { element } from "./element.js";

/** How far the words stand from the pointer, in px. */
const DISTANCE_PX = 14;

/** Words inside `frame`, whose place is counted from. A supplement for the pointer: keys are answered by announcements. */
export class Tip {
  constructor(frame) {
    this.frame = frame;
    this.el = element("div", { class: "ck-tip", "aria-hidden": "true", hidden: "" });
    frame.append(this.el);
  }

  /** Show words over a point of the window, or under it where there is no room. */
  show(text, { clientX, clientY }) {
    this.el.textContent = text;
    this.el.hidden = false;
    const { left, top, width } = this.frame.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.el;
    const x = Math.min(Math.max(4, clientX - left - offsetWidth / 2), Math.max(4, width - offsetWidth - 6));
    const above = clientY - top - offsetHeight - DISTANCE_PX;
    this.el.style.transform = `translate(${x}px, ${clientY - offsetHeight < DISTANCE_PX ? above + offsetHeight + 2 * DISTANCE_PX : above}px)`;
  }

  hide() {
    this.el.hidden = true;
  }
}
