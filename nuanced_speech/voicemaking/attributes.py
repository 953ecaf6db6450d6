"""Attributes of a voice that words can name (pitch, pace, breathiness …), measured on its speech.

The measurements are of the kind that eGeMAPS (Eyben et al. 2016) uses, and cepstral peak prominence (Hillenbrand et al.
1994). Sex is a logistic direction of the speaker embedding. The ages of Kokoro's voices are not known, so ``age`` is an
impression that is computed from the other attributes.
"""

import json
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from safetensors import safe_open

from nuanced_speech.audio.gate import active_frames
from nuanced_speech.core.constants import DATA, HOP_LENGTH, SAMPLE_RATE, SEMITONES, VOICED_HZ
from nuanced_speech.core.precision import fast_dtype, name_of
from nuanced_speech.dsp.energy import DECIBELS, energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.pitch import median_log_f0

WEIGHTS = DATA / "attributes.safetensors"


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Attributes:
        name: its name.
        unit: unit of its values.
        low, high: words for a voice with a low and with a high value.
        prosodic: whether it depends on F0, durations and N alone, and so on the prosody half of a style.
    """

    name: str
    unit: str
    low: str
    high: str
    prosodic: bool = False

    def show(self, value: float) -> str:
        """A value with its unit; Hz and phonemes per second are shown as such, not in log2."""
        if not np.isfinite(value):
            return "unknown"
        if self.unit.startswith("log2 "):
            return f"{2**value:.3g} {self.unit[5:]}"
        return f"{value:.1f} {self.unit}"


ATTRIBUTES = (
    Attribute("sex", "log odds", "male", "female"),
    Attribute("age", "SD", "young", "old"),
    Attribute("pitch", "log2 Hz", "low", "high", prosodic=True),
    Attribute("movement", "st", "monotone", "lively", prosodic=True),
    Attribute("pace", "log2 /s", "slow", "fast", prosodic=True),
    Attribute("energy", "dB", "even", "energetic", prosodic=True),
    Attribute("brightness", "dB", "dark", "bright"),
    Attribute("warmth", "dB", "thin", "warm"),
    Attribute("breathiness", "dB", "clear", "breathy"),
)
NAMES = tuple(attribute.name for attribute in ATTRIBUTES)
SEX, AGE, PITCH = NAMES.index("sex"), NAMES.index("age"), NAMES.index("pitch")
# Attributes that ``measure`` gives; sex needs the speaker embedding, and age the other attributes.
MEASURED = NAMES[2:]

N_FFT = 1024
# Range of N below its loud frames that counts, and the range that is speech.
RANGE_DB, SPEECH_DB = 40.0, 30.0
# Largest ratio of F0 to its median in voiced frames: Kokoro's F0 glides through zero at the edges of voicing.
FARTHEST = 1.8
# Range of periods, in seconds, for the line under the cepstral peak, and largest relative distance of the peak from
# 1 / F0.
QUEFRENCIES, NEAR = (0.001, 0.021), 0.15
# Signs of age: an older voice is slower, lower for its sex, breathier and darker, in equal parts.
AGE_SIGNS = {"pitch": -1.0, "pace": -1.0, "brightness": -1.0, "breathiness": 1.0}


@dataclass(frozen=True)
class SpeechSample:
    """Speech to measure.

    Attributes:
        audio: ``[T]`` at 24 kHz.
        f0: Hz, ``[frames]`` at 80 Hz.
        energy: N, ``[frames]`` at 80 Hz.
        pace: sounds per second without pauses, NaN where it is not known.
    """

    audio: np.ndarray
    f0: np.ndarray
    energy: np.ndarray
    pace: float

    @classmethod
    def recording(cls, wave: np.ndarray) -> "SpeechSample":
        """A recording ``[T]`` at 24 kHz, with measured contours."""
        return cls(wave, track_f0(wave), energy(wave), float("nan"))


def measure(sample: SpeechSample) -> np.ndarray:
    """The attributes ``MEASURED`` of speech, float64 ``[7]``, NaN where nothing is voiced.

    pitch: median F0, log2 Hz. movement: from the 10th to the 90th percentile of F0, semitones. pace: log2 of sounds per
    second. energy: standard deviation of N from the first sound to the last, dB. brightness: level of 2 to 8 kHz above
    that of 50 Hz to 2 kHz in speech, dB. warmth: level of 150 to 500 Hz above that of 500 Hz to 2 kHz in voiced speech,
    dB. breathiness: minus the cepstral peak prominence of voiced speech, dB. None of them depends on the level.
    """
    n = sample.energy * DECIBELS
    n = n - np.quantile(n, 0.95)
    loud = active_frames(n, SPEECH_DB, 0.0)
    middle = 2 ** median_log_f0(sample.f0 * (sample.f0 > VOICED_HZ))
    voiced = loud & (sample.f0 > middle / FARTHEST) & (sample.f0 < middle * FARTHEST)
    if not voiced.any():
        return np.full(len(MEASURED), np.nan)
    f0 = sample.f0[voiced]
    first, last = np.flatnonzero(loud)[[0, -1]]
    spectra = _spectra(sample.audio, len(n))
    return np.array(
        [
            median_log_f0(f0),
            np.diff(np.quantile(np.log2(f0) * SEMITONES, [0.1, 0.9]))[0],
            np.log2(sample.pace),
            n[first : last + 1].clip(-RANGE_DB).std(),
            _level(spectra[loud], 2000, 8000) - _level(spectra[loud], 50, 2000),
            _level(spectra[voiced], 150, 500) - _level(spectra[voiced], 500, 2000),
            -_peak_prominence(spectra[voiced], f0),
        ]
    )


@dataclass(frozen=True)
class StockAttributes:
    """Attributes and speaker embeddings of the stock voices, and the classifier of sex.

    Attributes:
        names: names of the voices.
        values: attributes ``[54, 9]``, columns as ``ATTRIBUTES``.
        embeddings: speaker embeddings of their speech, of length 1, ``[54, 256]``.
        sex: logistic weights ``[257]`` on an embedding; the last is the offset.
    """

    names: list[str]
    values: np.ndarray
    embeddings: np.ndarray
    sex: np.ndarray

    @property
    def female(self) -> np.ndarray:
        """Whether the name of each voice is that of a female voice, ``[54]``."""
        return np.array([name[1] == "f" for name in self.names])

    @property
    def spread(self) -> np.ndarray:
        """Standard deviations of the attributes ``[9]``."""
        return self.values.std(0)

    def complete(self, measured: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        """All attributes ``[N, 9]`` from the results of ``measure`` ``[N, 7]`` and speaker embeddings ``[N, 256]``."""
        log_odds = embeddings @ self.sex[:-1] + self.sex[-1]
        values = np.concatenate([log_odds[:, None], np.zeros_like(log_odds)[:, None], measured], 1)
        values[:, AGE] = self._age(values)
        return values

    def measured_as(self, measured: np.ndarray, embeddings: np.ndarray) -> "StockAttributes":
        """The same voices with other measurements ``[54, 7]`` and embeddings ``[54, 256]``, which ages refer to."""
        values = np.concatenate([np.zeros((len(measured), 2)), measured], 1)
        values[:, SEX] = embeddings @ self.sex[:-1] + self.sex[-1]
        again = replace(self, values=values, embeddings=embeddings)
        return replace(again, values=again.complete(measured, embeddings))

    def typical(self, sex: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation ``[9]`` of the voices of a sex (``f``, ``m``), or of all."""
        chosen = self.values if sex is None else self.values[self.female == (sex == "f")]
        return chosen.mean(0), chosen.std(0)

    def describe(self, values: np.ndarray) -> str:
        """Words for the attributes ``[9]`` that are unusual for the sex: ``female, very breathy, slow``."""
        sex = "f" if values[SEX] > 0 else "m"
        mean, spread = self.typical(sex)
        scores = (values - mean) / spread
        words = ["female" if sex == "f" else "male"]
        for k in np.argsort(-np.abs(scores)):
            if k != SEX and abs(scores[k]) >= 1:
                word = ATTRIBUTES[k].high if scores[k] > 0 else ATTRIBUTES[k].low
                words.append(f"very {word}" if abs(scores[k]) >= 2 else word)
        return ", ".join(words[:5])

    def nearest(self, embedding: np.ndarray, but: str = "") -> list[tuple[str, float]]:
        """The voices except ``but`` and their cosines with a speaker embedding ``[256]``, the nearest first."""
        cosines = self.embeddings @ embedding
        return [(self.names[k], float(cosines[k])) for k in np.argsort(-cosines) if self.names[k] != but]

    def _age(self, values: np.ndarray) -> np.ndarray:
        """Age impression ``[N]`` in standard deviations of the stock voices."""

        def raw(values: np.ndarray) -> np.ndarray:
            total = np.zeros(len(values))
            share = 1 / (1 + np.exp(-values[:, SEX, None]))
            (female, female_spread), (male, male_spread) = self.typical("f"), self.typical("m")
            # typical values, interpolated by the probability that the voice is female
            mean, spread = share * female + (1 - share) * male, share * female_spread + (1 - share) * male_spread
            scores = (values - mean) / np.maximum(spread, 1e-9)
            for name, sign in AGE_SIGNS.items():
                total += sign * scores[:, NAMES.index(name)]
            return total

        stock = raw(self.values)
        return (raw(values) - stock.mean()) / stock.std()


def stock_attributes(precision: str | None = None) -> StockAttributes:
    """The packaged attributes of the stock voices, as measured on speech that is computed in a precision.

    bfloat16 adds noise to speech, which counts as breathiness: 0.65 standard deviations of the stock voices. So voices
    are compared with stock voices of the same precision.

    Args:
        precision: ``bfloat16`` or ``float32``; by default the one in which this processor computes speech.
    """
    return _stock_attributes(precision or name_of(fast_dtype()))


@lru_cache
def _stock_attributes(precision: str) -> StockAttributes:
    suffix = "_float32" if precision == "float32" else ""
    with safe_open(WEIGHTS, "pt") as file:
        values, embeddings, sex = (
            file.get_tensor(f"stock.{name}").float().numpy()
            for name in (f"values{suffix}", f"embeddings{suffix}", "sex")
        )
        return StockAttributes(json.loads(file.metadata()["names"]), values, embeddings, sex)


def _spectra(wave: np.ndarray, frames: int) -> np.ndarray:
    """Power spectra ``[frames, 513]`` of windows of 43 ms at 80 Hz."""
    padded = np.pad(wave, (N_FFT // 2, N_FFT // 2 + frames * HOP_LENGTH - len(wave)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH][:frames]
    return np.abs(np.fft.rfft(windows * np.hanning(N_FFT))) ** 2


def _level(spectra: np.ndarray, low: float, high: float) -> float:
    """Level of a band in dB: the mean of the levels of all frames ``[frames, 513]``."""
    frequency = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    power = spectra[:, (frequency >= low) & (frequency < high)].sum(1)
    return float((10 * np.log10(power + 1e-12)).mean())


def _peak_prominence(spectra: np.ndarray, f0: np.ndarray) -> float:
    """Mean cepstral peak prominence in dB of frames ``[frames, 513]`` with an F0 in Hz ``[frames]``.

    It is the height of the peak at the period above a line through the cepstrum."""
    cepstra = 20 * np.log10(np.abs(np.fft.irfft(10 * np.log10(spectra + 1e-12))) + 1e-6)
    quefrency = np.arange(cepstra.shape[1]) / SAMPLE_RATE
    fitted = (quefrency >= QUEFRENCIES[0]) & (quefrency <= QUEFRENCIES[1])
    slope, offset = np.polyfit(quefrency[fitted], cepstra[:, fitted].T, 1)
    above = cepstra[:, fitted] - slope[:, None] * quefrency[fitted] - offset[:, None]
    near = np.abs(quefrency[fitted] * f0[:, None] - 1) < NEAR
    peaks = np.where(near, above, -np.inf).max(1)
    # a voice may creak below what the range of periods holds
    peaks = peaks[np.isfinite(peaks)]
    return float(peaks.mean()) if len(peaks) else float("nan")
