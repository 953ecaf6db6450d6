"""The page at ``/`` and its files, with a policy that lets a browser load from this server only."""

import hashlib
import secrets
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.services import Services

FOLDER = Path(__file__).parent.parent / "page"
_NONCE = "{{nonce}}"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def policy(nonce: str) -> str:
    """The Content-Security-Policy of the page. Blobs are recordings that the page itself made or was given."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; img-src 'self'; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    files = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in _TYPES}
    html = (FOLDER / "index.html").read_text(encoding="utf-8")

    @routes.get("/")
    async def page() -> Response:
        """The page; the waveforms' library has a style element of its own, which the nonce allows."""
        nonce = secrets.token_urlsafe(16)
        headers = {
            **_COMMON,
            "Content-Security-Policy": policy(nonce),
            "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        }
        return Response(html.replace(_NONCE, nonce), media_type="text/html", headers=headers)

    @routes.get("/page/files/{name:path}")
    async def file(name: str, request: Request) -> Response:
        """One of the page's files."""
        path = files.get(name)
        if path is None:
            raise ApiError(404, f"the page has no file {name[:60]!r}", None, "not_found")
        data = path.read_bytes()
        headers = {**_COMMON, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=_TYPES[path.suffix], headers=headers)

    return routes
