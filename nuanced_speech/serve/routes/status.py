"""``GET /health`` and ``GET /metrics``."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from nuanced_speech.core.version import __version__
from nuanced_speech.serve.services import Services


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["status"])

    @routes.get("/health")
    async def health() -> dict[str, Any]:
        """Tell that the server is ready, and how busy it is."""
        queue = services.queue
        return {"status": "healthy", "version": __version__, "waiting": queue.waiting, "running": queue.running}

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(services.metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return routes
