"""Counters for Prometheus, and the access log: neither has any text or audio of a request."""

import json
import logging
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("nuanced_speech.serve.access")

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.6, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """The counters of one server.

    Args:
        waiting, running, stopped: tell how many jobs wait, run, and were given up.
    """

    def __init__(
        self, waiting: Callable[[], float], running: Callable[[], float], stopped: Callable[[], float]
    ) -> None:
        self.registry = registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter("nuanced_speech_requests", "Requests.", (*labels, "status"), registry=registry)
        self.seconds = Histogram(
            "nuanced_speech_request_seconds", "Time to the last byte.", labels, buckets=SECONDS, registry=registry
        )
        self.first_byte = Histogram(
            "nuanced_speech_first_byte_seconds",
            "Time to the first byte of the body.",
            labels,
            buckets=SECONDS,
            registry=registry,
        )
        self.sent = Counter("nuanced_speech_sent_bytes", "Bytes of bodies.", labels, registry=registry)
        self.audio = Counter(
            "nuanced_speech_audio_seconds", "Length of the audio that was made.", ("kind",), registry=registry
        )
        for name, text, value in (
            ("jobs_waiting", "Requests that wait for a worker.", waiting),
            ("jobs_running", "Requests that are worked on.", running),
            ("jobs_stopped", "Requests whose clients went away.", stopped),
        ):
            Gauge(f"nuanced_speech_{name}", text, registry=registry).set_function(value)

    def page(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self.registry)


class Observer:
    """Middleware that counts and logs requests.

    Args:
        app: what is observed.
        metrics: counters.
        template: path of the route that a request has, with names in place of ids.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, template: Callable[[Scope], str]) -> None:
        self.app, self.metrics, self.template = app, metrics, template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe a request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started, status, size, first = time.perf_counter(), 499, 0, None

        async def observed(message: Message) -> None:
            nonlocal status, size, first
            kind, sent = message["type"], len(message.get("body") or message.get("bytes") or message.get("text") or b"")
            if kind == "http.response.start":
                status = message["status"]
            elif kind == "websocket.accept":
                status = 101
            elif kind == "websocket.close" and status == 499:
                status = 403
            elif sent:
                first = time.perf_counter() - started if first is None else first
                size += sent
            await send(message)

        try:
            await self.app(scope, receive, observed)
        except Exception:
            status = 500
            raise
        finally:
            spent = time.perf_counter() - started
            key = (scope.get("method", "WEBSOCKET"), self.template(scope))
            self.metrics.requests.labels(*key, str(status)).inc()
            self.metrics.seconds.labels(*key).observe(spent)
            self.metrics.sent.labels(*key).inc(size)
            if first is not None:
                self.metrics.first_byte.labels(*key).observe(first)
            line = {
                "method": key[0], "route": key[1], "status": status, "bytes": size,
                "first_ms": None if first is None else round(first * 1000), "ms": round(spent * 1000),
            }  # fmt: skip
            log.info(json.dumps(line))


def template_of(routes: list) -> Callable[[Scope], str]:
    """The path template of a request's route; paths that no route has are one."""

    def template(scope: Scope) -> str:
        for route in routes:
            if route.matches(scope)[0] != Match.NONE:
                return str(getattr(route, "path", "other"))
        return "other"

    return template
