"""``/v1/realtime``: a spoken conversation over a WebSocket, in OpenAI's events."""

import json
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.realtime_session import RealtimeSession
from nuanced_speech.serve.routes.reply import ready_replier
from nuanced_speech.serve.security import SUBPROTOCOL
from nuanced_speech.serve.services import Services

# WebSocket's codes for a server that cannot do what is asked, and for one that is busy.
_CANNOT, _BUSY = 1011, 1013


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter()
    sessions: set[RealtimeSession] = set()

    @routes.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        """Talk until the client goes away."""
        offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
        # a secret is never sent back
        token = next((part for part in offered if part and not part.startswith(SUBPROTOCOL)), None)
        await socket.accept(subprotocol=token)
        if len(sessions) >= services.config.limits.realtime_sessions:
            await socket.close(_BUSY, "the server has as many conversations as it may have: try again later")
            return

        async def send(event: dict[str, Any]) -> None:
            try:
                await socket.send_text(json.dumps(event, ensure_ascii=False))
            except RuntimeError:  # what Starlette raises where the socket is closed already
                raise WebSocketDisconnect from None

        try:
            replier = await run_in_threadpool(ready_replier, services)
        except ApiError as error:
            await socket.close(_CANNOT, error.message[:120])
            return
        session = RealtimeSession(services, replier, send, socket.query_params.get("model", "nuanced-speech")[:100])
        sessions.add(session)
        try:
            await session.begin()
            while True:
                await session.take(await socket.receive_text())
        except (WebSocketDisconnect, KeyError):
            pass  # gone, or bytes in place of text
        finally:
            sessions.discard(session)
            await session.end()

    return routes
