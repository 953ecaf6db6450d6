"""The entry point of the container for serverless platforms: events by HTTP.

``python -m nuanced_speech.serve.handler_server`` answers ``POST`` (an event as JSON) and ``GET`` (whether it is ready)
on every path, at port ``PORT`` (8080). Models are loaded first, so that a port that is open is ready.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.threads import let_idle_threads_sleep

log = logging.getLogger(__name__)

PORT = 8080
# What an event may have besides its recording.
_FIELDS_BYTES = 1 << 16
_STALLED_SECONDS = 60.0


class EventServer(ThreadingHTTPServer):
    """Hands events to a handler.

    Args:
        address: host and port; port 0 for a free one.
        handle: answers an event.
        most_bytes: size of the largest recording in an event.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handle: Callable[[object], dict[str, Any]], most_bytes: int) -> None:
        self.handle, self.most_bytes = handle, most_bytes * 4 // 3 + _FIELDS_BYTES
        super().__init__(address, _Request)


class _Request(BaseHTTPRequestHandler):
    server: EventServer
    timeout = _STALLED_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say that the handler is ready."""
        self._answer(HTTPStatus.OK, {"ready": True})

    def do_POST(self) -> None:
        """Answer an event."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "give the length of the event (Content-Length)")
            return
        if int(length) > self.server.most_bytes:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self.server.most_bytes} bytes are taken")
            return
        try:
            event = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "the event is not JSON"})
            return
        answer = self.server.handle(event)
        self._answer(HTTPStatus.BAD_REQUEST if "error" in answer else HTTPStatus.OK, answer)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Refuse an event whose body is not read; the connection ends."""
        self.close_connection = True
        self._answer(status, {"error": reason})

    def _answer(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *values: object) -> None:
        log.debug(format, *values)


def main() -> None:
    """Serve events until the process is ended."""
    let_idle_threads_sleep()
    logging.basicConfig(level=logging.INFO)
    from nuanced_speech.serve.handler import Handler, HandlerConfig

    config = HandlerConfig.from_environment()
    try:
        handler = Handler(config)
        handler.load()
    except UserError as error:
        sys.exit(f"error: {error}")
    # all addresses of the container, whose ports are opened from outside
    with EventServer(("0.0.0.0", int(os.environ.get("PORT", PORT))), handler, config.body_bytes) as server:
        log.info("ready at port %d", server.server_port)
        server.serve_forever()


if __name__ == "__main__":
    main()
