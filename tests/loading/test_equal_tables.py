"""Whatever way a store's files become tables, the tables are equal; and equal to those of a plain ``json`` reader."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, Phase, given, note, settings

import chatkit as ck
from chatkit.errors import CorruptFileWarning
from tests.loading.drawn_stores import stores, write
from tests.loading.plain_frames import hold
from tests.loading.plain_tables import PlainTables, read_store

TABLES: dict[str, Any] = {
    "contexts": ck.contexts_df,
    "messages": ck.messages_df,
    "responses": ck.responses_df,
    "chunks": ck.chunks_df,
}
N_EXAMPLES = int(os.environ.get("CHATKIT_EXAMPLES", "0"))
drawn = settings(
    max_examples=N_EXAMPLES or 40,
    derandomize=not N_EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""More, and others each time, with ``CHATKIT_EXAMPLES=1000``."""


def all_tables(source: Any, **options: Any) -> dict[str, pd.DataFrame]:
    """Each table of a source; that files are damaged is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        return {name: table(source, **options) for name, table in TABLES.items()}


def hold_problems(root: Path, expected: PlainTables) -> None:
    frame = ck.problems_df(root)
    found = {
        (path, None if pd.isna(message) else message)
        for path, message in zip(frame["path"], frame["message_id"], strict=True)
    }
    assert found == expected.problems
    assert frame["reason"].str.len().gt(0).all()


@drawn
@given(stores())
def test_the_tables_are_those_of_a_plain_reader(files: dict[str, bytes]) -> None:
    note(repr(files))
    with tempfile.TemporaryDirectory() as folder:
        root = write(files, Path(folder) / "store")
        expected = read_store(root)
        for name, frame in all_tables(root).items():
            hold(frame, getattr(expected, name), name)
        hold_problems(root, expected)
