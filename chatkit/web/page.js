// The player on a page of its own: state lives in the page, and no kernel is needed.

import { mount } from "./view.js";

/** Start the player that a page's data describes: `{ lanes, state }`, arrays in base64. */
export function startPage(el, { lanes, state }) {
  return mount({
    el,
    lanes: lanes.map((lane) => ({
      ...lane,
      arrivals_ms: bytesFrom(lane.arrivals_ms),
      chunk_ends: bytesFrom(lane.chunk_ends),
    })),
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
    },
  });
}

function bytesFrom(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
