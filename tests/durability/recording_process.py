"""Records in a loop until it is killed, and tells first what it is going to write, then what is stored.

Started as ``python recording_process.py STORE CONTEXT_ID TOLD``. A chunk says its own number.
"""

from __future__ import annotations

import sys
from uuid import uuid4

from chatkit.models import Message
from chatkit.store import Store


def main(root: str, context_id: str, told: str) -> None:
    store = Store(root)
    with open(told, "a", encoding="utf-8", buffering=1) as tell:  # noqa: PTH123 - line by line, never closed in time
        while True:
            message_id = str(uuid4())
            tell.write(f"begins {message_id}\n")
            stream = store.open_stream(context_id, message_id=message_id)
            for number in range(20):
                stream.append(f"<{number}>")
            stream.finalize(finish_reason="stop")
            tell.write(f"stored {message_id}\n")
            text = store.context(context_id).append_message(Message.from_text("next"))
            tell.write(f"stored {text.message_id}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
