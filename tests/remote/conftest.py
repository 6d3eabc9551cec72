"""Fixtures of stores behind URLs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tests.remote.places import ListeningHandler, Place, S3Server, in_archive, in_archive_on_s3, in_memory, on_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KINDS = ("s3", "memory", "zip", "zip on s3")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[S3Server]:
    """Without what a developer's machine says about S3."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    with (
        mock.patch.dict(os.environ, own | {"AWS_EC2_METADATA_DISABLED": "true"}, clear=True),
        mock.patch("moto.moto_server.threaded_moto_server.MotoRequestHandler", ListeningHandler),
    ):
        server = S3Server()
        yield server
        server.stop()


@pytest.fixture
def s3(_s3_server: S3Server) -> Iterator[S3Server]:
    """An S3 server that listens from here on; :attr:`S3Server.requests` is what it is asked."""
    _s3_server.requests, _s3_server.peak, _s3_server.is_held = [], 0, False
    ListeningHandler.server_told = _s3_server
    yield _s3_server
    ListeningHandler.server_told = None


@pytest.fixture(params=KINDS)
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], Place]:
    """A way to put a folder behind a URL: each of them in turn."""
    kind = request.param
    if kind == "memory":
        return in_memory
    if kind == "zip":
        return lambda folder: in_archive(folder, tmp_path / "store.zip")
    server: S3Server = request.getfixturevalue("s3")
    if kind == "s3":
        return lambda folder: on_s3(server, folder)
    return lambda folder: in_archive_on_s3(server, folder, tmp_path / "store.zip")
