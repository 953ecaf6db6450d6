"""All models of a conversion, each loaded once, when it is first needed."""

import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from nuanced_speech.core.constants import FAST_DECODER
from nuanced_speech.models.attentive_style_encoder import AttentiveStyleEncoder
from nuanced_speech.models.content_adapter import ContentAdapter
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.phoneme_recognizer import PhonemeRecognizer
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.speaker_segmentation import SpeakerSegmentation
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.models.timbre_extension import TimbreExtension
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.models.whisper import WhisperModel

# Share of the timbre extension that is used: more is more like the speaker and noisier (docs/experiments.md).
EXTENT = 0.3

T = TypeVar("T")


class ModelBank:
    """The cache of models; docs/architecture.md names the few others.

    Threads may share it: each model is loaded by one of them, the others wait.

    Args:
        device: ``cpu``, ``cuda`` …
        whisper: size of the Whisper model that transcribes.
        adapter: weights of the content adapter in place of the packaged ones.
        encoder: style encoder of ``train_v2_multispeech.py``, which gives both halves of the style. Without it the
            packaged encoders give the prosody half, and the timbre half is searched by its likeness to the speaker.
        extent: share of the timbre extension that is used, 0 to 1.
        loaded: models by the names of the properties here, in place of those that would be loaded.
    """

    def __init__(
        self,
        device: str = "cpu",
        whisper: str = "base",
        adapter: Path | None = None,
        encoder: Path | None = None,
        extent: float = EXTENT,
        loaded: Mapping[str, object] | None = None,
    ) -> None:
        self.device, self.whisper, self.adapter, self.encoder, self.extent = device, whisper, adapter, encoder, extent
        self._models: dict[str, object] = dict(loaded or {})
        self._locks: dict[str, threading.RLock] = {}
        self._lock = threading.Lock()

    def _once(self, name: str, load: Callable[[], T]) -> T:
        if name not in self._models:
            with self._lock:
                lock = self._locks.setdefault(name, threading.RLock())
            # a lock for each model, so that different ones load at the same time
            with lock:
                if name not in self._models:
                    self._models[name] = load()
        return cast(T, self._models[name])

    @property
    def kokoro(self) -> Kokoro:
        """The synthesizer, its timbres extended unless a style encoder was given."""

        def load() -> Kokoro:
            kokoro, extension = Kokoro().to(self.device), self.timbre_extension
            return kokoro if extension is None else kokoro.extended(self.extent * extension.columns)

        return self._once("kokoro", load)

    @property
    def fast_decoder(self) -> FastDecoder:
        """The packaged decoder at 80 Hz."""
        return self._once("fast_decoder", lambda: FastDecoder.load(FAST_DECODER).to(self.device))

    @property
    def content_adapter(self) -> ContentAdapter:
        """Whisper features to text features and phoneme probabilities."""
        return self._once("content_adapter", lambda: ContentAdapter.load(*_given(self.adapter)).to(self.device))

    @property
    def phoneme_recognizer(self) -> PhonemeRecognizer:
        """Whisper features to English phonemes."""
        return self._once("phoneme_recognizer", lambda: PhonemeRecognizer.load(self.feature_extractor))

    @property
    def style_encoder(self) -> StyleEncoder:
        """Whisper features to a style."""
        return self._once("style_encoder", lambda: StyleEncoder.load(self.encoder).to(self.device))

    @property
    def attentive_style_encoder(self) -> AttentiveStyleEncoder | None:
        """A second estimate of the style, with other errors; None where an encoder was given."""
        if self.encoder:
            return None
        return self._once("attentive_style_encoder", lambda: AttentiveStyleEncoder.load().to(self.device))

    @property
    def speaker_encoder(self) -> SpeakerEncoder:
        """Audio to a speaker embedding."""
        return self._once("speaker_encoder", lambda: SpeakerEncoder().to(self.device))

    @property
    def speaker_segmentation(self) -> SpeakerSegmentation:
        """Audio to who speaks when, and whether two people do at once."""
        return self._once("speaker_segmentation", lambda: SpeakerSegmentation.load().to(self.device))

    @property
    def timbre_surrogate(self) -> TimbreSurrogate:
        """Timbre to the speaker embedding of its speech, and back by search."""
        return self._once("timbre_surrogate", lambda: TimbreSurrogate.load().to(self.device))

    @property
    def timbre_extension(self) -> TimbreExtension | None:
        """Speaker embedding to what 128 numbers of timbre cannot express; None where an encoder was given."""
        if self.encoder:
            return None
        return self._once("timbre_extension", lambda: TimbreExtension.load().to(self.device))

    @property
    def feature_extractor(self) -> WhisperModel:
        """The Whisper model whose features the adapter and the encoders were trained on."""
        return self._once("feature_extractor", lambda: WhisperModel(self.content_adapter.config.whisper, self.device))

    @property
    def transcriber(self) -> WhisperModel:
        """The Whisper model that transcribes."""
        if self.whisper == self.feature_extractor.name:
            return self.feature_extractor
        return self._once("transcriber", lambda: WhisperModel(self.whisper, self.device))


@cache
def shared_bank(device: str) -> ModelBank:
    """The one bank of a device that functions take which are given none, so that each call finds models loaded."""
    return ModelBank(device)


def _given(path: Path | None) -> tuple[Path, ...]:
    return () if path is None else (path,)
