"""Errors in the one shape that OpenAI's clients read: ``{"error": {"message", "type", "param", "code"}}``."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from nuanced_speech.core.errors import UserError

log = logging.getLogger(__name__)

TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
# ElevenLabs' clients read validation errors as status 422 with a list.
ELEVENLABS = ("/v1/speech-to-speech", "/v1/voice-changer")


class ApiError(HTTPException):
    """A refusal.

    Args:
        status: HTTP status.
        message: one sentence that says what was wrong and what to do.
        param: name of the field.
        code: short name of the kind of error.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.status, self.message, self.param, self.code = status, message, param, code


def error_type(status: int) -> str:
    """The ``type`` of errors with a status."""
    return TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The body of an error, with all four keys."""
    return {"error": {"message": message, "type": error_type(status), "param": param, "code": code}}


def error_response(
    status: int,
    message: str,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error as an answer."""
    return JSONResponse(error_body(status, message, param, code), status, dict(headers or {}))


def of_user_error(error: UserError) -> ApiError:
    """A mistake that the library found, as status 400; the parameter's name is taken from the message."""
    named = re.match(r"(\w+): ", str(error)) or re.search(r"`(\w+)`", str(error))
    return ApiError(400, str(error), named[1] if named else None, "invalid_value")


def add_handlers(app: FastAPI) -> None:
    """Give all errors of an application the shape."""

    async def api_error(request: Request, error: Any) -> Response:
        return error_response(error.status, error.message, error.param, error.code, error.headers)

    async def user_error(request: Request, error: Any) -> Response:
        return await api_error(request, of_user_error(error))

    async def invalid(request: Request, error: Any) -> Response:
        param, message = described(error.errors())
        if request.url.path.startswith(ELEVENLABS):
            detail = [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()]
            return JSONResponse({"detail": detail, **error_body(422, message, param, "invalid_value")}, 422)
        return error_response(400, message, param, "invalid_value")

    async def http_error(request: Request, error: Any) -> Response:
        message = str(error.detail) if error.status_code != 404 else f"there is nothing at {request.url.path}"
        return error_response(error.status_code, message, None, None, error.headers)

    async def unforeseen(request: Request, error: Any) -> Response:
        log.error("a request failed: %s", type(error).__name__, exc_info=error)
        return error_response(500, "the server failed at this request; its log has the reason", None, "internal_error")

    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        ApiError: api_error, UserError: user_error, RequestValidationError: invalid,
        HTTPException: http_error, Exception: unforeseen,
    }  # fmt: skip
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def described(errors: Sequence[Mapping[str, Any]]) -> tuple[str | None, str]:
    """The name of the first field that is wrong, and a message about it."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    param = ".".join(place) or None
    return param, f"{param or 'the body'}: {first['msg'][:200]}"
