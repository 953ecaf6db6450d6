"""The options of ``nuanced-speech say`` that decide how a text sounds, and what speaks with them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nuanced_speech.cli.checks import find_kokoro, find_models
from nuanced_speech.convert.options import is_recording
from nuanced_speech.core.device import check_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import sha256
from nuanced_speech.core.jobs import ALONE, Spread
from nuanced_speech.models import bank
from nuanced_speech.models.decoder import KOKORO, Decoder, load_decoder
from nuanced_speech.synthesis.delivery import Delivery, DeliveryAnalyzer
from nuanced_speech.synthesis.speaking import LEVELLING, Position, SpokenSentence
from nuanced_speech.synthesis.text_to_speech import TextToSpeech, check_language, language_of
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.languages import UNSPACED_LANGUAGES
from nuanced_speech.voice.voice import Voice


@dataclass(frozen=True)
class SpeechOptions:
    """How texts are spoken, by any voice; ``TextToSpeech.stream`` explains the fields.

    All is checked when it is made, before a voice is found or cloned.

    Raises:
        UserError: an unknown device or language; a speed or pause that is not possible; no such recording; a file that
            is not a fast decoder's; no weights of Kokoro.
    """

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
        if self.language is not None:
            check_language(self.language)
        self.text_to_speech().check(self.speed, self.pause)
        find_kokoro()
        if self.like is not None:
            find_models()

    @cached_property
    def loaded_decoder(self) -> Decoder:
        """What makes the sound."""
        return load_decoder(self.decoder, bank.shared_bank(self.device))

    @cached_property
    def delivery(self) -> Delivery | None:
        """The delivery of the recording that the text takes on."""
        return None if self.like is None else DeliveryAnalyzer(bank.shared_bank(self.device))(self.like)

    def text_to_speech(self) -> TextToSpeech:
        """What speaks."""
        levelling = replace(LEVELLING, target_lufs=self.loudness)
        return TextToSpeech(bank.shared_bank(self.device), levelling, decoder=self.loaded_decoder, spread=self.spread)

    def settings(self) -> dict[str, Any]:
        """Everything that the sound depends on besides voice and text, as JSON takes it."""
        return {
            "language": self.language,
            "speed": self.speed,
            "pause": self.pause,
            "seed": self.seed,
            "fast": self.fast,
            "device": self.device,
            "loudness": self.loudness,
            "like": None if self.like is None else sha256([self.like]),
            "dictionary": None if self.dictionary is None else self.dictionary.entries,
            **({} if self.decoder == KOKORO else {"decoder": self.loaded_decoder.digest}),
        }


@dataclass(frozen=True)
class TextSpeaker:
    """Speaks texts with one voice and the same options. Models are loaded when they are needed."""

    voice: Voice
    options: SpeechOptions

    @property
    def spaces(self) -> bool:
        """Whether the language writes spaces between words."""
        return language_of(self.voice, self.options.language) not in UNSPACED_LANGUAGES

    def stream(self, text: str, start: Position | None = None, soon: bool = False) -> Iterator[SpokenSentence]:
        """The sentences of a text, from a position on; ``soon`` is as for ``TextToSpeech.stream``.

        Raises:
            UserError: as ``TextToSpeech.stream``.
        """
        options = self.options
        return options.text_to_speech().stream(
            text, self.voice, options.language, options.speed, options.pause, options.seed, options.fast,
            options.dictionary, options.delivery, start=start, soon=soon,
        )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Everything that the sound depends on besides the text, as JSON takes it."""
        return {"voice": self.voice.digest, **self.options.settings()}


def check_voice(name: str, consent: str | None) -> None:
    """Find a mistake in the name of a voice before all that takes longer.

    Args:
        name: a name, a mix, a file of a voice or a recording.
        consent: what the speaker of a recording agreed to, in words.

    Raises:
        UserError: as ``Voice.load``; a recording without a statement of consent, or that is not there.
    """
    if not is_recording(name):
        Voice.load(name)
    elif consent is None:
        raise UserError(
            f'{name} is a recording: say who agreed to its voice by --i-have-consent "…", or make a voice that stays: '
            f"nuanced-speech clone {name} --name me"
        )
    elif not Path(name).exists():
        raise UserError(f"{name} does not exist: check the name")


def voice_of(name: str, consent: str | None, device: str, models: "bank.ModelBank | None" = None) -> Voice:
    """The voice of a name that was checked; of a recording, one that is made of it for the moment.

    Args:
        name: a name, a mix, a file of a voice or a recording.
        consent: what the speaker of a recording agreed to, in words.
        device: where the models are loaded, if no ``models`` are given.
        models: bank of models.

    Raises:
        UserError: as ``Voice.load`` or ``clone``.
    """
    if not is_recording(name):
        return Voice.load(name)
    assert consent is not None
    find_models()
    from nuanced_speech.cli.progress import bar
    from nuanced_speech.voicemaking.cloning import clone

    with bar("making the voice") as advance:
        cloned = clone(
            [name], "recording", consent=consent, models=models or bank.shared_bank(device), progress=advance
        )
    return cloned.voice
