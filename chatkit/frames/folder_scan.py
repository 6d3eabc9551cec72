"""One folder of contexts into columns: what is cached and still right, and the rest from its files."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames import moment
from chatkit.frames.compaction import Rows, Usage, places_in, tidy
from chatkit.frames.context_file import context_file
from chatkit.frames.files import INDEX, MESSAGES, METADATA, files_in
from chatkit.frames.parsing import Parsing, Stored
from chatkit.frames.part import ALL, KEY, TEXTS, Selection
from chatkit.frames.places import (
    INDEX_KEY,
    METADATA_KEY,
    Contexts,
    contexts_of,
    creation_order,
    row_of_context,
    row_of_files,
)
from chatkit.frames.segment import DamagedSegmentError, with_chunks
from chatkit.frames.segment_cache import SegmentCache
from chatkit.models.states import AWAITING
from chatkit.store import Context
from chatkit.store.folder import ContextFolder
from chatkit.store.problems import Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from chatkit.errors import CorruptFileError
    from chatkit.frames.files import Files, Listing
    from chatkit.frames.part import Part, Wanted
    from chatkit.frames.places import ContextRow
    from chatkit.frames.progress import Progress

_SECOND_NS = 1_000_000_000
_TICK_NS, _COARSE_TICK_NS = 100_000_000, 2_000_000_000
"""Times of change move in steps: of some ms, or of 2 s where they are whole seconds (FAT, some network disks)."""


@dataclass(frozen=True, slots=True)
class FolderRows:
    """What was found in a folder.

    Attributes:
        contexts: its contexts, in the order of their creation, with the places of their messages.
        messages: for each place its message; where none can be read, the part is -1.
        problems: of contexts' metadata, and of their index besides, by context id.
        errors: by place, why a message that no file holds can't be read.
    """

    contexts: Contexts
    messages: Selection
    problems: dict[str, tuple[list[Problem], list[Problem]]]
    errors: dict[int, CorruptFileError]


class FolderScan:
    """Reads a folder of contexts in chatkit's own format, once.

    Args:
        folder: the folder.
        keep: which columns of messages and chunks are wanted.
        progress: told of each file that is parsed.
        cache: whether columns are kept in the user's cache folder.
    """

    def __init__(self, folder: Path, keep: Wanted, progress: Progress, *, cache: bool) -> None:
        self.folder = folder
        self.files: Files = files_in(folder)
        self._keep = keep
        self._cache = SegmentCache.of(self.files.identity) if cache else None
        self._progress = progress
        self._began_ns = 0
        self._problems: dict[str, tuple[list[Problem], list[Problem]]] = {}
        self._fresh = Contexts.none()

    def listing(self, context_ids: Collection[str] | None = None) -> Listing:
        """List the files of all contexts, or of these."""
        known = moment.seen(self.files.identity)
        if known is not None:
            self._began_ns = known.began_ns
            return known.listing
        self._began_ns = time.time_ns()
        listing = self.files.listing(context_ids)
        if context_ids is None:
            moment.keep(self.files.identity, moment.Seen(self._began_ns, listing))
        return listing

    def usage(self) -> list[Usage]:
        """Tell what of the cache is live; nothing is parsed."""
        return self._usage(self.listing())

    def read(self, listing: Listing, wanted: Collection[str] | None = None) -> FolderRows:
        """Read the contexts of a listing, or only those wanted."""
        seen = moment.seen(self.files.identity) if self._cache and wanted is None else None
        if seen and (known := self._again(seen)):
            return known
        used = self._usage(listing)
        contexts = self._contexts(listing, wanted, used)
        paths = _paths(contexts)
        messages, errors = self._messages(paths, listing, used)
        if self._cache and wanted is None:
            tidy(self._cache, used, paths)
        found = FolderRows(self._with_states(contexts, listing), messages, self._problems, errors)
        if seen and len(messages.parts) == len(used):
            seen.rows, seen.segments = found, [usage.segment for usage in used]
        return found

    def _again(self, seen: moment.Seen) -> FolderRows | None:
        """Return what was read in this block, with the columns that are wanted now; None if it was not all cached."""
        if seen.rows is None:
            return None
        try:
            parts = [with_chunks(segment, self._keep).part for segment in seen.segments]
        except (DamagedSegmentError, OSError):
            return None
        messages = seen.rows.messages
        return replace(seen.rows, messages=Selection(parts, messages.part, messages.row))

    def _usage(self, listing: Listing) -> list[Usage]:
        """Map what is cached, and tell what of it is live."""
        segments = self._cache.segments(self._keep) if self._cache else []
        if not segments:
            return []
        ids, paths = pa.array(listing.context_ids, TEXTS), pa.array(listing.message_paths, TEXTS)
        keys = np.hstack([listing.metadata_keys, listing.index_keys])
        used: list[Usage] = []
        for segment in segments:
            own_ids, own_paths = segment.contexts.rows["context_id"], segment.part.messages["path"]
            contexts = _same_keys(own_ids, segment.contexts.rows, (*METADATA_KEY, *INDEX_KEY), ids, keys)
            messages = _same_keys(own_paths, segment.part.messages, KEY, paths, listing.message_keys)
            for newer in used:
                contexts &= places_in(own_ids, _live(newer.segment.contexts.rows["context_id"], newer.contexts)) < 0
                messages &= places_in(own_paths, _live(newer.segment.part.messages["path"], newer.messages)) < 0
            used.append(Usage(segment, contexts, messages))
        return used

    def _contexts(self, listing: Listing, wanted: Collection[str] | None, used: Sequence[Usage]) -> Contexts:
        """Return the contexts in the order of their creation: cached, read fast, or read by the models."""
        known = [usage.segment.contexts.take(np.flatnonzero(usage.contexts)) for usage in used]
        cached = {one for contexts in known for one in contexts.rows["context_id"].to_pylist()}
        chosen = range(len(listing.context_ids)) if wanted is None else self._chosen(listing, wanted)
        missing = [place for place in chosen if listing.context_ids[place] not in cached]
        fresh, others = self._read_contexts(listing, missing)
        fresh = fresh.take(creation_order(fresh))
        is_old = self._is_old(fresh.rows, METADATA_KEY) & self._is_old(fresh.rows, INDEX_KEY)
        self._fresh = fresh.take(np.flatnonzero(is_old))
        slow, _ = contexts_of([self._by_models(context_id) for context_id in others])
        together = Contexts.together([*known, fresh, slow])
        if wanted is not None:
            together = together.take(np.flatnonzero(np.isin(together.rows["context_id"].to_pylist(), list(wanted))))
        return together.take(creation_order(together))

    def _chosen(self, listing: Listing, wanted: Collection[str]) -> list[int]:
        return [place for place, context_id in enumerate(listing.context_ids) if context_id in wanted]

    def _read_contexts(self, listing: Listing, places: Sequence[int]) -> tuple[Contexts, list[str]]:
        """Read the files of contexts; return those that the models have to decide by their ids."""
        whole = [n for n in places if listing.metadata_keys[n, 0] >= 0 and listing.index_keys[n, 0] >= 0]
        ids = [listing.context_ids[n] for n in whole]
        sizes = np.column_stack([listing.metadata_keys[whole, 0], listing.index_keys[whole, 0]])
        data = self.files.read([f"{one}/{file}" for one in ids for file in (METADATA, INDEX)], sizes.ravel().tolist())
        rows: list[ContextRow] = []
        others = [listing.context_ids[n] for n in places if n not in set(whole)] if len(whole) < len(places) else []
        for place, context_id, metadata, index in zip(whole, ids, data, data, strict=False):
            row = None
            if isinstance(metadata, bytes) and isinstance(index, bytes):
                found = context_file(metadata, index, context_id)
                keys = (listing.metadata_keys[place].tolist(), listing.index_keys[place].tolist())
                row = found and row_of_files(*found, *keys)
            if row:
                rows.append(row)
            else:
                others.append(context_id)
        contexts, bad = contexts_of(rows)
        return contexts, others + [rows[number].context_id for number in bad]

    def _by_models(self, context_id: str) -> ContextRow:
        """Read a context as the models do, and keep what they say is wrong."""
        problems = Problems()
        with problems.no_warning():
            context = Context(ContextFolder(self.folder / context_id), problems)
            _ = context.metadata
            n_of_metadata = len(problems)
            row = row_of_context(context)
        self._problems[context_id] = (list(problems)[:n_of_metadata], list(problems)[n_of_metadata:])
        return row

    def _with_states(self, contexts: Contexts, listing: Listing) -> Contexts:
        """Say of a context that it is streaming where a journal says so."""
        ids, states = contexts.rows["context_id"].to_pylist(), contexts.rows["current_state"].to_pylist()
        waiting = [n for n, state in enumerate(states) if state == AWAITING and ids[n] in listing.with_journals]
        for place in waiting:
            states[place] = Context(ContextFolder(self.folder / ids[place]), Problems()).current_state
        column = contexts.rows.schema.get_field_index("current_state")
        if not waiting:
            return contexts
        return contexts._replace(rows=contexts.rows.set_column(column, "current_state", pa.array(states, TEXTS)))

    def _messages(
        self, paths: pa.ChunkedArray, listing: Listing, used: Sequence[Usage]
    ) -> tuple[Selection, dict[int, CorruptFileError]]:
        """Find the message of each path: cached, or parsed."""
        cached = Rows.live([usage.segment.part for usage in used], [usage.messages for usage in used])
        places = cached.places_of(paths)
        is_cached = places >= 0
        part, row = np.full(len(paths), -1, dtype=np.int64), np.zeros(len(paths), dtype=np.int64)
        part[is_cached], row[is_cached] = cached.part[places[is_cached]], cached.row[places[is_cached]]
        parts, errors = cached.parts, {}
        missing = np.flatnonzero(~is_cached)
        if len(missing) or self._fresh.rows.num_rows:
            wanted = _each_once(paths if len(missing) == len(paths) else paths.take(pa.array(missing)))
            parsing = Parsing(self.folder, self.files, ALL if self._cache else self._keep, self._progress)
            parsing.run(wanted, listing, self._store)
            of_wanted = places_in(paths.take(pa.array(missing)), wanted)
            there = parsing.part[of_wanted] >= 0
            part[missing] = np.where(there, parsing.part[of_wanted] + len(parts), -1)
            row[missing] = parsing.row[of_wanted]
            errors = {
                place: parsing.errors[number]
                for place, number in zip(missing.tolist(), of_wanted.tolist(), strict=True)
                if number in parsing.errors
            }
            parts = [*parts, *parsing.parts]
        return Selection(parts, part, row), errors

    def _is_old(self, rows: pa.Table, key: Sequence[str]) -> NDArray[np.bool_]:
        """Whether files were at rest when they were listed: of one changed a moment ago the key may not change again.

        Git calls such entries racily clean.
        """
        size, modified, changed, _ = (np.asarray(rows[name], dtype=np.int64) for name in key)
        is_coarse = (modified % _SECOND_NS == 0) & (changed % _SECOND_NS == 0)
        tick = np.where(is_coarse, _COARSE_TICK_NS, _TICK_NS)
        old: NDArray[np.bool_] = (size >= 0) & (np.maximum(modified, changed) < self._began_ns - tick)
        return old

    def _store(self, parsed: Part) -> Stored | None:
        """Cache what was parsed of files at rest, and the contexts with it; None where nothing was cached."""
        if self._cache is None:
            return None
        rows = np.flatnonzero(self._is_old(parsed.messages, KEY))
        if not (len(rows) or self._fresh.rows.num_rows):
            return None
        old = Selection([parsed], np.zeros(len(rows), dtype=np.int64), rows)
        segment = self._cache.add(self._fresh, old, self._keep)
        self._fresh = Contexts.none()
        return None if segment is None else Stored(segment.part, rows)


def _paths(contexts: Contexts) -> pa.ChunkedArray:
    """Return the path of each place's message file."""
    ids = contexts.rows["context_id"].take(pa.array(np.repeat(np.arange(contexts.rows.num_rows), contexts.counts)))
    joined = pc.binary_join_element_wise(ids, contexts.places["message_id"], pa.scalar(f"/{MESSAGES}/", TEXTS))
    joined = pc.binary_join_element_wise(joined, pa.scalar(".json", TEXTS), pa.scalar("", TEXTS))
    return joined if isinstance(joined, pa.ChunkedArray) else pa.chunked_array([joined], TEXTS)


def _each_once(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    found = pc.unique(paths)
    return paths if len(found) == len(paths) else pa.chunked_array([found])


def _same_keys(
    own: pa.ChunkedArray, rows: pa.Table, key: Sequence[str], known: pa.Array, keys: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether cached rows have the keys that their files have now."""
    places = places_in(own, known)
    is_there = places >= 0
    if not is_there.any():
        return is_there
    cached = np.column_stack([np.asarray(rows[name]) for name in key])
    same: NDArray[np.bool_] = is_there & (cached == keys[places]).all(axis=1)
    return same


def _live(column: pa.ChunkedArray, mask: NDArray[np.bool_]) -> pa.ChunkedArray:
    return column.filter(pa.array(mask))
