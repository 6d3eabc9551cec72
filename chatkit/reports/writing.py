"""A report: one HTML file, no network needed to view it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from chatkit import __version__
from chatkit.player import lane, page
from chatkit.reports.details import LIMITS, comparison, goodputs, percentiles
from chatkit.reports.material import Material, Played, read_material
from chatkit.reports.notes import notes
from chatkit.reports.overview import N_FIGURES, written
from chatkit.reports.pictures import arrival_picture, comparison_picture, gap_picture, timeline_picture

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from chatkit.frames.source import Source

_LONGEST_QUESTION = 300


def report(
    store: Source,
    path: str | os.PathLike[str] = "report.html",
    *,
    by: str | Sequence[str] | None = None,
    compare_with: Source | None = None,
    text: bool = True,
) -> Path:
    """Write a report of a store: summary, pictures, and players of three responses, in one HTML file.

    Args:
        store: a store, its path, or whatever else tables are made of.
        path: the file to write; one that is there is replaced, and a folder that is not there is made.
        by: columns of ``responses_df``, or labels, to group the summary by; the model by default, or the store
            where two are compared.
        compare_with: a second store, to compare the first with.
        text: whether the conversations' words are in it. Without them the players show the rhythm only.

    Returns:
        The path of the file.

    Raises:
        FormatError: a path holds no store.
        NotFoundError: no response has this label.
    """
    return write_report(read_material(store, by, compare_with=compare_with), path, text=text)


def write_report(material: Material, path: str | os.PathLike[str], *, text: bool = True) -> Path:
    """Write the report of what was read."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(document(material, text=text), encoding="utf-8", newline="\n")
    return target


def document(material: Material, *, text: bool = True) -> str:
    """Return the report as HTML."""
    table = written(material.overview)
    return (
        _environment()
        .get_template("report.html")
        .render(
            name=material.name,
            facts=_facts(material),
            headings=list(table.columns),
            rows=[list(row) for row in table.itertuples(index=False)],
            n_keys=len(table.columns) - N_FIGURES,
            notes=notes(material.responses, len(material.problems)),
            percentiles=percentiles(material),
            goodput=goodputs(material),
            limits=LIMITS,
            comparison=comparison_picture(comparison(material)),
            timeline=timeline_picture(material),
            gaps=gap_picture(material, text=text),
            arrival=arrival_picture(material),
            players=[_player(played, text=text) for played in material.played],
            text=text,
            version=__version__,
        )
    )


def _facts(material: Material) -> str:
    responses = material.responses
    models = responses["model"].dropna().unique()
    parts = [f"{len(responses):,} responses", f"{len(material.chunks):,} chunks"]
    parts += [f"{len(models)} model{'s' * (len(models) != 1)}"] if len(models) else []
    if len(responses):
        first, last = responses["started_at"].min(), responses["started_at"].max()
        parts.append(f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")
    return " · ".join(parts)


def _player(played: Played, *, text: bool) -> dict[str, Any]:
    message, highlight = played.message, played.highlight
    response = message.streaming_response
    name = (response.model if response else None) or message.message_id[:8]
    question = " ".join(played.asked.split())
    if len(question) > _LONGEST_QUESTION:
        question = f"{question[: _LONGEST_QUESTION - 1]}…"
    return {
        "caption": highlight.caption,
        "why": highlight.why,
        "asked": question if text else "",
        "explanation": played.explanation,
        "message_id": message.message_id,
        "page": page([lane(message, name=name, text=text)], title=highlight.caption),
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("chatkit.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
