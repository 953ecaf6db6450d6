"""What rooms, microphones and lines do to speech, to make training data robust against it."""

import io

import numpy as np
import soundfile
from scipy.signal import butter, correlate, fftconvolve, sosfilt

MIN_GAIN_DB, MAX_GAIN_DB = -24.0, 6.0


def augment(wave: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A random chain of reverb, tilt, band limits, noise, MP3, level and clipping; ``[T]`` to ``[T]``, not delayed."""
    if rng.random() < 0.4:
        wave = reverberate(wave, sample_rate, rng)
    if rng.random() < 0.5:
        wave = tilt(wave, sample_rate, db_per_octave=float(rng.uniform(-6, 3)))
    if rng.random() < 0.3:
        wave = band_limit(wave, sample_rate, rng)
    if rng.random() < 0.7:
        wave = add_noise(wave, rng, snr_db=float(rng.uniform(5, 35)))
    if rng.random() < 0.3:
        wave = through_mp3(wave, sample_rate, compression=float(rng.uniform(0.6, 0.93)))
    peak = np.abs(wave).max() + 1e-9
    if rng.random() < 0.1:
        wave = np.clip(wave, -0.4 * peak, 0.4 * peak)
    return (wave / peak * 10 ** (rng.uniform(MIN_GAIN_DB, MAX_GAIN_DB) / 20)).clip(-1, 1).astype(np.float32)


def reverberate(wave: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Convolve with a synthetic room response: the direct sound, then noise that decays by 60 dB in 0.1 to 0.7 s."""
    seconds = rng.uniform(0.1, 0.7)
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail[: int(0.002 * sample_rate)] = 0
    response = tail / np.sqrt(np.sum(tail**2)) * 10 ** (rng.uniform(-20, -3) / 20)
    response[0] = 1
    return fftconvolve(wave, response)[: len(wave)]


def tilt(wave: np.ndarray, sample_rate: int, db_per_octave: float) -> np.ndarray:
    """Make the spectrum fall or rise around 1 kHz, as distance from a microphone and its make do."""
    frequency = np.fft.rfftfreq(len(wave), 1 / sample_rate).clip(100, 8000)
    gain = 10 ** (db_per_octave * np.log2(frequency / 1000) / 20)
    return np.fft.irfft(np.fft.rfft(wave) * gain, len(wave))


def through_mp3(wave: np.ndarray, sample_rate: int, compression: float) -> np.ndarray:
    """To MP3 and back; at 16 kHz a ``compression`` of 0.6 makes about 64 kbit/s, 0.93 some 16."""
    peak = np.abs(wave).max() + 1e-9
    file = io.BytesIO()
    mp3 = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": compression, "bitrate_mode": "CONSTANT"}
    soundfile.write(file, wave / peak, sample_rate, **mp3)
    file.seek(0)
    decoded = soundfile.read(file)[0] * peak
    # decoders trim the encoder's delay, but for files whose bit rate leaves no room to note it
    delay = max(int(correlate(decoded, wave, "full", "fft").argmax()) - len(wave) + 1, 0)
    decoded = decoded[delay : delay + len(wave)]
    return np.pad(decoded, (0, len(wave) - len(decoded)))


def band_limit(wave: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Cut what a telephone or a poor microphone cuts: below 50 to 300 Hz, above 3.2 to 7 kHz."""
    low, high = rng.uniform(50, 300), rng.uniform(3200, 7000)
    return sosfilt(butter(4, [low, high], "bandpass", fs=sample_rate, output="sos"), wave)


def add_noise(wave: np.ndarray, rng: np.random.Generator, snr_db: float) -> np.ndarray:
    """Noise whose spectrum falls by a random 0 to 6 dB an octave, at a signal-to-noise ratio."""
    spectrum = np.fft.rfft(rng.standard_normal(len(wave)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(wave))
    power = np.mean(wave**2) / (np.mean(noise**2) + 1e-12) / 10 ** (snr_db / 10)
    return wave + noise * np.sqrt(power)
