"""The entry point of the container for serverless platforms: events by HTTP.

``python -m nuanced_speech.serve.handler_server`` answers ``POST`` (an event as JSON) and ``GET`` (whether it is ready)
on every path, at port ``PORT`` (8080). Models are loaded first, so that a port that is open is ready. SIGTERM, which
platforms send before they end a container, lets the event that is under way be answered.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
# Platforms wait ten seconds or more between SIGTERM and the end.
_ENDING_SECONDS = 30.0


class EventServer(ThreadingHTTPServer):
    """Hands events to a handler.

    Args:
        address: host and port; port 0 for a free one.
        handle: answers an event.
        most_bytes: size of the largest recording in an event.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handle: Callable[[object], dict[str, Any]], most_bytes: int) -> None:
        self.most_bytes = most_bytes * 4 // 3 + _FIELDS_BYTES
        self.handle, self._under_way, self._changed = handle, 0, threading.Condition()
        self._ending = False
        super().__init__(address, _Request)

    @contextmanager
    def under_way(self) -> Iterator[bool]:
        """Counts an event from its first line to its answer; False where no more are taken."""
        with self._changed:
            taken = not self._ending
            self._under_way += taken
        try:
            yield taken
        finally:
            with self._changed:
                self._under_way -= taken
                self._changed.notify_all()

    def finish(self, seconds: float = _ENDING_SECONDS) -> None:
        """Take no more events, and wait until those under way are answered, so many seconds at most."""
        with self._changed:
            self._ending = True
        self.shutdown()
        self.server_close()
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, seconds)


class _Request(BaseHTTPRequestHandler):
    server: EventServer
    timeout = _STALLED_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say that the handler is ready."""
        self._answer(HTTPStatus.OK, {"ready": True})

    def do_POST(self) -> None:
        """Answer an event."""
        with self.server.under_way() as taken:
            if taken:
                self._post()
            else:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the container ends: send the event again")

    def _post(self) -> None:
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
        made = self.server.handle(event)
        self._answer(HTTPStatus.BAD_REQUEST if "error" in made else HTTPStatus.OK, made)

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


def opened(handle: Callable[[object], dict[str, Any]], most_bytes: int, values: Mapping[str, str]) -> EventServer:
    """A server on all addresses of the container, whose ports are opened from outside, at ``PORT``.

    Raises:
        UserError: no port, or one that is taken.
    """
    text = values.get("PORT") or str(PORT)
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port < 1 << 16:
        raise UserError(f"PORT: {text!r} is no port: give a number from 1 to 65535")
    try:
        return EventServer(("0.0.0.0", port), handle, most_bytes)
    except OSError as error:
        raise UserError(f"PORT: cannot listen on port {port} ({error.strerror})") from None


def main() -> None:
    """Serve events until the process is told to end."""
    let_idle_threads_sleep()
    logging.basicConfig(level=logging.INFO)
    # while the models are loaded too: the first process of a container ends by a signal only if it says so
    signal.signal(signal.SIGTERM, _end)
    from nuanced_speech.serve.handler import Handler, HandlerConfig

    config = HandlerConfig.from_environment()
    try:
        handler = Handler(config)
        handler.load()
        server = opened(handler, config.body_bytes, os.environ)
    except UserError as error:
        sys.exit(f"error: {error}")
    log.info("ready at port %d", server.server_port)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        while serving.is_alive():
            time.sleep(1.0)
        sys.exit("error: the server has stopped by itself")
    except KeyboardInterrupt:
        pass
    finally:
        server.finish()


def _end(number: int, _frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
