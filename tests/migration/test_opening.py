"""``Store.migrated``: the automatic way."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import chatkit
from tests.store.trees import LEGACY

if TYPE_CHECKING:
    from pathlib import Path


def test_an_old_store_is_migrated_on_opening_and_one_of_ours_is_opened_as_it_is(tmp_path: Path) -> None:
    shutil.copytree(LEGACY / "split", tmp_path / "old")
    store = chatkit.Store.migrated(tmp_path / "old")
    assert store.path == tmp_path / "old.chatkit"
    assert len(store.contexts()) == 2
    store.contexts()[0].append_message(chatkit.Message.from_text("It can be written to."))
    again = chatkit.Store.migrated(tmp_path / "old")
    assert again.path == store.path
    assert again.contexts()[0].messages()[-1].content == "It can be written to."
    assert chatkit.Store.migrated(store.path).path == store.path
