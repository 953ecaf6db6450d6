"""The options of ``nuanced-speech say`` that decide how a text sounds, and what speaks with them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nuanced_speech.convert.options import is_recording
from nuanced_speech.core.device import check_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import sha256
from nuanced_speech.core.jobs import ALONE, Spread
from nuanced_speech.models import bank
from nuanced_speech.models.decoder import KOKORO, Decoder, load_decoder
from nuanced_speech.synthesis.delivery import Delivery, DeliveryAnalyzer
from nuanced_speech.synthesis.speaking import LEVELLING, Position, SpokenSentence
from nuanced_speech.synthesis.text_to_speech import TextToSpeech, language_of
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.languages import UNSPACED_LANGUAGES
from nuanced_speech.voice.voice import Voice
from nuanced_speech.weights.catalog import find


@dataclass(frozen=True)
class Speech:
    """Speaks texts in one manner; ``TextToSpeech.stream`` explains the fields. Models are loaded when they are needed.

    Raises:
        UserError: an unknown device or language; a file that is not a fast decoder's.
    """

    voice: Voice
    language: str | None
    speed: float
    pause: float
    seed: int
    fast: bool
    like: Path | None
    dictionary: Dictionary | None
    device: str
    loudness: float | None = None
    decoder: str = KOKORO
    spread: Spread = ALONE

    def __post_init__(self) -> None:
        check_device(self.device)
        if self.like is not None and not self.like.exists():
            raise UserError(f"{self.like} does not exist: check the name")
        language_of(self.voice, self.language)
        self._speaker().check(self.speed, self.pause)
        find("kokoro")

    @cached_property
    def _decoder(self) -> Decoder:
        return load_decoder(self.decoder, bank.shared_bank(self.device))

    @property
    def spaces(self) -> bool:
        """Whether the language writes spaces between words."""
        return language_of(self.voice, self.language) not in UNSPACED_LANGUAGES

    @cached_property
    def _delivery(self) -> Delivery | None:
        return None if self.like is None else DeliveryAnalyzer(bank.shared_bank(self.device))(self.like)

    def stream(self, text: str, start: Position | None = None, soon: bool = False) -> Iterator[SpokenSentence]:
        """The sentences of a text, from a position on; ``soon`` is as for ``TextToSpeech.stream``.

        Raises:
            UserError: as ``TextToSpeech.stream``.
        """
        return self._speaker().stream(
            text, self.voice, self.language, self.speed, self.pause, self.seed, self.fast, self.dictionary,
            self._delivery, start=start, soon=soon,
        )  # fmt: skip

    def _speaker(self) -> TextToSpeech:
        levelling = replace(LEVELLING, target_lufs=self.loudness)
        return TextToSpeech(bank.shared_bank(self.device), levelling, decoder=self._decoder, spread=self.spread)

    def settings(self) -> dict[str, Any]:
        """Everything that the sound depends on besides the text, as JSON takes it."""
        return {
            "voice": self.voice.digest,
            "language": self.language,
            "speed": self.speed,
            "pause": self.pause,
            "seed": self.seed,
            "fast": self.fast,
            "device": self.device,
            "loudness": self.loudness,
            "like": None if self.like is None else sha256([self.like]),
            "dictionary": None if self.dictionary is None else self.dictionary.entries,
            **({} if self.decoder == KOKORO else {"decoder": self._decoder.digest}),
        }


def voice_of(name: str, consent: str | None, device: str, models: "bank.ModelBank | None" = None) -> Voice:
    """The voice of a name; of a recording, one that is made of it for the moment.

    Args:
        name: a name, a mix, a file of a voice or a recording.
        consent: what the speaker of a recording agreed to, in words.
        device: where the models are loaded, if no ``models`` are given.
        models: bank of models.

    Raises:
        UserError: as ``Voice.load`` or ``clone``; a recording without a statement of consent.
    """
    if not is_recording(name):
        return Voice.load(name)
    if consent is None:
        raise UserError(
            f'{name} is a recording: say who agreed to its voice by --i-have-consent "…", or make a voice that stays: '
            f"nuanced-speech clone {name} --name me"
        )
    check_device(device)
    from nuanced_speech.cli.progress import bar
    from nuanced_speech.voicemaking.cloning import clone

    with bar("making the voice") as advance:
        cloned = clone(
            [name], "recording", consent=consent, models=models or bank.shared_bank(device), progress=advance
        )
    return cloned.voice
