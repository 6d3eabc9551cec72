"""The model that answers what users post: any server with OpenAI's chat API. Its answers are recorded as they come."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import httpx

from chatkit.capture import record
from chatkit.errors import ChatkitError

if TYPE_CHECKING:
    from chatkit.models import Message
    from chatkit.store import Context, Store

_LOGGER = logging.getLogger(__name__)
_TIMEOUT = httpx.Timeout(30.0, read=600.0)
"""A model may think for minutes before its first word."""
_ERROR_CHARS = 500
_ROLES = {"user", "assistant", "system", "developer"}


class Upstream:
    """Answers contexts, one after the other in each.

    Args:
        url: of the API, such as ``http://127.0.0.1:8080/v1``.
        model: which is asked for; by default the one that the context names.
        key: what the upstream asks for; never stored.
        transport: how it is reached; over the network by default.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._model = model
        self._url = f"{url.rstrip('/')}/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=_TIMEOUT, transport=transport)
        self._answering: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def answer(self, store: Store, context_id: str) -> None:
        """Start the answer to the last message of a context."""
        task = asyncio.ensure_future(self._answer(store, context_id))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def aclose(self) -> None:
        """Abort what is being answered; what came is kept."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await self._client.aclose()

    async def _answer(self, store: Store, context_id: str) -> None:
        turn = self._turns.setdefault(context_id, asyncio.Lock())
        async with turn:
            request = await asyncio.to_thread(lambda: _request(store.context(context_id), self._model))
            if not request["messages"] or request["messages"][-1]["role"] != "user":
                return  # an answer that was asked for earlier has answered this one too
            try:
                await self._record(store, context_id, request)
            except (httpx.HTTPError, ChatkitError, OSError) as error:
                _LOGGER.warning("context %s got no whole answer from %s: %s", context_id, self._url, error)

    async def _record(self, store: Store, context_id: str, request: dict[str, Any]) -> None:
        async with (
            record(store, context_id, request=request) as recorder,
            self._client.stream("POST", self._url, json=request) as answer,
        ):
            recorder.headers_received()
            if answer.is_error:
                said = (await answer.aread()).decode(errors="replace")[:_ERROR_CHARS]
                refused = f"{self._url} answered {answer.status_code}: {said}"
                raise httpx.HTTPStatusError(refused, request=answer.request, response=answer)
            async for _ in recorder.tee(answer.aiter_bytes()):
                pass


def _request(context: Context, model: str | None) -> dict[str, Any]:
    """Return what is sent: the conversation so far, as the active branch has it."""
    metadata = context.metadata
    branch = metadata.active_branch
    prompt = branch.system_prompt if branch else None
    said = [_said(message) for message in context.messages(branch=metadata.active_branch_name)]
    request: dict[str, Any] = {
        **metadata.config.parameters,
        "messages": [{"role": "system", "content": prompt}] * bool(prompt) + [each for each in said if each],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    model = model or metadata.config.model_id
    return {"model": model, **request} if model else request


def _said(message: Message) -> dict[str, str] | None:
    """Return a message as the API takes it; None for what is no part of what was said."""
    if message.role not in _ROLES or not message.content.strip():
        return None
    return {"role": message.role, "content": message.content}
