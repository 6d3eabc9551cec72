"""Sources to migrate: copies of the old stores that may be changed, and folders seen from outside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.store.trees import LEGACY, SINGLE_FILES, SPLIT_FOLDERS, age

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST = "01dd948b-68e9-53f0-b183-87b21af11b60"
BRANCHED = "90c2a507-a879-5e51-aa99-39fbf495eaa2"
UNLISTED = "c394b8e9-ee04-5d09-bdc1-08cfd0af67d0"
CUT_OFF = "624b1ae6-449e-53cf-90da-27a860f56e6c"
THREE_TURNS = "87e3f1b9-b91f-54a2-9592-9c1368847993"
STILL_STREAMING = "c93820d9-67be-5772-8b22-87760a979a62"
STREAMING_MESSAGE = "b29336e6-9f4e-5aa0-b9cb-a890505887a3"

ID = "0c0e3f5e-0000-4000-8000-0000000000{:02x}"


def legacy(folder: Path, name: str) -> Path:
    """A copy of one of the two old stores."""
    return Path(shutil.copytree(LEGACY / name, folder / name))


def mixed(folder: Path) -> Path:
    """A small source with a context of each old format and a file that is cut off in the middle."""
    root = folder / "source"
    (root / "conversations").mkdir(parents=True)
    for context_id in (OLDEST, CUT_OFF):
        shutil.copy(SINGLE_FILES / f"{context_id}.json", root / "conversations")
    shutil.copytree(SPLIT_FOLDERS / STILL_STREAMING, root / "contexts" / STILL_STREAMING)
    age(root)
    return root


def change_json(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON file in place, as the application does."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    age(path)


def text_node(number: int, parent_id: str | None = None) -> dict[str, Any]:
    """A node of the old formats: a question."""
    said = {
        "role": "User",
        "content": [{"type": "text", "text": f"Question {number}?"}],
        "metadata": None,
        "message_type": "text",
    }
    return {"id": ID.format(number), "message": said, "parent_id": parent_id}


def add_to_single_file(path: Path, number: int) -> str:
    """Add a question to the end of a conversation's branch; its id."""
    node = text_node(number)

    def add(content: dict[str, Any]) -> None:
        node["parent_id"] = content["branches"]["main"]["message_ids"][-1]
        content["message_pool"][node["id"]] = node
        content["branches"]["main"]["message_ids"].append(node["id"])

    change_json(path, add)
    return str(node["id"])


def finish_streaming(source: Path) -> None:
    """Let the answer that was streaming come to its end: one more chunk, and the time of its end."""

    def finish(content: dict[str, Any]) -> None:
        data = content["message"]["rich_type"]["data"]
        data["chunks"].append(
            {"sequence": 99, "delta": " End.", "timestamp": "2026-11-23T09:02:40.5Z", "accumulated_chars": 1}
        )
        data["content"] += " End."
        data["completed_at"] = "2026-11-23T09:02:41.000001500Z"
        data["finish_reason"] = "stop"

    change_json(source / "contexts" / STILL_STREAMING / "messages_pool" / f"{STREAMING_MESSAGE}.json", finish)


def tree(root: Path) -> dict[str, bytes | None]:
    """The bytes of everything under a folder, without the locks, which name processes."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
        if ".locks" not in path.relative_to(root).parts
    }
