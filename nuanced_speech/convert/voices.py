"""Target voices: packs by name or file, and the voices of recordings."""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.adapt.voice_adaptation import VoiceAdapter
from nuanced_speech.analysis.analyzer import RecordingAnalyzer
from nuanced_speech.analysis.features import SegmentFeatures, mean_speaker, mean_style
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.analysis.speaker_clustering import SpeakerClustering
from nuanced_speech.convert.options import ConversionOptions, is_recording
from nuanced_speech.core.progress import Progress
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.dsp.spectral_balance import long_term_spectrum
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.voice_pitch import pitch_of
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice

T = TypeVar("T")
Recordings = Mapping[str, np.ndarray]
"""Recordings ``[T]`` at 24 kHz by name."""

log = logging.getLogger(__name__)

# Cosine of two recordings' speaker embeddings below which the user must have mistaken one for the other. It leaves room
# below the 0.70 that nearly all pieces of one recording exceed, since rooms and days differ. What is in doubt counts
# for less where styles are shared.
ANOTHER_SPEAKER = 0.55


class TargetVoices:
    """Finds what to speak with. Threads may share it.

    The last recordings that served as voices stay analysed, since many sources are often converted to one voice.

    Args:
        models: synthesizer, for the pitch of voice packs.
        analyzer: measures recordings.
        speakers: assigns styles.
        adapter: refines them.
        kept: number of recordings that stay analysed.
    """

    def __init__(
        self,
        models: ModelBank,
        analyzer: RecordingAnalyzer,
        speakers: SpeakerClustering,
        adapter: VoiceAdapter,
        kept: int = 4,
    ) -> None:
        self.models, self.analyzer, self.speakers, self.adapter = models, analyzer, speakers, adapter
        self._voices: _Recent[TargetVoice] = _Recent(kept)
        self._features: _Recent[list[SegmentFeatures]] = _Recent(kept)

    @torch.no_grad()
    def target(
        self, options: ConversionOptions, more: Recordings | None = None, progress: Progress | None = None
    ) -> TargetVoice:
        """The voice that the options name.

        Args:
            options: with a voice.
            more: its further recordings.
            progress: of refinement.

        Raises:
            UserError: an unknown voice, or a recording that cannot be read.
        """
        voice, more = options.voice, more or {}
        assert voice is not None
        if not is_recording(voice):
            loaded = Voice.load(voice)
            pack = Style.from_vector(loaded.pack.to(self.models.device))
            log_f0 = pitch_of(self.models.kokoro, pack)
            return TargetVoice(pack, log_f0, loaded.mark, frames=loaded.frames, adaptation=loaded.adaptation)
        wave = audio.read(Path(str(voice)))
        key = (*map(_digest, (wave, *more.values())), options.refine, options.seed)
        return self._voices.get(key, lambda: self._of_recording(wave, more, options, progress))

    def further(self, features: Sequence[SegmentFeatures], more: Recordings, phonemes: bool) -> list[SegmentFeatures]:
        """Features of further recordings, those left out that sound like another speaker than ``features``."""
        speaker, kept = mean_speaker(features), []
        for name, wave in more.items():
            key = _digest(wave), phonemes
            segments = self._features.get(key, lambda wave=wave: self.analyzer(wave, phonemes=phonemes))  # type: ignore[misc]
            other = mean_speaker(segments)
            if speaker is not None and other is not None:
                cosine = float(speaker @ other)
                if cosine < ANOTHER_SPEAKER:
                    log.warning("%s is left out: it sounds like another speaker than the voice that is wanted", name)
                    continue
            kept += segments
        return kept

    def _of_recording(
        self, wave: np.ndarray, more: Recordings, options: ConversionOptions, progress: Progress | None
    ) -> TargetVoice:
        features = self.analyzer(wave, phonemes=options.refine > 0)
        further = self.further(features, more, options.refine > 0)
        every = self.speakers.assign([*features, *further], foreign=True)
        style, speaker = mean_style(every), mean_speaker(every)
        adaptation = None
        if options.refine:
            assigned, others = every[: len(features)], every[len(features) :]
            adapted = self.adapter(assigned, options.refine, options.seed, progress, others)
            style, adaptation = adapted.style, adapted.decoder
            speaker = next((f.reference for f in adapted.features if f.reference is not None), None)
        return TargetVoice(
            style[None],
            median_log_f0(np.concatenate([f.f0 for f in every])),
            f"{audio.SYNTHETIC}; voice: of a recording (clone)",
            long_term_spectrum([f.balance for f in every]),
            speaker,
            recorded=RecordedVoice(every),
            adaptation=adaptation,
        )


class _Recent(Generic[T]):
    """The last values that were made, by key; safe for several threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of a key, made if it is not there."""
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
                while len(self._values) > self.size:
                    self._values.popitem(last=False)
            self._values.move_to_end(key)
            return self._values[key]


def _digest(wave: np.ndarray) -> bytes:
    return hashlib.sha256(wave.tobytes()).digest()
