"""Folders put behind URLs: an S3 server on this machine, memory, an archive, an archive on S3."""

from __future__ import annotations

import threading
import zipfile
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import fsspec
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.server import ThreadedMotoServer

from chatkit.store import Store

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = "bucket"
_PATIENCE_S = 5.0
_numbers = count()


@dataclass
class S3Server:
    """Moto's S3 on a free port of 127.0.0.1, with what it was asked.

    Attributes:
        endpoint: its URL.
        requests: method and path of each request, in order of arrival.
        peak: requests that were answered at the same time, at most.
        is_held: whether the answer to a message file waits until another is asked for too, so that the peak tells
            whether files are asked for at the same time.
    """

    endpoint: str = ""
    requests: list[str] = field(default_factory=list)
    peak: int = 0
    is_held: bool = False
    _in_flight: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.file_system().call_s3("create_bucket", Bucket=BUCKET)

    @property
    def options(self) -> dict[str, Any]:
        """Storage options that lead here, with credentials that open nothing else."""
        return {
            "key": "testing",
            "secret": "testing",
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": "us-east-1"},
            "config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 0}},
        }

    def file_system(self) -> Any:
        """A file system of its own, to write with."""
        return fsspec.filesystem("s3", **self.options)

    def asked(self, what: str) -> list[str]:
        """The requests that name this."""
        return [request for request in self.requests if what in request]

    def wait_for_company(self, path: str) -> None:
        """Hold an answer back until something else is asked for too, or for long enough that nobody will."""
        with self._change:
            self._in_flight += 1
            self.peak = max(self.peak, self._in_flight)
            self._change.notify_all()
            if self.is_held and "/messages/" in path:
                self._change.wait_for(lambda: self.peak > 1, timeout=_PATIENCE_S)

    def leave(self) -> None:
        """An answer was given."""
        with self._change:
            self._in_flight -= 1

    def stop(self) -> None:
        """End the server."""
        self._server.stop()
        if self._server._server is not None:
            self._server._server.server_close()


class ListeningHandler(MotoRequestHandler):
    """Tells what is asked, and logs nothing."""

    server_told: S3Server | None = None

    def run_wsgi(self) -> None:
        told = type(self).server_told
        if told is None:
            super().run_wsgi()
            return
        told.requests.append(f"{self.command} {self.path}")
        told.wait_for_company(self.path)
        try:
            super().run_wsgi()
        finally:
            told.leave()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Keep quiet."""


@dataclass(frozen=True)
class Place:
    """A folder behind a URL.

    Attributes:
        url: where.
        options: how to get there.
    """

    url: str
    options: dict[str, Any]

    def store(self, below: str = "", **known: Any) -> Store:
        """Open what is there."""
        inside, separator, around = self.url.partition("::")
        return Store(f"{inside}{below}{separator}{around}", storage_options=self.options, **known)


def on_s3(server: S3Server, folder: Path) -> Place:
    """Copy a folder to S3."""
    path = f"{BUCKET}/{next(_numbers)}/store"
    server.file_system().put(f"{folder}/", path, recursive=True)
    return Place(f"s3://{path}", server.options)


def in_memory(folder: Path) -> Place:
    """Copy a folder to fsspec's memory."""
    path = f"/chatkit-tests/{next(_numbers)}/store"
    fsspec.filesystem("memory").put(f"{folder}/", path, recursive=True)
    return Place(f"memory:/{path}", {})


def in_archive(folder: Path, archive: Path) -> Place:
    """Pack a folder, as ``store/`` in the archive."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, f"store/{path.relative_to(folder).as_posix()}")
    return Place(f"zip://store::{archive.as_posix()}", {})


def in_archive_on_s3(server: S3Server, folder: Path, archive: Path) -> Place:
    """Pack a folder and copy the archive to S3."""
    in_archive(folder, archive)
    path = f"{BUCKET}/{next(_numbers)}/{archive.name}"
    server.file_system().put_file(str(archive), path)
    return Place(f"zip://store::s3://{path}", {"s3": server.options})
