"""``/v1/realtime``: a spoken conversation over a WebSocket, in OpenAI's events."""

import asyncio
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
    places = asyncio.Semaphore(services.config.limits.realtime_sessions)

    @routes.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        """Talk until the client goes away."""
        offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
        # a secret is never sent back
        token = next((part for part in offered if part and not part.startswith(SUBPROTOCOL)), None)
        await socket.accept(subprotocol=token)
        if places.locked():
            await socket.close(_BUSY, "the server has as many conversations as it may have: try again later")
            return

        async def send(event: dict[str, Any]) -> None:
            try:
                await socket.send_text(json.dumps(event, ensure_ascii=False))
            except RuntimeError:  # what Starlette raises where the socket is closed already
                raise WebSocketDisconnect from None

        async with places:
            try:
                replier = await run_in_threadpool(ready_replier, services)
            except ApiError as error:
                await socket.close(_CANNOT, error.message[:120])
                return
            model = socket.query_params.get("model", "nuanced-speech")[:100]
            session = RealtimeSession(services, replier, send, model)
            try:
                await session.begin()
                while (text := await _received(socket)) is not None:
                    await session.take(text)
            except WebSocketDisconnect:
                pass
            finally:
                await session.end()

    return routes


async def _received(socket: WebSocket) -> str | None:
    """The next text of a client; None where bytes come in place of it."""
    try:
        return await socket.receive_text()
    except KeyError:
        return None
