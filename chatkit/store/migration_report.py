"""What a migration did: what is in the target now, what was damaged, and what was inferred."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from chatkit.store.inference import KINDS
from chatkit.store.verification import n_chunks_of

if TYPE_CHECKING:
    from chatkit.store.migration_merge import Merged
    from chatkit.store.migration_source import Image, MissingMessage
    from chatkit.store.verification import Difference


class Damage(NamedTuple):
    """A file of the source that could not be read, or a part of one.

    Attributes:
        path: the file, under the source.
        context_id: the context it belongs to, where known.
        message_id: the message, where it is one's.
        where: the place in the file.
        reason: what is wrong there.
        kept_as: the copy of its bytes, under the target; None where even those can't be read.
    """

    path: str
    context_id: str | None
    message_id: str | None
    where: str
    reason: str
    kept_as: str | None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path, self.where, self.reason) if part)


@dataclass(slots=True)
class MigrationReport:
    """What a migration did, or would do.

    What describes the target is also in its ``migration/report.json``; the last five only describe this run.

    Attributes:
        source: where the source is, seen from the target.
        formats: contexts by their format in the source.
        kinds: messages by their type.
        n_chunks: chunks of all responses.
        damaged: what could not be read; the rest was migrated.
        missing: messages that a branch lists and no file has.
        shadowed: files of contexts that are there twice, in two formats, of which the other one was taken.
        inferred: how often each of :data:`chatkit.store.inference.KINDS` was met.
        kept: by context, files that were changed in the target and stay so.
        added: by context, messages that are in the target only and stay there.
        target: the target's path.
        written: contexts that this run wrote, or would write.
        differences: what the verification found.
        is_dry: nothing was to be written.
        is_pending: the migration was complete before, and no update was asked for, so nothing was written.
    """

    source: str
    target: str
    formats: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    n_chunks: int = 0
    damaged: list[Damage] = field(default_factory=list)
    missing: list[MissingMessage] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)
    inferred: Counter[str] = field(default_factory=Counter)
    kept: dict[str, list[str]] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    is_dry: bool = False
    is_pending: bool = False

    @property
    def n_contexts(self) -> int:
        """Contexts that could be read."""
        return self.formats.total()

    @property
    def n_messages(self) -> int:
        """Messages that could be read."""
        return self.kinds.total()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was damaged and the verification found no difference."""
        return not self.damaged and not self.differences

    def add(self, image: Image, merged: Merged, damaged: list[Damage]) -> None:
        """Count a context."""
        self.formats[image.format_name] += 1
        self.kinds.update(message.message_type for message in image.messages)
        self.n_chunks += n_chunks_of(image.messages)
        self.damaged += damaged
        self.missing += image.missing
        self.inferred.update(image.inferred)
        if merged.kept or merged.kept_keys:
            self.kept[image.context_id] = [*sorted(merged.kept), *(f"metadata.json: {key}" for key in merged.kept_keys)]
        if merged.added:
            self.added[image.context_id] = merged.added
        if merged.files:
            self.written.append(image.context_id)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain JSON types."""
        this_run = {
            "written": self.written,
            "differences": [difference._asdict() for difference in self.differences],
            "is_dry": self.is_dry,
            "is_pending": self.is_pending,
        }
        return self.of_target() | {"this_run": this_run}

    def of_target(self) -> dict[str, Any]:
        """Return what describes the target, as plain JSON types; the same for every run that ends in it."""
        return {
            "source": self.source,
            "contexts": self.n_contexts,
            "formats": dict(sorted(self.formats.items())),
            "messages": self.n_messages,
            "message_types": dict(sorted(self.kinds.items())),
            "chunks": self.n_chunks,
            "damaged": [damage._asdict() for damage in self.damaged],
            "missing": [missing._asdict() for missing in self.missing],
            "shadowed": self.shadowed,
            "inferred": {
                kind: {"count": self.inferred[kind], "meaning": meaning}
                for kind, meaning in KINDS.items()
                if self.inferred[kind]
            },
            "changed_in_target": self.kept,
            "only_in_target": self.added,
        }

    def to_text(self) -> str:
        """Return the report as a person reads it."""
        return "\n".join([*self._heading(), *self._troubles(), *self._inferences(), *self._own(), *self._verdict()])

    def _heading(self) -> list[str]:
        verb = "Would migrate" if self.is_dry else "Migrated already" if self.is_pending else "Migrated"
        n_responses = self.kinds["streaming_response"]
        return [
            f"{verb}: {self.source} into {self.target}",
            f"  {_count(self.n_contexts, 'context')} ({_listed(self.formats)}), {len(self.written)} of them "
            + ("new or changed" if self.is_dry or self.is_pending else "written now"),
            f"  {_count(self.n_messages, 'message')} ({_listed(self.kinds)})",
            f"  {_count(n_responses, 'streamed response')}, {_count(self.n_chunks, 'chunk')}",
        ]

    def _troubles(self) -> list[str]:
        lines = []
        if self.damaged:
            place = "" if self.is_dry else "; the bytes are kept under unreadable/ in the target"
            lines += [f"Damaged in the source, not migrated{place}:", *(f"  {damage}" for damage in self.damaged)]
        if self.missing:
            lines.append("Listed by a branch, but in no file of the source:")
            lines += [f"  {found.message_id} in branch {found.branch} of {found.context_id}" for found in self.missing]
        if self.shadowed:
            lines.append("Not migrated, as the same conversation is there in another file that was taken:")
            lines += [f"  {path}" for path in self.shadowed]
        return lines

    def _inferences(self) -> list[str]:
        lines = [f"  {self.inferred[kind]:>6,}  {meaning}" for kind, meaning in KINDS.items() if self.inferred[kind]]
        return ["Not in the source, or written in another way there (how often, and what):", *lines] if lines else []

    def _own(self) -> list[str]:
        lines = []
        for context_id, names in self.kept.items():
            lines.append(f"Changed in the target, kept so: {', '.join(names)} of {context_id}")
        for context_id, ids in self.added.items():
            lines.append(f"Only in the target, kept: {_count(len(ids), 'message')} of {context_id}")
        return lines

    def _verdict(self) -> list[str]:
        if self.is_dry:
            return ["Nothing was written: this was a dry run."]
        if self.is_pending:
            return ["Nothing was written" + (": --update brings the changes over." if self.written else ".")]
        if self.differences:
            return [
                f"Verification failed, {_count(len(self.differences), 'difference')}:",
                *(f"  {difference}" for difference in self.differences),
            ]
        return ["Verified: every message was read back and is equal, chunk by chunk. The source is as it was."]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"
