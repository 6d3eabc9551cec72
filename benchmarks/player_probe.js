// What measures in the page: how much text was painted when, sample by sample `[frame, painted, length of each pane]`.
//
// A frame counts as painted when the task after it runs: its style, layout and paint are done by then.
(() => {
  function watch(selector, isOver) {
    const panes = [...document.querySelectorAll(selector)];
    const samples = [];
    const channel = new MessageChannel();
    return new Promise((done) => {
      channel.port1.onmessage = ({ data: frame }) => {
        const at = performance.now();
        samples.push([frame, at, ...panes.map((pane) => pane.textContent.length)]);
        if (isOver(at)) done({ samples, toPageMs: performance.now() - Date.now() });
        else requestAnimationFrame(step);
      };
      // Asked for after a frame, so that in the next one it comes after the player, which asked within this one.
      const step = (frame) => channel.port2.postMessage(frame);
      requestAnimationFrame(step);
    });
  }

  /** Watch a page on which nothing happens: what the machine itself does to frames. */
  window.rest = (forMs) => {
    const end = performance.now() + forMs;
    return watch("#nothing", (at) => at > end);
  };

  /** Play all players and watch them to their end; what is due counts from the click. */
  window.playAll = async (limitMs) => {
    const began = [...document.querySelectorAll(".ck-player")].map((player) => {
      const at = performance.now();
      player.querySelector(".ck-play").click();
      return at;
    });
    const isOver = (at) => at > began[0] + limitMs || !document.querySelector(".ck-playing");
    return { ...(await watch(".ck-player .ck-text", isOver)), began };
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
