"""A segment of a recording to what the decoder is given."""

from dataclasses import dataclass, replace

import numpy as np

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE, SAMPLES_PER_UNIT, WHISPER_SAMPLE_RATE
from nuanced_speech.dsp.alignment import decode_phonemes
from nuanced_speech.dsp.frames import frame_count
from nuanced_speech.edge import pitch
from nuanced_speech.edge.frames import EdgeFrames
from nuanced_speech.edge.models import EdgeModels
from nuanced_speech.edge.resampling import resample
from nuanced_speech.edge.spectra import encoder_power, energy_power, envelope_power


@dataclass(frozen=True, eq=False)
class EdgeFeatures:
    """Features of a segment of ``T`` units of 25 ms.

    Attributes:
        content: text features ``[1, 512, T]``.
        f0: Hz ``[2T]``, 0 where unvoiced.
        energy: N as it is measured ``[2T]``.
        envelope: spectral envelopes ``[2T, 64]`` where the decoder follows the recording; else None.
        frames: the units as frames of the speaker there; else None.
    """

    content: np.ndarray
    f0: np.ndarray
    energy: np.ndarray
    envelope: np.ndarray | None = None
    frames: EdgeFrames | None = None


def analyze(models: EdgeModels, wave: np.ndarray, followed: bool = False) -> EdgeFeatures:
    """Features of ``wave [600 * T]`` at 24 kHz, at the level of Kokoro's speech; with envelopes where the decoder has
    ``followed`` the recording."""
    units, wave_16k = len(wave) // SAMPLES_PER_UNIT, resample(wave, SAMPLE_RATE, WHISPER_SAMPLE_RATE)
    curve = pitch.f0(wave_16k, frame_count(len(wave)), lambda spectra: _scores(models, spectra))
    mixed, regressed = content(models, wave_16k, units)
    features = EdgeFeatures(mixed, curve, energy(models, wave))
    if not followed:
        return features
    frames = EdgeFrames(regressed[0].T, envelope(models, wave, SAMPLES_PER_UNIT))
    return replace(features, envelope=envelope(models, wave, HOP_LENGTH), frames=frames)


def content(models: EdgeModels, wave: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Text features ``[1, 512, units]`` of ``wave [400 * units]`` at 16 kHz: regressed ones, mixed with those of the
    most probable phonemes; and the regressed ones alone."""
    power, frames = encoder_power(wave, models.settings.margin_seconds)
    (features,) = models.run("encoder", power=power)
    regressed, likely = models.run("content", features=features[:, frames], units=np.array([units], np.int64))
    if not models.settings.sharpness:
        return regressed, regressed
    ids, durations = decode_phonemes(likely[0])
    (text,) = models.run("phonemes", ids=ids[None].astype(np.int64))
    recognised = np.repeat(text, durations, axis=2)
    return regressed + np.float32(models.settings.sharpness) * (recognised - regressed), regressed


def energy(models: EdgeModels, wave: np.ndarray) -> np.ndarray:
    """N ``[2 * ceil(T / 600)]`` of ``wave [T]`` at 24 kHz."""
    return models.run("energy", power=energy_power(wave))[0][0]


def envelope(models: EdgeModels, wave: np.ndarray, hop: int) -> np.ndarray:
    """Spectral envelopes ``[F, 64]`` of ``wave [hop * F]`` at 24 kHz."""
    return models.run("envelope", power=envelope_power(wave, hop))[0][0]


def _scores(models: EdgeModels, spectra: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    middle, long, short = spectra
    scores, voicing = models.run("pitch", middle=middle, long=long, short=short)
    return scores, voicing
