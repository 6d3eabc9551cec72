"""``chatkit cache``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import chatkit as ck
from chatkit.cli.main import main
from tests.cache.caches import load, segments

if TYPE_CHECKING:
    import pytest

    from chatkit.store import Store


def test_it_shows_what_is_cached_of_a_store(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    ck.responses_df(store)
    assert main(["cache", str(store.path)]) == 0
    shown = capsys.readouterr().out
    assert str(ck.cache_info(store).path) in shown
    assert "10 live, 0 dead" in shown


def test_it_lists_all_stores_and_clears_one_or_all(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    ck.responses_df(store)
    assert main(["cache"]) == 0
    assert "store/contexts" in capsys.readouterr().out.replace("\\", "/")
    assert main(["cache", str(store.path), "--clear"]) == 0
    assert segments(store) == []
    load(store)
    assert main(["cache", "--clear"]) == 0
    assert "of 1 stores removed" in capsys.readouterr().out
    assert segments(store) == []
    load(store)


def test_a_path_that_holds_no_store_is_an_error(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", str(store.path / "contexts" / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
