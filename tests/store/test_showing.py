"""What stores and contexts show of themselves, in a notebook and in plain text, whatever their files are like."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatkit.errors import CorruptFileWarning, FormatError
from chatkit.store import Store
from tests.store.trees import (
    CONTEXT_ID,
    LEGACY,
    MADE_AT,
    age,
    damage,
    filled,
    folder_of,
    message_id,
    snapshot,
    text,
    the_context,
)

if TYPE_CHECKING:
    from chatkit.store import Context


def rows(shown: Store | Context) -> list[list[str]]:
    """The cells of the table, row by row, headings first."""
    lines = re.findall(r"<tr>(.*?)</tr>", shown._repr_html_())
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]


def note(shown: Store | Context) -> str:
    """The line beneath the table."""
    return str(re.findall(r"<small>(.*?)</small>", shown._repr_html_())[0])


def test_a_store_shows_its_contexts(store: Store) -> None:
    assert rows(store) == [
        ["context", "title", "created", "model", "messages", "state"],
        ["0c0e3f5e", "Bees", "2026-11-23 09:00:00 UTC", "-", "6", "idle"],
    ]
    assert note(store) == "1 context"


def test_a_context_shows_its_messages(store: Store) -> None:
    context = the_context(store)
    assert repr(context) == "<Context 0c0e3f5e 'Bees': 6 messages>"
    assert rows(context)[:3] == [
        ["", "message", "role", "type", "created", "chunks"],
        ["0", "00000000", "user", "text", "2026-11-23 09:00:00 UTC", "-"],
        ["1", "00000001", "assistant", "streaming_response", "2026-11-23 09:00:01 UTC", "2"],
    ]
    assert note(context) == "idle · 6 messages"


def test_a_store_opened_by_a_relative_path_shows_it_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "store")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    store = Store(os.path.join("..", "store"))  # noqa: PTH118 - as given on this platform
    assert repr(store) == "<Store ../store: 1 context>"
    assert "<strong>Store ../store</strong>" in store._repr_html_()
    assert str(tmp_path) not in store._repr_html_()


def test_no_message_is_opened_and_nothing_is_written(store: Store, opened_files: list[str]) -> None:
    before = snapshot(store.path)
    opened_files.clear()
    for shown in (store, the_context(store)):
        repr(shown)
        shown._repr_html_()
    inside = {Path(path).name for path in opened_files if str(store.path) in path}
    assert inside == {"metadata.json", "index.json"}
    assert snapshot(store.path) == before


def test_a_big_store_shows_ten_contexts_and_reads_no_more(tmp_path: Path, opened_files: list[str]) -> None:
    store = Store.create(tmp_path / "store")
    for number in range(14):
        store.create_context(title=f"t{number}", context_id=message_id(number))
    opened_files.clear()
    assert len(rows(store)) == 11
    assert len([path for path in opened_files if path.endswith("metadata.json")]) == 10
    assert note(store) == "14 contexts, the first 10 by id shown"


def test_a_long_context_shows_ten_messages(tmp_path: Path) -> None:
    context = the_context(filled(tmp_path / "store", 25))
    assert len(rows(context)) == 11
    assert note(context) == "idle · 25 messages, the first 10 shown"


def test_an_empty_store_and_an_empty_context_show_themselves(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    assert (rows(store), note(store)) == ([], "0 contexts")
    context = store.create_context(context_id=CONTEXT_ID)
    assert (rows(context), note(context)) == ([], "idle · 0 messages")
    assert repr(context) == "<Context 0c0e3f5e: 0 messages>"


@pytest.mark.parametrize("name", ["metadata.json", "index.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"messages": [1]}', b"\xff\x00"])
@pytest.mark.parametrize("strict", [False, True])
def test_damaged_files_are_shown_for_what_they_tell_without_a_warning(
    store: Store, name: str, content: bytes, *, strict: bool
) -> None:
    damage(folder_of(store) / name, content)
    again = Store(store.path, strict=strict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        context = again.context(CONTEXT_ID)
        shown = repr(context) + context._repr_html_() + repr(again) + again._repr_html_()
    assert "6 messages" in repr(context)
    assert ("metadata can't be read" in repr(context)) == (name == "metadata.json")
    assert "0c0e3f5e" in shown


def test_a_glance_does_not_use_up_the_warning(store: Store) -> None:
    damage(folder_of(store) / "index.json", b"{")
    context = the_context(store)
    repr(context)
    context._repr_html_()
    with pytest.warns(CorruptFileWarning, match=r"index\.json"):
        assert len(context.entries) == 6


def test_what_is_gone_is_said(store: Store) -> None:
    context = the_context(store)
    shutil.rmtree(store.path)
    assert repr(context) == "<Context 0c0e3f5e: 0 messages, metadata can't be read>"
    assert "metadata can&#x27;t be read" in context._repr_html_()
    assert "0 contexts" in repr(store)
    assert "0 contexts" in store._repr_html_()


def test_titles_are_text_and_steer_nothing(store: Store) -> None:
    context = the_context(store)
    context.set_title("</table><script>alert(1)</script>\u202e\x1b[2J")
    context.set_state({"failed": {"error_message": "<b>"}})
    for shown in (store, the_context(store)):
        assert "<script" not in shown._repr_html_()
        assert r"&lt;/table&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u202e\x1b[2J" in shown._repr_html_()
        assert "failed" in shown._repr_html_()
        assert repr(shown).isprintable()


def test_what_was_read_is_shown_as_it_was_read_until_refreshed(store: Store) -> None:
    context = the_context(store)
    assert (context.title, len(context.entries)) == ("Bees", 6)
    the_context(store).append_message(text(9), at=MADE_AT + timedelta(days=1))
    assert "6 messages" in repr(context)
    context.refresh()
    assert "7 messages" in repr(context)


@pytest.mark.parametrize(("form", "n_contexts"), [("single-file", 5), ("split", 2)])
def test_the_old_formats_show_themselves_too(form: str, n_contexts: int, tmp_path: Path) -> None:
    shutil.copytree(LEGACY / form, tmp_path / form)
    age(tmp_path / form)
    store = Store(tmp_path / form)
    assert note(store) == f"{n_contexts} contexts"
    for context in store.contexts_by_id().values():
        assert repr(context).startswith(f"<Context {context.context_id[:8]}")
        assert context._repr_html_()


def test_the_messages_of_an_old_context_stand_as_its_branch_lists_them() -> None:
    context = Store(LEGACY / "split").context("a18cc304")
    listed = context.metadata.branches[context.metadata.active_branch_name].message_ids
    assert [row[1] for row in rows(context)[1 : 1 + len(listed)]] == [one[:8] for one in listed]


def test_a_store_out_of_reach_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be listed, for whatever reason of the network, the disk or a permission."""
    context = the_context(store)
    for error in (FormatError("memory://store: out of reach"), PermissionError("no"), TimeoutError("late")):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("chatkit.store.store.find_contexts", fail)
        monkeypatch.setattr("chatkit.store.folder.ContextFolder.metadata", fail)
        monkeypatch.setattr("chatkit.store.folder.ContextFolder.index", fail)
        monkeypatch.setattr("chatkit.store.folder.ContextFolder.message_ids", fail)
        assert repr(store).endswith("store: contexts can't be listed>")
        assert note(store) == "contexts can&#x27;t be listed"
        assert repr(context) == "<Context 0c0e3f5e: messages can't be listed, metadata can't be read>"
        assert note(context) == "metadata can&#x27;t be read · messages can&#x27;t be listed"
