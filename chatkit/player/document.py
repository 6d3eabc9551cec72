"""A page of its own for a player: one file, no network, no kernel."""

from __future__ import annotations

import html
import json
from string import Template
from typing import TYPE_CHECKING, Any

from chatkit.web import page_module, page_template, player_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatkit.replay.lanes import Lane


def page(
    lanes: Sequence[Lane],
    *,
    title: str | None = None,
    speed: float = 1,
    idle_limit_ms: float | None = None,
    autoplay: bool = False,
) -> str:
    """Return an HTML document that replays lanes on one clock, from ``file://`` or a sandboxed ``srcdoc``.

    It loads nothing and may load nothing (its content security policy says so). Where scripts are off it
    shows the text.

    Args:
        lanes: one or several.
        title: the page's; the lanes' names by default.
        speed: 0 is instant.
        idle_limit_ms: to what every wait is shortened, None to keep them.
        autoplay: whether it starts by itself.
    """
    state = {
        "speed": speed,
        "idle_limit_ms": idle_limit_ms,
        "autoplay": autoplay,
        "playing": False,
        "position_ms": 0,
        "chunk": -1,
    }
    return Template(page_template()).substitute(
        title=html.escape(title or ", ".join(each.name for each in lanes)),
        style=player_style(),
        text=html.escape("\n\n".join(each.text for each in lanes)),
        data=script_json({"lanes": [each.to_json() for each in lanes], "state": state}),
        module=page_module(),
    )


def script_json(value: Any) -> str:
    r"""Write JSON that can stand inside a ``script`` element and inside a script.

    >>> script_json("</script>")
    '"\\u003c/script>"'
    """
    # ASCII only, so U+2028 and U+2029 are escaped as well.
    return json.dumps(value, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
