"""Speech whose F0 is known: clips are taken apart and put together again around other melodies.

``f0_trackers.py`` measures trackers on it. WORLD puts the clips together, or pulses, one by one, for creak. Where the
voice is, is decided from band energies alone.
"""

from collections.abc import Iterator

import numpy as np
import pyworld
from scipy.ndimage import median_filter
from scipy.signal import butter, sosfiltfilt

from nuanced_speech.core.constants import FRAME_RATE
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.frames import frame_count

RATE = 16_000
PERIOD = 1 / FRAME_RATE
LOWEST_HZ, HIGHEST_HZ = 45.0, 1000.0
SPEECH_RMS = 0.1


def sonorant(wave: np.ndarray, frames: int) -> np.ndarray:
    """Frames ``[frames]`` with a strong band below 1 kHz and a weaker one above 3 kHz."""

    def level(low: float, high: float) -> np.ndarray:
        band = sosfiltfilt(butter(4, [low, high], "bandpass", fs=RATE, output="sos"), wave)
        smooth = np.convolve(band**2, np.ones(400) / 400, "same")
        centres = np.minimum(np.arange(frames) * RATE / FRAME_RATE, len(wave) - 1).astype(int)
        return 10 * np.log10(smooth[centres] + 1e-12)

    low, high = level(100, 1000), level(3000, 7500)
    mask = (low > np.quantile(low, 0.95) - 22) & (low > high)
    return median_filter(mask.astype(np.uint8), size=9) > 0


def melody(frames: int, centre: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth contour ``[frames]`` within half an octave of the centre, in Hz."""
    time_s = np.arange(frames) * PERIOD
    slow, quick = rng.uniform(0, 2 * np.pi, 2)
    octaves = 0.35 * np.sin(2 * np.pi * 0.7 * time_s + slow) + 0.12 * np.sin(2 * np.pi * 2.3 * time_s + quick)
    return np.clip(centre * 2**octaves, LOWEST_HZ + 2, HIGHEST_HZ - 20)


def creaky_pulses(hertz: np.ndarray, envelope: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """One minimum-phase response of WORLD's spectral envelope ``[frames, bins]`` per pulse; periods vary by 3 %,
    amplitudes by 10 %, and every second pulse is weaker."""
    n_fft = 2 * (envelope.shape[1] - 1)
    wave = np.zeros(samples + n_fft)
    time_s, count = 0.0, 0
    while time_s < samples / RATE:
        frame = min(int(time_s / PERIOD), len(hertz) - 1)
        if hertz[frame] <= 0:
            time_s += PERIOD
            continue
        cepstrum = np.fft.irfft(np.log(envelope[frame] + 1e-12) / 2)
        cepstrum[1 : n_fft // 2] *= 2
        cepstrum[n_fft // 2 + 1 :] = 0
        response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))
        weight = np.sqrt(RATE / hertz[frame]) * (0.8 if count % 2 else 1.0) * (1 + 0.1 * rng.standard_normal())
        start = round(time_s * RATE)
        wave[start : start + n_fft] += weight * response
        time_s += (1 + 0.03 * rng.standard_normal()) / hertz[frame]
        count += 1
    return wave[:samples]


def resynthesised(wave: np.ndarray, centre: float, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A clip with another melody, as (condition, wave ``[T]``, true F0 ``[frames]``)."""
    rng = np.random.default_rng(seed)
    wave = wave.astype(np.float64)
    samples, frames = len(wave), frame_count(len(wave), RATE)
    times = np.arange(frames) * PERIOD
    mask = sonorant(wave, frames)
    # The envelope wants the clip's own F0; the truth of the test does not depend on it.
    guess = f0(wave.astype(np.float32), RATE).astype(np.float64)
    known = guess > 75
    if not known.any() or not mask.any():
        return
    guess = np.where(mask, np.exp(np.interp(times, times[known], np.log(guess[known]))), 0.0)
    envelope = pyworld.cheaptrick(wave, guess, times, RATE, fft_size=1024, f0_floor=LOWEST_HZ + 2)
    aperiodicity = pyworld.d4c(wave, guess, times, RATE, fft_size=1024, threshold=0.0)
    truth = np.where(mask, melody(frames, centre, rng), 0.0)

    def level(signal: np.ndarray) -> np.ndarray:
        signal = np.pad(signal, (0, max(0, samples - len(signal))))[:samples]
        return signal * SPEECH_RMS / np.sqrt(np.mean(signal**2))

    def decibels(value: float) -> float:
        return 10 ** (value / 20)

    clean = level(pyworld.synthesize(truth, envelope, aperiodicity, RATE, 1000 * PERIOD))
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    pink = level(np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 30)), samples))
    seconds = np.arange(samples) / RATE
    partials = [part * np.sin(2 * np.pi * 60 * (k + 1) * seconds + k) for k, part in enumerate((1, 0.3, 0.1))]
    hum = level(np.sum(partials, axis=0))
    yield "clean", clean, truth
    yield "noise, 15 dB", clean + pink * decibels(-15), truth
    yield "60 Hz hum, 13 dB", clean + hum * decibels(-13) + pink * decibels(-35), truth
    yield "telephone", sosfiltfilt(butter(4, [300, 3400], "bandpass", fs=RATE, output="sos"), clean), truth
    breath = level(pyworld.synthesize(np.zeros(frames), envelope, np.ones_like(aperiodicity), RATE, 1000 * PERIOD))
    creak = level(creaky_pulses(truth, envelope, samples, rng))
    yield "creak", creak + breath * decibels(-22), truth
