"""What the colours of a picture mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from chatkit.charts.palette import MUTED
from chatkit.charts.style import TEXT_PT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes


def name_colours(ax: Axes, names: Sequence[tuple[str, str]], *, inside: bool = False) -> None:
    """Say what each colour means, above the axes at the right, or inside them at the bottom."""
    ax.legend(
        handles=[Patch(color=colour, label=name) for colour, name in names],
        loc="lower right",
        bbox_to_anchor=(1, 0) if inside else (1, 0.995),
        ncols=len(names),
        frameon=False,
        fontsize=TEXT_PT,
        labelcolor=MUTED,
        handlelength=1,
        handleheight=0.9,
        columnspacing=1.2,
        borderaxespad=0.3 if inside else 0,
    )
