"""Text to speech of any length with any voice, with the times of all words.

text → sentences → words with phonemes → utterances that Kokoro speaks at once → sentences again, with pauses between

Kokoro adds silence before and after an utterance, and between its sentences. All of this silence is replaced by pauses
that depend on the text, so that joins inside and between utterances sound alike. Times are counted in Kokoro's units of
25 ms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.jobs import ALONE, Spread, in_order
from nuanced_speech.models.bank import ModelBank, shared_bank
from nuanced_speech.models.batched_decoder import batched
from nuanced_speech.models.decoder import Decoder, KokoroDecoder
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.synthesis.delivery import Delivery, FittedDelivery, fit_delivery
from nuanced_speech.synthesis.speaking import (
    LEVELLING,
    Levelling,
    Position,
    SpeakingSettings,
    SpokenSentence,
    speak_parts,
)
from nuanced_speech.synthesis.speaking_config import SPEAKING, SpeakingConfig
from nuanced_speech.synthesis.speeds import SpeedRange, speed_range
from nuanced_speech.synthesis.utterances import opening, segment_parts
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.frontend import written_segments
from nuanced_speech.text.languages import MAPPED_LANGUAGES
from nuanced_speech.text.notation import voices_named
from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice

SHORT_NAMES = {"en": "en-us", "pt": "pt-br"}
SPEED_LIMITS = (0.5, 3.0)
PAUSE_LIMIT = 10.0
DEFAULT_PAUSE = 0.4


class TextToSpeech:
    """Speaks texts. Threads may share it.

    Args:
        models: bank with the synthesizer; a new one if omitted.
        levelling: limits of the gain between utterances.
        kokoro_speeds: gives the speeds that Kokoro speaks itself in a voice.
        speed_limits: slowest and fastest speed.
        decoder: makes the sound; Kokoro's own if omitted.
        spread: how many utterances of a text, and texts of ``speak_many``, are made at the same time; one by default.
        config: how the parts of a text are put together and cut apart.

    Example:
        ``TextToSpeech().speak("Good morning.", "bf_emma")``
    """

    def __init__(
        self,
        models: ModelBank | None = None,
        levelling: Levelling = LEVELLING,
        kokoro_speeds: Callable[[Voice], SpeedRange] = speed_range,
        speed_limits: tuple[float, float] = SPEED_LIMITS,
        decoder: Decoder | None = None,
        spread: Spread = ALONE,
        config: SpeakingConfig = SPEAKING,
    ) -> None:
        self.models, self.spread, self.config = models or ModelBank(), spread, config
        self.decoder = batched(decoder or KokoroDecoder(self.models), spread.batch_seconds)
        self.levelling, self.kokoro_speeds, self.speed_limits = levelling, kokoro_speeds, speed_limits

    def speak(
        self,
        text: str,
        voice: str | Path | Voice = "af_heart",
        language: str | None = None,
        speed: float = 1.0,
        pause: float = DEFAULT_PAUSE,
        seed: int = 0,
        fast: bool = False,
        dictionary: Dictionary | None = None,
        delivery: Delivery | None = None,
    ) -> np.ndarray:
        """Text to speech ``[T]`` at 24 kHz; ``stream`` explains the arguments and errors."""
        sentences = self.stream(text, voice, language, speed, pause, seed, fast, dictionary, delivery)
        return np.concatenate([sentence.audio for sentence in sentences])

    def stream(
        self,
        text: str,
        voice: str | Path | Voice = "af_heart",
        language: str | None = None,
        speed: float = 1.0,
        pause: float = DEFAULT_PAUSE,
        seed: int = 0,
        fast: bool = False,
        dictionary: Dictionary | None = None,
        delivery: Delivery | FittedDelivery | None = None,
        find_voice: Callable[[str], Voice] = Voice.load,
        start: Position | None = None,
        soon: bool = False,
    ) -> Iterator[SpokenSentence]:
        """Text to speech, sentence by sentence, each as soon as it is made. Memory does not grow with the text.

        Args:
            text: text of any length, as people write it: numbers, Markdown, HTML. ``[word](/ipa/)`` gives a
                pronunciation, ``[pause:1.5s]`` a pause and ``[voice:am_michael]`` a voice; emoji are not spoken.
            voice: a voice, or a text or path for ``Voice.load``.
            language: of ``voice.stock.VOICE_LANGUAGES`` or ``text.languages.MAPPED_LANGUAGES``; the voice's when None.
            speed: 0.5 to 3; beyond what Kokoro speaks itself, speech is stretched or shortened and keeps its pitch.
            pause: seconds between sentences; other pauses are relative to this one.
            seed: random seed of the synthesizer's noise.
            fast: decode in bfloat16 where the processor computes that faster (about 1.5 times).
            dictionary: pronunciations of one's own.
            delivery: melody, pace, loudness and tone to take on; ``speed`` comes on top of its pace. One that is fitted
                already is for ``voice``, and for a text that names no other.
            find_voice: finds the voices that the text names; ``Voice.load`` reads files too.
            start: where an earlier call with the same arguments was broken off, as ``SpokenSentence.after`` says.
            soon: somebody waits for the first sound: a long first sentence is spoken in two parts, cut after a clause.

        Raises:
            UserError: before anything is spoken: an unknown voice or language, a speed or pause out of range, a text
                without anything to speak.
        """
        self.check(speed, pause)
        pieces = written_segments(text)
        voices: dict[str | None, Voice] = {None: Voice.load(voice)}
        voices |= {name: find_voice(name) for name in voices_named(pieces)}
        language_of(voices[None], language)
        parts = segment_parts(pieces, lambda name: _dialect(voices[name], language), dictionary, self.config.utterances)
        if (first := next(parts, None)) is None:
            raise UserError(f"nothing speakable in the text {text.strip()[:60]!r}: give at least one word")
        if soon:
            first, *rest = opening(first, self.config.utterances)
            parts = chain(rest, parts)
        kokoro = self.models.kokoro
        _check_fast(fast, kokoro)
        loaded = {name: chosen.pack.to(kokoro.device) for name, chosen in voices.items()}
        fitted = _fitted(delivery, kokoro, loaded)
        packs = {name: Style.from_vector(fitted[name].pack if fitted else pack) for name, pack in loaded.items()}
        lead = 0.0 if pieces[0].text else pieces[0].pause or 0.0
        speeds = {name: self.kokoro_speeds(chosen) for name, chosen in voices.items()}
        settings = SpeakingSettings(
            packs, speed, pause, lead, seed, fast, self.levelling, speeds, self.speed_limits, fitted, voices,
            self.spread, self.config,
        )  # fmt: skip
        return speak_parts(first, parts, kokoro, self.decoder, settings, start)

    def speak_many(
        self, texts: Iterable[str], voice: str | Path | Voice = "af_heart", language: str | None = None, **manner: Any
    ) -> Iterator[np.ndarray]:
        """Speech ``[T]`` at 24 kHz of several texts, in their order, each as ``speak`` gives it.

        Several are made at the same time, as the constructor's ``spread`` says; ``core.jobs.spread_of`` gives one that
        suits a device. What batches change is said in ``models.batched_decoder``.

        Args:
            texts: texts of any length; they are taken when their turn comes.
            voice, language, manner: as in ``speak``, for all of them.

        Raises:
            UserError: as ``speak``, at the text that it is about.
        """
        # where several texts are under way, the utterances of each come one after the other
        alone = copy(self)
        alone.spread = ALONE
        voice = Voice.load(voice)
        left = iter(texts)
        first = [*islice(left, self.spread.jobs)]
        speech = self if len(first) == 1 else alone
        yield from in_order(
            lambda text: speech.speak(text, voice, language, **manner),
            chain(first, left),
            self.spread.fitted(len(first)),
        )

    def check(self, speed: float, pause: float) -> None:
        """Check numbers before anything is loaded.

        Raises:
            UserError: a speed or pause out of range.
        """
        slowest, fastest = self.speed_limits
        if not slowest <= speed <= fastest:
            raise UserError(f"speed: a speed of {speed:g} is not possible: give {slowest:g} to {fastest:g}")
        if not 0 <= pause <= PAUSE_LIMIT:
            raise UserError(f"pause: a pause of {pause:g} is not possible: give 0 to {PAUSE_LIMIT:g} seconds")


def speak(
    text: str,
    voice: str | Path | Voice = "af_heart",
    language: str | None = None,
    speed: float = 1.0,
    pause: float = DEFAULT_PAUSE,
    seed: int = 0,
    device: str = "cpu",
    fast: bool = False,
    models: ModelBank | None = None,
    decoder: Decoder | None = None,
) -> np.ndarray:
    """Text to speech ``[T]`` at 24 kHz, in one call; ``TextToSpeech.stream`` explains the arguments and errors.

    Args:
        device: where the models are loaded, if no ``models`` are given.
        models: bank with the synthesizer; by default the one that all calls on a device share.
        decoder: makes the sound; Kokoro's own if omitted. ``models.fast_decoder.FastDecoder.load`` reads another.
    """
    speech = TextToSpeech(models or shared_bank(device), decoder=decoder)
    return speech.speak(text, voice, language, speed, pause, seed, fast)


def language_of(voice: Voice, language: str | None = None) -> str:
    """The language to speak: the one given, else the voice's, else American English.

    A stock voice in the name or the recipe of a voice tells whether its English is British.

    Raises:
        UserError: an unknown language.
    """
    if language is None and voice.provenance.language in ("", "en"):
        stock = re.search(r"\b([abefhijpz])[fm]_[a-z]", f"{voice.name} {voice.provenance.recipe}")
        if stock and (stock[1] in "ab" or not voice.provenance.language):
            return VOICE_LANGUAGES[stock[1]]
    if language is not None:
        return check_language(language)
    return _known(voice.provenance.language) or "en-us"


def check_language(language: str) -> str:
    """The code of a language that can be spoken.

    Raises:
        UserError: an unknown language.
    """
    code = _known(language)
    if code is None:
        languages = ", ".join([*VOICE_LANGUAGES.values(), *MAPPED_LANGUAGES])
        raise UserError(f"language: unknown language {language!r}: choose from {languages}")
    return code


def _known(language: str) -> str | None:
    code = language.lower().replace("_", "-")
    code = SHORT_NAMES.get(code, code)
    return code if code in VOICE_LANGUAGES.values() or code in MAPPED_LANGUAGES else None


def _dialect(voice: Voice, language: str | None) -> tuple[str, bool]:
    """The language that a voice speaks (ISO 639-1), and whether it is British."""
    code = language_of(voice, language)
    return iso_639(code), code == "en-gb"


def _check_fast(fast: bool, kokoro: Kokoro) -> None:
    """Say so if a faster number format is asked for where there is none."""
    if fast and precision.fast_dtype(kokoro.device) == torch.float32:
        precision.say_no_faster()


def _fitted(
    delivery: Delivery | FittedDelivery | None, kokoro: Kokoro, packs: dict[str | None, Tensor]
) -> dict[str | None, FittedDelivery]:
    """A delivery for each of several voices; none without one."""
    if delivery is None:
        return {}
    if isinstance(delivery, FittedDelivery):
        return {name: delivery for name in packs}
    return {name: fit_delivery(delivery, kokoro, pack) for name, pack in packs.items()}
