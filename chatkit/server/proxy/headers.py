"""Which headers pass the proxy, and which of them may be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Pairs = list[tuple[bytes, bytes]]

_OF_THE_CONNECTION = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
}  # fmt: skip
"""Headers that concern one connection and not what is sent over it (RFC 9110, section 7.6.1)."""

_HARMLESS = {"accept", "anthropic-beta", "anthropic-version", "content-type", "openai-beta", "user-agent"}
_HARMLESS_BEGINNING = "x-stainless-"  # what the SDKs say of themselves
_LONGEST_KEPT = 200


def for_upstream(pairs: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Return a client's headers as the upstream gets them: its own host, and nothing compressed if it can help it."""
    kept = [pair for pair in _passing(pairs) if pair[0].lower() not in {b"host", b"accept-encoding"}]
    return [*kept, (b"accept-encoding", b"identity")]


def for_client(pairs: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Return the upstream's headers as the client gets them."""
    return [(name.lower(), value) for name, value in _passing(pairs)]


def harmless(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return what of a request's headers may be kept: no key, no cookie, nothing that is not known to be none.

    >>> harmless([(b"Authorization", b"Bearer sk-1"), (b"User-Agent", b"curl/8"), (b"X-Unknown", b"1")])
    {'user-agent': 'curl/8'}
    """
    told = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs]
    return {
        name: value[:_LONGEST_KEPT] for name, value in told if name in _HARMLESS or name.startswith(_HARMLESS_BEGINNING)
    }


def _passing(pairs: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Leave out what concerns the connection, the headers that it names included."""
    pairs = list(pairs)
    named = {
        part.strip().lower() for name, value in pairs if name.lower() == b"connection" for part in value.split(b",")
    }
    return [pair for pair in pairs if pair[0].lower() not in _OF_THE_CONNECTION | named]
