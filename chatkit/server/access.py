"""Who may ask: nobody but the person at this machine, and programs that hold the token.

A web page elsewhere, or behind another port, can make a browser send requests here. It can't read the store: its
requests say where they come from, or lack the token.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse

from chatkit.server.problems import ProblemError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from chatkit.server.problems import Refuse

MOST_BODY_BYTES = 32 * 1024 * 1024
_TOKEN_BYTES = 24
_HTTP_PORT = 80
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to be reached at


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that is bound to this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is bound, and the token it asks for.

    Attributes:
        host: as it was bound.
        port: as it was bound.
        token: None asks for none, which is possible on loopback only.
        most_body_bytes: a larger request is refused.

    Raises:
        ValueError: no token, and others than this machine can reach the server.
    """

    host: str
    port: int
    token: str | None
    most_body_bytes: int = MOST_BODY_BYTES

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(f"without a token only this machine may ask, but {self.host} is open to others")

    @property
    def origin(self) -> str:
        """The bound origin, such as ``http://127.0.0.1:8765``; bound to every address, that of this machine itself."""
        name = _HERE.get(self.host, self.host)
        host = f"[{name}]" if ":" in name else name
        return f"http://{host}" if self.port == _HTTP_PORT else f"http://{host}:{self.port}"

    @property
    def link(self) -> str:
        """What a person opens first."""
        return f"{self.origin}/" if self.token is None else f"{self.origin}/?token={self.token}"

    @property
    def cookie_name(self) -> str:
        """The cookie's name; a browser sends cookies to every port of a host, so it names the port."""
        return f"chatkit_{self.port}"

    def is_token(self, text: str | None) -> bool:
        """Whether this is the token."""
        return (
            self.token is not None and text is not None and secrets.compare_digest(text.encode(), self.token.encode())
        )


class Guard:
    """Lets in what may ask, and answers everything else itself. Wraps the whole application.

    Args:
        app: what is guarded.
        access: who may ask.
        refuse: makes the answer to what may not.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        refuse: Refuse,
    ) -> None:
        self.app = app
        self.access = access
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no route takes a web socket; without an answer the server closes it
        headers = Headers(scope=scope)
        try:
            self._check_source(headers)
            if self._is_first_visit(scope):
                await self._welcome()(scope, receive, send)
                return
            self._check_token(headers)
            self._check_size(headers)
        except ProblemError as problem:
            await self.refuse(scope, problem)(scope, receive, send)
            return
        await self.app(scope, self._limited(receive), send)

    def _check_source(self, headers: Headers) -> None:
        """Refuse what another web page had sent; raises ProblemError."""
        origin = self.access.origin
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"a request has one Host header, not {len(hosts)}")
        if not self._is_bound(hosts[0]):
            raise ProblemError(HTTPStatus.FORBIDDEN, f"the host {hosts[0]!r} is not served here: ask {origin}")
        if any(sent != f"http://{hosts[0].lower()}" for sent in headers.getlist("origin")):
            raise ProblemError(HTTPStatus.FORBIDDEN, f"a page of another origin may not ask: open {origin} itself")
        if any(sent not in {"same-origin", "none"} for sent in headers.getlist("sec-fetch-site")):
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                f"another site may not ask, nor lead here: copy the link that 'chatkit serve' printed ({origin}/…) "
                "into the address bar",
            )

    def _is_bound(self, host: str) -> bool:
        """Whether a Host header names the bound host.

        Bound to every address of the machine, any address will do, but no name: a name can be made to point here.
        """
        name, port = _split_host(host.lower())
        if port != str(self.access.port) and not (port == "" and self.access.port == _HTTP_PORT):
            return False
        if not _is_every_address(self.access.host):
            return name == self.access.host.lower()
        return name == "localhost" or _is_address(name)

    def _is_first_visit(self, scope: Scope) -> bool:
        """Whether this is the printed link, with the right token."""
        if scope["path"] != "/" or scope["method"] not in {"GET", "HEAD"}:
            return False
        sent = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(sent) == 1 and self.access.is_token(sent[0])

    def _welcome(self) -> Response:
        """Keep the token in a cookie, and lead to the page without it, so that it stays in no history."""
        response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
        response.set_cookie(self.access.cookie_name, self.access.token or "", httponly=True, samesite="strict")
        return response

    def _check_token(self, headers: Headers) -> None:
        """Raise ProblemError unless the request holds the token, where one is asked for."""
        if self.access.token is None or any(self.access.is_token(sent) for sent in self._tokens(headers)):
            return
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "no token, or not the right one: open the link that 'chatkit serve' printed, or send its token as "
            "'Authorization: Bearer TOKEN'",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _tokens(self, headers: Headers) -> list[str]:
        """Return what a request offers: as a program does (some providers' clients say x-api-key), or a browser."""
        bearers = [sent.split(" ", 1) for sent in headers.getlist("authorization")]
        found = [words[1].strip() for words in bearers if len(words) == 2 and words[0].lower() == "bearer"]
        found += headers.getlist("x-api-key")
        for sent in headers.getlist("cookie"):
            try:
                morsel = SimpleCookie(sent).get(self.access.cookie_name)
            except CookieError:
                continue
            found += [morsel.value] if morsel else []
        return found

    def _check_size(self, headers: Headers) -> None:
        """Refuse a body that says it is too large; raises ProblemError."""
        sent = headers.get("content-length", "0")
        if not sent.isdecimal() or int(sent) > self.access.most_body_bytes:
            raise self._too_large()

    def _limited(self, receive: Receive) -> Receive:
        """Count what comes: a body in pieces does not say its size."""
        left = self.access.most_body_bytes

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> ProblemError:
        return ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {self.access.most_body_bytes:,} bytes"
        )


def _split_host(host: str) -> tuple[str, str]:
    """Return name and port of a Host header; an address of IPv6 without its brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host, ""
    return name.removeprefix("[").removesuffix("]"), port


def _is_every_address(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
