"""``POST /page/convert``: a conversion as JSON lines: progress, result, both melodies, and the report's figures."""

import base64
import json
import logging
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import FormData

from nuanced_speech import audio
from nuanced_speech.convert.converter import Conversion
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import FRAME_RATE, OWN_VOICE, SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import temporary_folder
from nuanced_speech.evaluate import report
from nuanced_speech.serve.errors import error_body, of_user_error
from nuanced_speech.serve.jobs import Cancelled, Job
from nuanced_speech.serve.routes.bodies import STREAM_HEADERS, decoded, file_field, read_form, required_file, text_field
from nuanced_speech.serve.routes.page_fields import number_field
from nuanced_speech.serve.routes.speech_to_speech import MOST_REFINEMENT
from nuanced_speech.serve.schemas import LARGEST_SEED
from nuanced_speech.serve.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request that was checked: recordings ``[T]`` at 24 kHz, and options."""

    wave: np.ndarray
    reference: np.ndarray | None
    options: ConversionOptions


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/page/convert")
    async def convert(request: Request) -> Response:
        """Convert a recording, and tell how far it is."""
        asked = await _asked(services, await read_form(request))
        lines = await services.queue.stream(lambda job: _lines(services, asked, job), request.is_disconnected, len)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=STREAM_HEADERS)

    return routes


async def _asked(services: Services, form: FormData) -> _Asked:
    """A request, checked before any work.

    Raises:
        ApiError: whatever is wrong with it.
    """
    limits = services.config.limits
    name = (text_field(form, "voice", OWN_VOICE, 300) or OWN_VOICE).strip()
    reference_data = await file_field(form, "reference", limits.sample_bytes)
    keep = text_field(form, "keep", "f0,rhythm,energy", 100) or ""
    voice = None if name == OWN_VOICE or reference_data is not None else services.voices.find(name)
    try:
        options = ConversionOptions(
            voice=voice,
            keep=tuple(part.strip() for part in keep.split(",") if part.strip() not in ("", "none")),
            path=text_field(form, "path", "auto", 20) or "auto",
            text=(text_field(form, "text") or "").strip() or None,
            pitch_shift=number_field(form, "pitch_shift", 0.0, -48, 48),
            # checked again with the recording in place of the voice
            refine=0 if voice is not None else int(number_field(form, "refine", 0, 0, MOST_REFINEMENT)),
            seed=int(number_field(form, "seed", 0, 0, LARGEST_SEED)),
        )
    except UserError as error:
        raise of_user_error(error) from None
    wave = await decoded(services, await required_file(form, "audio", limits.body_bytes), "audio")
    reference = None if reference_data is None else await decoded(services, reference_data, "reference")
    return _Asked(wave, reference, options)


def _lines(services: Services, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    """Events as lines of JSON. A failure after the first is an event too, since the answer has begun."""
    yield _line("started")
    try:
        with temporary_folder() as folder:
            conversion = _converted(services, asked, job, folder)
            yield _line("result", **_result(conversion, folder))
        curves = [report.contours(wave).f0 for wave in (conversion.source, conversion.audio)]
        job.check()
        yield _line("pitch", rate=FRAME_RATE, source=_rounded(curves[0]), result=_rounded(curves[1]))
        yield _line("report", figures=_figures(services, asked, conversion))
    except Cancelled:
        raise
    except UserError as error:
        refused = of_user_error(error)
        yield _line("error", **error_body(400, str(error), refused.param, refused.code))
    except Exception as error:
        log.error("a conversion failed: %s", type(error).__name__, exc_info=error)
        message = "the server failed at this recording; its log has the reason"
        yield _line("error", **error_body(500, message, None, "internal_error"))


def _converted(services: Services, asked: _Asked, job: Job[bytes], folder: Path) -> Conversion:
    options = asked.options
    if asked.reference is not None:
        path = folder / "reference.wav"
        audio.write(path, asked.reference, comment="")
        options = replace(options, voice=path)
    percent = -1

    def progress(share: float) -> None:
        nonlocal percent
        job.check()
        if int(share * 100) > percent:
            percent = int(share * 100)
            job.emit(_line("progress", share=round(share, 2)))

    conversion = services.engine.converter.convert(asked.wave, options, sample_rate=SAMPLE_RATE, progress=progress)
    services.metrics.audio.labels("conversion").inc(len(conversion.audio) / SAMPLE_RATE)
    return conversion


def _result(conversion: Conversion, folder: Path) -> dict[str, Any]:
    """The result as a WAV file, whose metadata say that it is synthetic."""
    path = folder / "result.wav"
    conversion.save(path)
    return {
        "audio": base64.b64encode(path.read_bytes()).decode(),
        "audio_format": "audio/wav",
        "path": conversion.path,
        "language": conversion.language,
    }


def _figures(services: Services, asked: _Asked, conversion: Conversion) -> dict[str, Any]:
    """The report's figures; null where one cannot be told."""
    figures, _, _ = report.measure(
        conversion.source,
        conversion.audio,
        services.engine.models.transcriber,
        conversion.seconds,
        target_text=asked.options.text,
        language=asked.options.language,
        overlaps=conversion.overlaps,
    )
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(figures).items()}


def _rounded(hertz: np.ndarray) -> list[float]:
    return [round(float(value), 1) for value in hertz]


def _line(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False).encode() + b"\n"
