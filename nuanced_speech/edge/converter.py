"""The whole chain: a recording → segments → features → one of the exported voices → one output."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nuanced_speech.audio.level import active_level_db
from nuanced_speech.audio.limiter import limit
from nuanced_speech.audio.segmentation import Segment, crossfade_join, segment
from nuanced_speech.core.constants import ENVELOPE_BANDS, SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.pitch import median_log_f0, transpose
from nuanced_speech.edge import sound_files
from nuanced_speech.edge.analysis import EdgeFeatures, analyze, energy
from nuanced_speech.edge.frames import EdgeFrames, nearest, no_inputs
from nuanced_speech.edge.loudness import amplify, expander_gain, match_loudness
from nuanced_speech.edge.models import EdgeModels, EdgeVoice
from nuanced_speech.edge.pitch import SILENCE_DB
from nuanced_speech.edge.source import noise_spectra, pulse_spectra, synthesize

_SEMITONES, _MOST_SEMITONES = 12, 48


@dataclass(frozen=True, eq=False)
class EdgeConversion:
    """A converted recording.

    Attributes:
        audio: float32 ``[T]`` at 24 kHz, as long as the source.
        sample_rate: Hz.
        mark: comment that says that it is synthetic, and in whose voice.
    """

    audio: np.ndarray
    sample_rate: int
    mark: str

    def save(self, path: str | Path) -> None:
        """Write it as .wav, .flac or .ogg.

        Raises:
            UserError: the path cannot be written.
        """
        sound_files.write_sound(Path(path), self.audio, self.mark)


class EdgeConverter:
    """Speaks recordings again in another voice, with their melody, rhythm and loudness.

    Args:
        folder: what ``nuanced-speech export onnx`` wrote.
        threads: processor threads; all cores if omitted.

    Raises:
        UserError: as ``EdgeModels``.

    Example:
        ``EdgeConverter("models/").convert("in.wav", voice="af_heart").save("out.wav")``
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        self.models = EdgeModels(folder, threads)

    @property
    def voices(self) -> list[str]:
        """Names of all voices."""
        return self.models.voices

    def convert(
        self,
        source: str | Path | np.ndarray,
        voice: str,
        *,
        sample_rate: int = SAMPLE_RATE,
        pitch_shift: float = 0.0,
    ) -> EdgeConversion:
        """Speak a recording again.

        Args:
            source: a file, or samples ``[T]`` from -1 to 1.
            voice: one of ``voices``; ``own`` for the recording's own.
            sample_rate: of samples, Hz.
            pitch_shift: semitones, besides the move to the voice's own pitch.

        Raises:
            UserError: a recording that cannot be read; an unknown voice; a pitch shift that is not possible.
        """
        if not abs(pitch_shift) <= _MOST_SEMITONES:
            raise UserError(f"pitch_shift {pitch_shift}: give semitones between -48 and 48")
        target = self.models.voice(voice)
        if isinstance(source, (str, Path)):
            wave = sound_files.read_sound(Path(source))
        else:
            wave = sound_files.waveform(source, sample_rate)
        level_db = active_level_db(wave, SAMPLE_RATE)
        if level_db < SILENCE_DB:
            return EdgeConversion(np.zeros(len(wave), np.float32), SAMPLE_RATE, target.mark)
        gain = np.float32(10 ** ((self.models.settings.level_db - level_db) / 20))
        segments = segment(wave)
        followed = target.own or target.frames is not None
        features = [analyze(self.models, _cut(wave, part) * gain, followed) for part in segments]
        octaves = melody_move(features, target) + pitch_shift / _SEMITONES
        speech = self._spoken(features, target, octaves)
        joined = np.concatenate(list(crossfade_join(segments, speech)))[: len(wave)]
        return EdgeConversion(limit(joined / gain), SAMPLE_RATE, target.mark)

    def _spoken(self, features: Sequence[EdgeFeatures], voice: EdgeVoice, octaves: float) -> Iterator[np.ndarray]:
        frames = [item.frames for item in features if item.frames is not None]
        for k, item in enumerate(features):
            spoken = replace(voice, frames=nearest(frames, k)) if voice.own else voice
            wave = self.decode(item, spoken, octaves)
            wave = match_loudness(wave, item.energy, lambda sound: energy(self.models, sound))
            yield amplify(wave, expander_gain(item.energy))

    def decode(self, features: EdgeFeatures, voice: EdgeVoice, octaves: float = 0.0) -> np.ndarray:
        """Sound ``[600 * T]`` of a segment's features in a voice, the melody moved by so many octaves.

        Where the voice has frames and the segment has envelopes, the decoder follows them. The segment's own frames
        say what is usual in it; in the recording's own voice, those of the voice.
        """
        curve = transpose(features.f0, octaves)
        pulses, noise = pulse_spectra(curve), noise_spectra(self.models.noise, len(curve))
        parts = {"pulses": pulses, "noise": noise}
        real, imag = self.models.run(
            "decoder",
            content=features.content,
            f0=curve[None],
            energy=(features.energy + np.float32(self.models.settings.energy_offset))[None],
            timbre=voice.timbre,
            speaker=voice.speaker,
            **_followed(features, voice),
            **{f"{name}_real": np.ascontiguousarray(x.real, np.float32)[None] for name, x in parts.items()},
            **{f"{name}_imag": np.ascontiguousarray(x.imag, np.float32)[None] for name, x in parts.items()},
        )
        return synthesize(real[0] + 1j * imag[0])


def _followed(features: EdgeFeatures, voice: EdgeVoice) -> dict[str, np.ndarray]:
    """What the decoder is given of the voice's recordings and of the source."""
    known: EdgeFrames | None = voice.frames if voice.own else features.frames
    if voice.frames is None or known is None or features.envelope is None:
        source = np.zeros((1, len(features.f0), ENVELOPE_BANDS), np.float32)
        return no_inputs("voice") | {"source": source} | no_inputs("source")
    return voice.frames.inputs("voice") | {"source": features.envelope[None]} | known.inputs("source")


def melody_move(features: Sequence[EdgeFeatures], voice: EdgeVoice) -> float:
    """Octaves from the recording's median pitch to the voice's; 0 where nothing is voiced."""
    move = voice.log_f0 - median_log_f0(np.concatenate([item.f0 for item in features]))
    return 0.0 if np.isnan(move) else move


def _cut(wave: np.ndarray, part: Segment) -> np.ndarray:
    piece = wave[part.samples]
    return np.pad(piece, (0, part.units * SAMPLES_PER_UNIT - len(piece)))
