// A chart over time with a cursor that goes with a player; a click on the chart moves the player.

const STYLE = `
.ck-picture { position: relative; max-width: 100%; margin-top: 8px; border-radius: 8px; overflow: hidden; }
.ck-picture img { display: block; width: 100%; height: auto; cursor: pointer; }
.ck-picture-cursor { position: absolute; border-left: 2px solid #1769c0; pointer-events: none; }
.ck-picture-cursor[hidden] { display: none; }
`;

function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

/**
 * Show the picture in `el` and tie it to a player's model: `get`, `set`, `save_changes`, `on`, `off`. What is returned
 * takes both away.
 */
export function showPicture({ el, png, alt, widthPx, box, fromMs, toMs, player }) {
  const frame = element("div", "ck-picture");
  frame.style.width = `${widthPx}px`;
  const style = document.createElement("style");
  style.textContent = STYLE;
  const image = element("img", "");
  image.alt = alt;
  image.draggable = false;
  const address = URL.createObjectURL(new Blob([png], { type: "image/png" }));
  image.src = address;
  const cursor = element("div", "ck-picture-cursor");
  Object.assign(cursor.style, {
    top: `${100 * box.top}%`,
    height: `${100 * (box.bottom - box.top)}%`,
  });
  frame.append(style, image, cursor);
  el.append(frame);

  const follow = () => {
    const share = (player.get("position_ms") - fromMs) / (toMs - fromMs);
    cursor.hidden = share < 0 || share > 1;
    cursor.style.left = `calc(${100 * (box.left + share * (box.right - box.left))}% - 1px)`;
  };
  const seek = ({ clientX, clientY }) => {
    const { left, top, width, height } = image.getBoundingClientRect();
    const [x, y] = [(clientX - left) / width, (clientY - top) / height];
    if (x < box.left || x > box.right || y < box.top || y > box.bottom) return;
    const share = (x - box.left) / (box.right - box.left);
    player.set("position_ms", Math.max(0, fromMs + share * (toMs - fromMs)));
    player.save_changes();
    follow();
  };
  image.addEventListener("click", seek);
  player.on("change:position_ms", follow);
  follow();
  return () => {
    player.off("change:position_ms", follow);
    URL.revokeObjectURL(address);
    frame.remove();
  };
}

export default {
  async render({ model, el }) {
    const player = await model.widget_manager.get_model(model.get("_player").slice("IPY_MODEL_".length));
    const [left, top, right, bottom] = model.get("_box");
    return showPicture({
      el,
      player,
      png: model.get("_png"),
      alt: model.get("_alt"),
      widthPx: model.get("_width_px"),
      box: { left, top, right, bottom },
      fromMs: model.get("_from_ms"),
      toMs: model.get("_to_ms"),
    });
  },
};
