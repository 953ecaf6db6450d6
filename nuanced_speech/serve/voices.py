"""Voices by what clients call them: OpenAI's names, stock names, mixes, ids; and those that the server keeps."""

import json
import re
import secrets
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.voice.provenance import mixture_provenance
from nuanced_speech.voice.stock import PACK_SUFFIXES, VOICE_LANGUAGES, own_voices, parts_of, stock_voices
from nuanced_speech.voice.voice import Voice

# OpenAI's names, and the stock voices that are most like them: sex, accent and manner.
OPENAI_VOICES = {
    "alloy": "af_alloy", "ash": "am_adam", "ballad": "bm_george", "coral": "af_bella", "echo": "am_echo",
    "fable": "bm_fable", "onyx": "am_onyx", "nova": "af_nova", "sage": "af_sarah", "shimmer": "af_sky",
    "verse": "am_puck", "marin": "af_heart", "cedar": "am_michael",
}  # fmt: skip
ID = re.compile(r"voice_[0-9a-f]{24}")
_LONGEST_EXPRESSION = 300
# Sum of the weights' sizes in a mix: far beyond real voices there is only noise.
_LARGEST_WEIGHTS = 5.0
# Mixes of Kokoro-FastAPI: af_bella(2)+af_sky(1)
_PART = r"[A-Za-z_][\w-]*(?:\(\d*\.?\d+\))?"
_MIX = re.compile(rf"{_PART}(?:[+-]{_PART})*")


@dataclass(frozen=True)
class KeptVoice:
    """What is told about a voice that the server keeps."""

    id: str
    name: str
    created_at: int
    consent: str
    kind: str = "clone"


class VoiceStore:
    """Finds voices and keeps new ones. Threads may share it.

    Args:
        folder: folder of the voices that were asked to be kept; made at the first one.
        most: largest number of them.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self._lock = threading.Lock()

    def kept(self) -> list[KeptVoice]:
        """The voices that are kept, the oldest first."""
        voices = []
        for path in self.folder.glob("voice_*.json"):
            try:
                kept = KeptVoice(**json.loads(path.read_text(encoding="utf-8")))
                texts = (kept.id, kept.name, kept.consent)
                if isinstance(kept.created_at, int) and all(isinstance(text, str) for text in texts):
                    voices.append(kept)
            except (OSError, ValueError, TypeError, RecursionError):
                continue  # not ours, or half deleted
        return sorted(voices, key=lambda voice: (voice.created_at, voice.id))

    def listed(self) -> list[dict[str, Any]]:
        """All voices as ``GET /v1/audio/voices`` lists them."""
        rows: list[dict[str, Any]] = []
        for kept in self.kept():
            rows.append({"id": kept.id, "name": kept.name, "kind": kept.kind, "created_at": kept.created_at})
        rows += [{"id": name, "name": name, "kind": "own"} for name in sorted(own_voices())]
        for name in stock_voices():
            rows.append({"id": name, "name": name, "kind": "stock", "language": VOICE_LANGUAGES[name[0]]})
        rows += [{"id": name, "name": name, "kind": "alias", "voice": of} for name, of in OPENAI_VOICES.items()]
        return rows

    def find(self, name: str, param: str = "voice") -> Voice:
        """A voice by a name, an id or a mix.

        Raises:
            ApiError: an unknown voice (400), or an unknown id (404).
        """
        try:
            return self._find(name.strip())
        except UserError as error:
            raise ApiError(400, f"{param}: {error}", param, "voice_not_found") from error
        except RecursionError:
            raise ApiError(400, f"{param}: the mix has too many brackets", param, "voice_not_found") from None

    def _find(self, asked: str) -> Voice:
        if not asked or len(asked) > _LONGEST_EXPRESSION:
            raise UserError(f"name a voice in 1 to {_LONGEST_EXPRESSION} characters")
        if ID.fullmatch(asked) or asked.lower() in OPENAI_VOICES or asked in stock_voices():
            return self._single(asked)
        if any(kept.name == asked for kept in self.kept()):
            return self._single(asked)
        weights = _weights(asked)
        if sum(map(abs, weights.values())) > _LARGEST_WEIGHTS:
            raise UserError(f"the weights of {asked!r} are too large: no voice sounds like that")
        voices = {name: self._single(name) for name in sorted(weights, key=lambda name: -weights[name])}
        if len(voices) == 1:
            return next(iter(voices.values()))
        pack = sum((weights[name] * voice.pack for name, voice in voices.items()), torch.zeros(()))
        return Voice(asked, pack, mixture_provenance(asked, [voice.provenance for voice in voices.values()]))

    def _single(self, name: str) -> Voice:
        """One voice. Files are never named by clients: only names and ids are looked up."""
        if "/" in name or "\\" in name or name.endswith(PACK_SUFFIXES):
            raise UserError(f"{name!r} is a file: the server takes names and ids of voices")
        for kept in self.kept():
            if name in (kept.id, kept.name):
                return replace(Voice.load(str(self._files(kept.id)[-1])), name=kept.name)
        if ID.fullmatch(name):
            raise ApiError(
                404, f"there is no voice {name!r}: it was deleted, or never made", "voice", "voice_not_found"
            )
        return Voice.load(OPENAI_VOICES.get(name.lower(), name))

    def check_room(self) -> None:
        """Refuse another voice if there are as many as may be kept.

        Raises:
            ApiError: there are.
        """
        if len(self.kept()) >= self.most:
            raise ApiError(400, f"{self.most} voices are kept already: delete one first", None, "too_many_voices")

    def keep(self, voice: Voice, name: str, consent: str = "") -> KeptVoice:
        """Keep a voice, whose own name is its id; ``consent`` is the id of its speaker's consent."""
        kept = KeptVoice(voice.name, name, int(time.time()), consent, voice.provenance.kind)
        with self._lock:
            self.check_room()
            voice.save(self.folder)
            with replacing(self.folder / f"{kept.id}.json") as path:
                path.write_text(json.dumps(asdict(kept), ensure_ascii=False), encoding="utf-8")
        return kept

    def delete(self, voice_id: str) -> None:
        """Delete a voice that is kept.

        Raises:
            ApiError: there is none of this id.
        """
        with self._lock:
            if not any(kept.id == voice_id for kept in self.kept()):
                raise ApiError(404, f"there is no voice {voice_id!r}: only custom voices can be deleted", "voice_id")
            for path in (*self._files(voice_id), self.folder / f"{voice_id}.json"):
                path.unlink(missing_ok=True)

    def _files(self, voice_id: str) -> list[Path]:
        """Files of a voice; the last has its provenance."""
        suffixes = sorted(PACK_SUFFIXES, key=lambda suffix: suffix == ".safetensors")
        return [self.folder / f"{voice_id}{suffix}" for suffix in suffixes]


def new_id() -> str:
    """An id for a new voice."""
    return f"voice_{secrets.token_hex(12)}"


def _weights(mixture: str) -> dict[str, float]:
    """Weights of the voices in a mix, in Kokoro-FastAPI's or in our own way of writing.

    Raises:
        UserError: neither.
    """
    if not _MIX.fullmatch(mixture) or not ("(" in mixture or "+" in mixture):
        return parts_of(mixture)
    weights: dict[str, float] = {}
    for sign, name, weight in re.findall(r"([+-]?)([A-Za-z_][\w-]*)(?:\(([\d.]+)\))?", mixture):
        value = float(weight or 1) * (-1 if sign == "-" else 1)
        weights[name] = weights.get(name, 0.0) + value
    total = sum(weights.values())
    if abs(total) < 1e-6:
        raise UserError(f"the weights of {mixture!r} sum to zero")
    return {name: weight / total for name, weight in weights.items()}
