"""Who may use the server: checks of Host, Origin, token and size before any route, on WebSockets too.

The check of Host stops DNS rebinding, that of Origin stops foreign web pages.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nuanced_speech.serve.config import LOOPBACK, ServeConfig
from nuanced_speech.serve.errors import ApiError, error_response

# Paths that need no token: they tell nothing about anyone.
OPEN_PATHS = ("/health", "/")
# The page's own files, which ask for the token.
OPEN_FOLDER = "/page/files/"
# OpenAI's browser clients hand the token over as a subprotocol of the WebSocket.
SUBPROTOCOL = "openai-insecure-api-key."
POLICY_VIOLATION = 1008


class Security:
    """Middleware that refuses requests which must not be answered.

    Args:
        app: what is guarded.
        config: names, origins, token and limits.
    """

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self.app, self.config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            self._check(Headers(scope=scope), scope["path"])
        except ApiError as error:
            await _refuse(error, scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self.config.limits.body_bytes)
        await self.app(scope, body, send)

    def _check(self, headers: Headers, path: str) -> None:
        host = headers.get("host", "")
        if not self._known(host):
            raise ApiError(403, f"the server is not known as {host!r}: allow this host", "host", "host_not_allowed")
        origin = headers.get("origin")
        if origin is not None and not self._own(origin, host):
            message = f"pages of {origin!r} may not use this server: allow this origin"
            raise ApiError(403, message, "origin", "origin_not_allowed")
        open_path = path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
        if self.config.token and not open_path and not self._named(headers):
            message = "the token is missing or wrong: send it as 'Authorization: Bearer TOKEN' or as 'xi-api-key'"
            raise ApiError(401, message, None, "invalid_api_key", {"WWW-Authenticate": "Bearer"})
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.config.limits.body_bytes:
            raise _too_large(self.config.limits.body_bytes)

    def _known(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = _host_name(host)
        if name in (*LOOPBACK, *self.config.hosts):
            return True
        if self.config.host in LOOPBACK or name is None:
            return False
        # with a token and an open address: any address, but no name that a foreign DNS server could point here
        return name == self.config.host or _is_address(name)

    def _own(self, origin: str, host: str) -> bool:
        if origin in self.config.origins:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc == host

    def _named(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers hold the token."""
        given = [headers.get("xi-api-key", ""), headers.get("authorization", "").removeprefix("Bearer ")]
        offered = (part.strip() for part in headers.get("sec-websocket-protocol", "").split(","))
        given += [part.removeprefix(SUBPROTOCOL) for part in offered if part.startswith(SUBPROTOCOL)]
        token = (self.config.token or "").encode()
        return any(hmac.compare_digest(text.encode(), token) for text in given if text)


class _Body:
    """Receives a body; one that grows beyond the limit without having announced it is cut off."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive, self.limit, self.size = receive, limit, 0

    async def __call__(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self.size += len(message.get("body", b""))
            if self.size > self.limit:
                raise _too_large(self.limit)
        return message


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"the request is larger than {limit >> 20} MiB: send less at once", None, "request_too_large")


def _host_name(host: str) -> str | None:
    """The name or address in a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": error.message[:120]})
        return
    response = error_response(error.status, error.message, error.param, error.code, error.headers)
    await response(scope, receive, send)
