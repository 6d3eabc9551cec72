// What measures in the page: when how much text was painted. `watch` gives a promise of it.
//
// A frame counts as painted when the task after it runs: by then style, layout and paint of it are done.
(() => {
  function painted(lengthsOf, isOver) {
    const samples = [];
    const channel = new MessageChannel();
    return new Promise((done) => {
      channel.port1.onmessage = ({ data: frame }) => {
        const at = performance.now();
        samples.push([frame, at, ...lengthsOf()]);
        if (isOver(at)) done(samples);
        else requestAnimationFrame(step);
      };
      // Asked for within the task after a frame, so this runs after the player's own work in the next one.
      const step = (frame) => channel.port2.postMessage(frame);
      requestAnimationFrame(step);
    });
  }

  function watch(selector, isOver) {
    const panes = [...document.querySelectorAll(selector)];
    const startLengths = panes.map((pane) => pane.textContent.length);
    return painted(() => panes.map((pane) => pane.textContent.length), isOver).then((samples) => ({
      samples,
      startLengths,
      toPageMs: performance.now() - Date.now(),
    }));
  }

  /** Play all players; lateness counts from the click. */
  window.playAll = async (limitMs) => {
    const clicked = [...document.querySelectorAll(".ck-player")].map((player) => {
      const at = performance.now();
      player.querySelector(".ck-play").click();
      return at;
    });
    const isOver = (at) => at > clicked[0] + limitMs || !document.querySelector(".ck-playing");
    return { ...(await watch(".ck-player .ck-text", isOver)), began: clicked };
  };

  /** Watch what a kernel types out until `window.isTyped`, and a second more for what is on its way. */
  window.watchTyped = async (limitMs) => {
    window.isTyped = false;
    const began = performance.now();
    let typedAt = null;
    const isOver = (at) => {
      if (window.isTyped) typedAt ??= at;
      return at > began + limitMs || (typedAt !== null && at > typedAt + 1000);
    };
    return watch(".widget-html-content", isOver);
  };
})();
