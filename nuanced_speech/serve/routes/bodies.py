"""Reading of forms, and checks that several routes share."""

from typing import Any

import numpy as np
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.schemas import checked_text
from nuanced_speech.serve.services import Services

LONGEST_NAME = 100
# What browsers and proxies must not do with a stream.
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def read_form(request: Request) -> FormData:
    """The fields of a form.

    Raises:
        ApiError: the body is no form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise ApiError(400, f"the body is {kind or 'of no known type'}: send multipart/form-data", None, "invalid_body")
    try:
        return await request.form(max_files=4, max_fields=64)
    except ApiError:
        raise
    except Exception as error:
        raise ApiError(400, f"the form cannot be read ({type(error).__name__})", None, "invalid_body") from None


def text_field(form: FormData, name: str, default: str | None = None, longest: int = 4096) -> str | None:
    """A field with text, or its default.

    Raises:
        ApiError: a file in its place, or a text that is too long or not text.
    """
    value = form.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise ApiError(400, f"{name}: a file in the place of text", name, "invalid_value")
    if len(value) > longest:
        raise ApiError(400, f"{name}: {len(value)} characters; at most {longest} are possible", name, "invalid_value")
    try:
        return checked_text(value)
    except ValueError as error:
        raise ApiError(400, f"{name}: {error}", name, "invalid_value") from None


def required_text(form: FormData, name: str, longest: int = LONGEST_NAME) -> str:
    """A field that must have text.

    Raises:
        ApiError: as ``text_field``, or it is missing or empty.
    """
    value = (text_field(form, name, None, longest) or "").strip()
    if not value:
        raise ApiError(400, f"{name}: this field is required", name, "missing_required_parameter")
    return value


async def file_field(form: FormData, name: str, most: int) -> bytes | None:
    """Bytes of a file; None where the form has none.

    Raises:
        ApiError: text in its place, or a file that is too large.
    """
    value = form.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, UploadFile):
        raise ApiError(400, f"{name}: text in the place of a file", name, "invalid_value")
    return await file_bytes(value, name, most)


async def file_bytes(file: Any, name: str, most: int) -> bytes:
    """Bytes of an upload.

    Raises:
        ApiError: it is too large.
    """
    data: bytes = await file.read(most + 1)
    if len(data) > most:
        raise ApiError(413, f"{name}: the file is larger than {most >> 20} MiB", name, "file_too_large")
    return data


async def required_file(form: FormData, name: str, most: int) -> bytes:
    """Bytes of a file that must be there.

    Raises:
        ApiError: as ``file_field``, or it is missing.
    """
    data = await file_field(form, name, most)
    if data is None:
        raise ApiError(400, f"{name}: this file is required", name, "missing_required_parameter")
    return data


async def decoded(services: Services, data: bytes, param: str, form: str = "other") -> np.ndarray:
    """Samples ``[T]`` at 24 kHz of an upload, decoded beside the event loop.

    Raises:
        ApiError: as ``UploadDecoder``.
    """
    return await run_in_threadpool(services.decoder, data, services.config.limits.recording_seconds, param, form)
