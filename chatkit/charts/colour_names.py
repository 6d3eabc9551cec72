"""What the colours of a picture mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from chatkit.charts.lettering import width_pt
from chatkit.charts.palette import MUTED
from chatkit.charts.style import TEXT_PT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes


_BESIDE = 3.2
"""What stands beside each name: a patch and two spaces, in letters."""


def name_colours(ax: Axes, names: Sequence[tuple[str, str]]) -> float:
    """Say above the axes at the right what each colour means, and return how wide that is, in points."""
    ax.legend(
        handles=[Patch(color=colour, label=name) for colour, name in names],
        loc="lower right",
        bbox_to_anchor=(1, 0.995),
        ncols=len(names),
        frameon=False,
        fontsize=TEXT_PT,
        labelcolor=MUTED,
        handlelength=1,
        handleheight=0.9,
        columnspacing=1.2,
        borderaxespad=0,
    )
    return sum(width_pt(name, TEXT_PT) + _BESIDE * TEXT_PT for _, name in names)
