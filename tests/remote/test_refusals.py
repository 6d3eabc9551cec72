"""What a store behind a URL does not do, and what is said when a URL leads nowhere."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec import AbstractFileSystem

import chatkit as ck
from chatkit.cli.main import main
from chatkit.errors import CorruptFileError, CorruptFileWarning, FormatError, MissingExtraError, ReadOnlyError
from chatkit.store import Store
from chatkit.store.checking import check_store
from chatkit.store.migration import migrate
from chatkit.store.remote import path_of
from chatkit.store.remote_tree import as_os_error
from chatkit.store.repair import repair_store
from chatkit.store.trash import trashed
from tests.remote.places import BUCKET, S3Server, in_memory, on_s3
from tests.store.trees import CONTEXT_ID, filled, message_id, message_path, text

registry: Any = sys.modules["fsspec.registry"]  # fsspec.registry is a mapping of that name

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatkit.store import Context

WRITES: dict[str, Callable[[Store, Context], Any]] = {
    "a context": lambda store, _: store.create_context(),
    "a stream": lambda store, _: store.open_stream(CONTEXT_ID),
    "a beginning": lambda store, _: store.begin_streaming_llm_response(CONTEXT_ID),
    "a message": lambda _, context: context.append_message(text(9)),
    "a title": lambda _, context: context.set_title("x"),
    "a state": lambda _, context: context.set_state("idle"),
    "a branch": lambda _, context: context.create_branch("x"),
    "another branch": lambda _, context: context.switch_branch("main"),
    "a deletion": lambda _, context: context.delete(),
    "a repair": lambda store, _: repair_store(store.path),
    "the trash": lambda store, _: trashed(store.path),
    "a recording": lambda store, _: ck.record(store).__enter__(),
    "a recording by its URL": lambda store, _: ck.record(str(store.path)).__enter__(),
    "a new store": lambda store, _: Store.create(f"{store.path}2"),
    "an import": lambda store, _: ck.import_recordings([Path(__file__).parents[1] / "recordings" / "handmade"], store),
}


@pytest.fixture
def remote(tmp_path: Path) -> Store:
    return in_memory(filled(tmp_path / "store").path).store()


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_behind_a_url(
    remote: Store, write: Callable[[Store, Context], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = fsspec.filesystem("memory").find("/chatkit-tests")
    with pytest.raises(ReadOnlyError, match="behind URLs are only read"):
        write(remote, remote.context(CONTEXT_ID))
    assert fsspec.filesystem("memory").find("/chatkit-tests") == before
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_migration_reads_from_a_folder(remote: Store) -> None:
    with pytest.raises(FormatError, match="copy what is behind the URL"):
        migrate(str(remote.path))


def test_a_check_reads_behind_a_url(remote: Store, tmp_path: Path) -> None:
    assert check_store(remote.path) == []
    local = filled(tmp_path / "other")
    message_path(local, 2).unlink()
    expected = [(finding.kind, finding.message_id) for finding in check_store(local.path)]
    found = check_store(in_memory(local.path).store().path)
    assert [(finding.kind, finding.message_id) for finding in found] == expected
    assert {kind for kind, _ in expected} == {"index", "missing"}


@pytest.mark.parametrize("command", ["repair", "trash", "migrate", "import x --store", "proxy --upstream x --store"])
def test_commands_that_write_refuse_a_url(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "s3://bucket/store"])
    assert "s3://bucket/store is a URL, where stores are only read" in capsys.readouterr().err


def test_commands_that_read_take_a_url(remote: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(remote.path), "-o", str(tmp_path / "report.html")]) == 0
    assert str(remote.path) in capsys.readouterr().out
    assert main(["check", str(remote.path)]) == 0
    assert main(["play", str(remote.path), message_id(1), "--speed", "1000"]) == 0
    assert "Hello" in capsys.readouterr().out


def test_a_store_that_is_not_there_is_named(s3: S3Server) -> None:
    with pytest.raises(FormatError, match=f"s3://{BUCKET}/nothing: nothing is there"):
        Store(f"s3://{BUCKET}/nothing", storage_options=s3.options)
    with pytest.raises(FormatError, match="s3://no-bucket/store: nothing is there"):
        Store("s3://no-bucket/store", storage_options=s3.options)
    with pytest.raises(FormatError, match="memory://nowhere: nothing is there"):
        Store("memory://nowhere")


def test_a_folder_of_something_else_is_no_store(s3: S3Server) -> None:
    s3.file_system().pipe_file(f"{BUCKET}/photos/one.jpg", b"x")
    with pytest.raises(FormatError, match=f"s3://{BUCKET}/photos: not a store"):
        Store(f"s3://{BUCKET}/photos", storage_options=s3.options)


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such file: .*gone\.zip"):
        Store(f"zip://store::{(tmp_path / 'gone.zip').as_posix()}")


def test_an_archive_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("text", encoding="utf-8")
    with pytest.raises(OSError, match=r"BadZipFile.*text\.zip"):
        Store(f"zip://store::{(tmp_path / 'text.zip').as_posix()}")


def test_a_scheme_that_nothing_reads_is_named() -> None:
    with pytest.raises(FormatError, match="nope://x: unknown scheme nope://"):
        Store("nope://x")


class PickyFiles(AbstractFileSystem):  # type: ignore[misc]
    """A file system that takes no options."""

    protocol = "picky"
    cachable = False

    def __init__(self, *, use_listings_cache: bool = False) -> None:
        super().__init__(use_listings_cache=use_listings_cache)


def test_options_that_a_scheme_does_not_take_are_said_to_be_wrong() -> None:
    fsspec.register_implementation("picky", PickyFiles, clobber=True)
    with pytest.raises(FormatError, match=r"picky://x: not a URL that can be opened: .*colour.*see storage_options"):
        Store("picky://x", storage_options={"colour": "red"})


@pytest.mark.parametrize("url", ["zip:///stores/mine.zip", "tar://mine.tar"])
def test_an_archive_alone_is_told_how_its_url_is_written(url: str) -> None:
    with pytest.raises(FormatError, match=r"where is the archive\? (zip|tar)://FOLDER_IN_IT::PATH_OR_URL_OF_IT"):
        Store(url)


def test_without_its_package_s3_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(registry._registry, "s3", raising=False)
    with pytest.raises(MissingExtraError, match=r'pip install "chatkit-lab\[s3\]"'):
        Store("s3://bucket/store")


def test_storage_options_are_for_urls(tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    with pytest.raises(ValueError, match="storage_options are for URLs"):
        Store(local.path, storage_options={"key": "x"})


def test_a_file_url_is_a_path_of_this_machine(tmp_path: Path) -> None:
    local = filled(tmp_path / "a store")
    opened = Store(local.path.as_uri())
    assert opened.path == local.path
    opened.context(CONTEXT_ID).set_title("Wasps")
    assert local.context(CONTEXT_ID).title == "Wasps"


@pytest.mark.parametrize("text", ["C:\\stores\\mine", "C:/stores/mine", "C://stores", "./a::b", "data/store", "zip"])
def test_a_drive_and_a_folder_are_paths(text: str) -> None:
    assert isinstance(path_of(text), Path)


def test_a_url_that_was_made_a_path_is_told_from_a_folder() -> None:
    with pytest.raises(FormatError, match="a Path can't hold a URL: give it as text"):
        Store(Path("s3://bucket/store"))


def test_a_password_in_a_url_is_told_nobody() -> None:
    tree = path_of("memory://me:secret@host/store")
    assert str(tree / "contexts") == "memory://host/store/contexts"
    with pytest.raises(FormatError) as raised:
        Store("memory://me:secret@host/store")
    assert "secret" not in str(raised.value)


def test_a_file_that_vanishes_is_named_by_its_url(s3: S3Server, tmp_path: Path) -> None:
    place = on_s3(s3, filled(tmp_path / "store").path)
    context = place.store().context(CONTEXT_ID)
    assert len(context.message_ids) == 6
    s3.file_system().rm_file(f"{place.url.removeprefix('s3://')}/contexts/{CONTEXT_ID}/messages/{message_id(3)}.json")
    with pytest.warns(CorruptFileWarning, match=f"{place.url}/contexts/{CONTEXT_ID}: has no message {message_id(3)}"):
        assert len(context.messages()) == 5


def test_a_server_that_does_not_answer_is_named(s3: S3Server) -> None:
    gone = {**s3.options, "client_kwargs": {"endpoint_url": "http://127.0.0.1:1", "region_name": "us-east-1"}}
    with pytest.raises(OSError, match=r"Could not connect.*s3://bucket/store"):
        Store("s3://bucket/store", storage_options=gone)


class TimeoutOfSomeLibrary(Exception):  # noqa: N818 - named as libraries name theirs
    """Told by its name."""


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (PermissionError("Forbidden"), PermissionError, "no permission"),
        (TimeoutError(), TimeoutError, "no answer in time"),
        (TimeoutOfSomeLibrary(), TimeoutError, "no answer in time"),
        (KeyError("no item"), FileNotFoundError, "no such file"),
        (RuntimeError("odd"), OSError, "RuntimeError: odd"),
    ],
)
def test_what_goes_wrong_is_told_by_kind_and_url(error: Exception, kind: type[OSError], said: str) -> None:
    told = as_os_error(error, "s3://bucket/store/x.json")
    assert type(told) is kind
    assert said in str(told)
    assert "s3://bucket/store/x.json" in str(told)


def test_a_message_that_nobody_may_read_is_a_problem_and_no_failure(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = type(fsspec.filesystem("memory"))
    whole = files.cat_file

    def cat_file(self: Any, path: str, *limits: Any, **known: Any) -> Any:
        if message_id(3) in path:
            raise PermissionError("Forbidden")
        return whole(self, path, *limits, **known)

    monkeypatch.setattr(files, "cat_file", cat_file)
    with pytest.warns(CorruptFileWarning, match="no permission"):
        assert len(remote.context(CONTEXT_ID).messages()) == 5
    with pytest.raises(CorruptFileError, match="no permission"):
        remote.message(message_id(3))


def test_a_damaged_archive_member_is_a_problem(tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    archive = tmp_path / "store.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(local.path.rglob("*.json")):
            packed.write(path, path.relative_to(local.path).as_posix())
    data = archive.read_bytes()
    archive.write_bytes(data.replace(b'"content":"Hello"', b'"content":"Jello"', 1))
    store = Store(f"zip://::{archive.as_posix()}")
    assert ["CRC" in problem.reason for problem in store.problems()] == [True]
