"""What the page asks about voices: their attributes and places on the map, samples, descriptions, and new ones."""

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from nuanced_speech.audio import SYNTHETIC
from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import DEFAULT_SYSTEM
from nuanced_speech.serve.audio_encoder import AudioFormat, audio_encoder
from nuanced_speech.serve.drafts import DraftStore
from nuanced_speech.serve.engine import SpeechJob
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.jobs import Job
from nuanced_speech.serve.routes.page_fields import LARGEST_LEVEL, Captions, NewVoice, Sliders, Words
from nuanced_speech.serve.services import Services
from nuanced_speech.serve.voices import new_id
from nuanced_speech.synthesis.sample import sentence_for
from nuanced_speech.synthesis.speaking import TimedText
from nuanced_speech.synthesis.timestamps import text_of
from nuanced_speech.voice.provenance import new_provenance
from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.attributes import ATTRIBUTES, NAMES, StockAttributes, stock_attributes
from nuanced_speech.voicemaking.description import Described, make_voice, nearest_stock_voices
from nuanced_speech.voicemaking.description_vocabulary import VoiceRequest, parse_description, suggestion
from nuanced_speech.voicemaking.voice_map import HEIGHT, WIDTH, voice_map

LANGUAGE_NAMES = {
    "a": "American English", "b": "British English", "e": "Spanish", "f": "French", "h": "Hindi", "i": "Italian",
    "j": "Japanese", "p": "Brazilian Portuguese", "z": "Mandarin Chinese",
}  # fmt: skip
_MOST_SAMPLES = 64


class VoiceSamples:
    """Samples of voices as MP3 files; the latest are remembered. Threads may share it."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, voice: Voice, job: Job[Any]) -> bytes:
        """A sentence in the voice's own language."""
        key = hashlib.sha256(voice.pack.contiguous().numpy().tobytes() + voice.mark.encode()).hexdigest()
        with self._lock:
            if key in self._files:
                return self._files[key]
        sentence, language = sentence_for(voice)
        encoder, out = audio_encoder(AudioFormat.of_speech("mp3"), voice.mark), io.BytesIO()
        for part in self.services.engine.speak(SpeechJob(sentence, voice, self.services.voices.find, language)):
            job.check()
            out.write(encoder.write(part.audio))
        out.write(encoder.finish())
        with self._lock:
            self._files[key] = out.getvalue()
            while len(self._files) > _MOST_SAMPLES:
                self._files.popitem(last=False)
        return out.getvalue()


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    samples, drafts = VoiceSamples(services), DraftStore()
    _add_lists(routes, services)

    @routes.get("/page/sample")
    async def sample(voice: Annotated[str, Query(min_length=1, max_length=300)], request: Request) -> Response:
        """A sentence in a voice."""
        sampled = drafts.get(voice) if voice.startswith("draft_") else services.voices.find(voice)
        data = await services.queue.result(lambda job: samples(sampled, job), request.is_disconnected)
        return Response(data, media_type="audio/mpeg")

    @routes.post("/page/words")
    async def words(body: Words) -> dict[str, Any]:
        """The levels that a description asks for."""
        return _levels(body.description)

    @routes.post("/page/describe")
    async def describe(body: Sliders, request: Request) -> dict[str, Any]:
        """Make a voice from levels of attributes; it is a draft until it is kept."""
        if not body.levels and body.accent is None:
            raise ApiError(400, "levels: move a slider, or choose an accent", "levels", "invalid_value")
        wish = VoiceRequest(body.levels, body.accent)

        def work(job: Job[tuple[Described, Voice]]) -> tuple[Described, Voice]:
            start = nearest_stock_voices(wish, stock_attributes(), 1, body.seed)[0]
            engine = services.engine
            kokoro, encoder = engine.models.kokoro, engine.models.speaker_encoder
            described = make_voice(wish, start, kokoro, encoder, seed=body.seed, sentences=engine.sentences)
            return described, _voice(described, body)

        described, voice = await services.queue.result(work, request.is_disconnected)
        return {"draft": drafts.add(voice), "start": described.start, "attributes": _rows(described)}

    @routes.post("/page/voices")
    async def keep(body: NewVoice) -> dict[str, Any]:
        """Keep a draft or a mix under a name."""
        if (body.draft is None) == (body.mix is None):
            raise ApiError(400, "draft: give a draft or a mix to keep", "draft", "invalid_value")
        voice = drafts.get(body.draft) if body.draft else services.voices.find(body.mix or "", "mix")
        name = body.name.strip()
        taken = {row["id"] for row in services.voices.listed()} | {row["name"] for row in services.voices.listed()}
        if not name or name in taken:
            message = f"name: {name!r} is taken: choose another name" if name else "name: give the voice a name"
            raise ApiError(400, message, "name", "invalid_value")
        kept = services.voices.keep(replace(voice, name=new_id()), name)
        return {"id": kept.id, "name": kept.name, "kind": kept.kind}

    @routes.post("/page/captions")
    async def captions(body: Captions) -> Response:
        """Captions of words with their times."""
        timed = [[TimedText(w.word, w.start_time, w.end_time) for w in sentence] for sentence in body.sentences]
        return PlainTextResponse(text_of(timed, f".{body.format}", body.spaces))

    return routes


def _levels(description: str) -> dict[str, Any]:
    try:
        request = parse_description(description)
    except UserError as error:
        raise ApiError(400, f"description: {error}", "description", "not_understood") from None
    unknown = [{"word": word, "suggestion": suggestion(word)} for word in request.unknown]
    levels = {k: float(np.clip(v, -LARGEST_LEVEL, LARGEST_LEVEL)) for k, v in request.levels.items()}
    return {"levels": levels, "accent": request.accent, "unknown": unknown}


def _add_lists(routes: APIRouter, services: Services) -> None:
    @routes.get("/page/settings")
    async def settings() -> dict[str, Any]:
        """Limits, languages, and the attributes of voices with their usual values."""
        limits = services.config.limits
        return {
            "limits": {
                "body_bytes": limits.body_bytes,
                "sample_bytes": limits.sample_bytes,
                "characters": limits.characters,
                "recording_seconds": limits.recording_seconds,
                "custom_voices": limits.custom_voices,
            },
            "languages": [{"accent": k, "code": VOICE_LANGUAGES[k], "name": n} for k, n in LANGUAGE_NAMES.items()],
            "attributes": _attributes(),
            "largest_level": LARGEST_LEVEL,
            "synthetic": SYNTHETIC,
            "role": DEFAULT_SYSTEM,
        }

    @routes.get("/page/voices")
    def voices() -> dict[str, Any]:
        """All voices, and the map of the stock voices."""
        return {"voices": [*_kept(services), *_stock_rows()], "map": _map()}


def _kept(services: Services) -> Iterator[dict[str, Any]]:
    """Voices that are kept, and those of the user's own folder."""
    for row in services.voices.listed():
        if row["kind"] in ("stock", "alias"):
            continue
        try:
            provenance = services.voices.find(row["id"]).provenance
        except (UserError, ApiError):
            continue  # deleted meanwhile
        sex, words = None, ""
        if set(provenance.attributes) >= set(NAMES):
            values = np.array([provenance.attributes[name] for name in NAMES])
            sex, words = _sex_and_words(stock_attributes(), values)
        yield {
            "id": row["id"], "name": row["name"], "kind": row["kind"], "sex": sex, "words": words,
            "language": provenance.language, "deletable": row["kind"] != "own", "recipe": provenance.recipe,
        }  # fmt: skip


@lru_cache
def _stock_rows() -> list[dict[str, Any]]:
    stock = stock_attributes()
    rows = []
    for name, values in zip(stock.names, stock.values, strict=True):
        _, words = _sex_and_words(stock, values)
        rows.append(
            {
                "id": name, "name": name[3:].capitalize(), "kind": "stock", "sex": name[1], "words": words,
                "language": VOICE_LANGUAGES[name[0]], "deletable": False, "recipe": "",
                "attributes": {a.name: a.show(v) for a, v in zip(ATTRIBUTES, values, strict=True)},
            }
        )  # fmt: skip
    return rows


def _sex_and_words(stock: StockAttributes, values: np.ndarray) -> tuple[str, str]:
    """The sex of attributes ``[9]``, and words for the unusual ones."""
    sex, _, words = stock.describe(values).partition(", ")
    return sex[0], words


@lru_cache
def _map() -> dict[str, Any]:
    voices = voice_map(stock_attributes(), [], [])
    points = [
        {"id": p.name, "x": round(p.x, 1), "y": round(p.y, 1), "kind": p.kind, "label": [round(x, 1), round(y, 1)]}
        for p, (x, y) in zip(voices.points, voices.labels, strict=True)
    ]
    return {"points": points, "width": WIDTH, "height": HEIGHT, "across": voices.across, "up": voices.up}


@lru_cache
def _attributes() -> list[dict[str, Any]]:
    """Attributes with their mean and standard deviation for all voices and for those of a sex."""
    stock = stock_attributes()
    usual = {key: stock.typical(None if key == "all" else key) for key in ("all", "f", "m")}
    return [
        {
            "name": a.name, "unit": a.unit, "low": a.low, "high": a.high,
            "mean": {key: float(mean[k]) for key, (mean, _) in usual.items()},
            "spread": {key: float(spread[k]) for key, (_, spread) in usual.items()},
        }
        for k, a in enumerate(ATTRIBUTES)
    ]  # fmt: skip


def _rows(described: Described) -> list[dict[str, Any]]:
    """Requested and measured attributes, as numbers with their units."""
    rows = zip(ATTRIBUTES, described.targets, described.profile.attributes, strict=True)
    return [{"name": a.name, "requested": _shown(a, target), "measured": _shown(a, value)} for a, target, value in rows]


def _shown(attribute: Any, value: float) -> str | None:
    return attribute.show(value) if isfinite(value) else None


def _voice(described: Described, body: Sliders) -> Voice:
    """The described voice with its provenance."""
    asked = ", ".join(f"{name} {level:+.1f}" for name, level in body.levels.items()) or "nothing but the accent"
    values = dict(zip(NAMES, described.profile.attributes.tolist(), strict=True))
    provenance = new_provenance(
        "described",
        language=iso_639(VOICE_LANGUAGES[described.start[0]]),
        recipe=f"{described.start}, seed {body.seed}: {asked}",
        attributes={key: value for key, value in values.items() if isfinite(value)},
    )
    return Voice("described", described.pack, provenance)
