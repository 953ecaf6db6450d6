"""The origin of a voice: kind, language, recordings, recipe, consent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from nuanced_speech.core.constants import DATA
from nuanced_speech.core.files import sha256
from nuanced_speech.core.version import __version__

TIMBRE_WEIGHTS = DATA / "timbre.safetensors"


@dataclass(frozen=True)
class Source:
    """A recording that a voice was made from: the name of its file and the sha256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """The origin of a voice.

    Attributes:
        kind: ``stock``, ``clone``, ``mix``, ``described``, or ``file`` where nothing is known.
        language: ISO 639-1 code, empty where the language is not known.
        sources: the recordings of a clone.
        recipe: the expression of a mix; of a described voice, the stock voice that it started from and the description.
        date: when the voice was made, ISO 8601.
        encoder: the version of this package that made the voice, and the sha256 of its timbre weights.
        consent: the speaker's agreement, in the words given when the voice was cloned; a mix keeps that of its parts.
        attributes: attributes that were measured when the voice was made, by name (``voicemaking.attributes``).
    """

    kind: str = "file"
    language: str = ""
    sources: tuple[Source, ...] = ()
    recipe: str = ""
    date: str = ""
    encoder: str = ""
    consent: str = ""
    attributes: dict[str, float] = field(default_factory=dict, hash=False)

    @property
    def cloned(self) -> bool:
        """Whether the voice was made, in part or as a whole, from recordings of a real person."""
        return self.kind == "clone" or bool(self.consent)


def new_provenance(kind: str, **fields: Any) -> Provenance:
    """Provenance of a voice that is made now, by this version; ``fields`` are others of ``Provenance``."""
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    encoder = f"nuanced-speech {__version__}, timbre {_timbre_sha256()}"
    return Provenance(kind=kind, date=date, encoder=encoder, **fields)


def mixture_provenance(recipe: str, parts: Sequence[Provenance]) -> Provenance:
    """Provenance of a voice that is mixed now; it keeps the recordings and the consent of its parts.

    Args:
        recipe: the expression of the mix.
        parts: provenances of the voices in it, the heaviest voice first: its language becomes that of the mix.
    """
    sources = dict.fromkeys(source for part in parts for source in part.sources)
    consent = dict.fromkeys(part.consent for part in parts if part.consent)
    language = next((part.language for part in parts if part.language), "")
    return new_provenance("mix", language=language, sources=tuple(sources), recipe=recipe, consent="; ".join(consent))


@lru_cache
def _timbre_sha256() -> str:
    return sha256([TIMBRE_WEIGHTS])
