"""Words that a conversion makes of 50 sounds without speech: noise, tones, hum, music, clicks, applause, silence.

    python benchmarks/not_speech.py [--whisper base] [--only music] [--activity] [--save FOLDER]

Each sound is converted with the default options, and Whisper transcribes the output. An output without any sample above
-60 dBFS has no words. ``--activity`` prints only the probability of speech, which takes seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

RATE = 24_000
SECONDS = 4.0
QUIET = 10 ** (-60 / 20)


def _time() -> np.ndarray:
    return np.arange(round(SECONDS * RATE)) / RATE


def noise(exponent: float, seed: int) -> np.ndarray:
    """Noise whose power falls with ``frequency ** exponent``, RMS 1."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(len(_time())))
    frequencies = np.fft.rfftfreq(len(_time()), 1 / RATE)
    spectrum *= np.where(frequencies < 20, 0, np.maximum(frequencies, 20) ** (-exponent / 2))
    wave = np.fft.irfft(spectrum, len(_time()))
    return wave / np.sqrt(np.mean(wave**2))


def _band(wave: np.ndarray, low: float, high: float) -> np.ndarray:
    return sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), wave)


def tone(hertz: float) -> np.ndarray:
    """A sine."""
    return np.sin(2 * np.pi * hertz * _time())


def hum(hertz: float) -> np.ndarray:
    """Mains hum with its harmonics."""
    return np.sum([np.sin(2 * np.pi * hertz * k * _time() + k) / k for k in range(1, 12)], axis=0) / 2


def _note(hertz: float, start: float, seconds: float, decay: float, harmonics: int) -> np.ndarray:
    time = _time() - start
    envelope = (
        np.clip(time / 0.01, 0, 1) * np.exp(-np.maximum(time, 0) * decay) * np.clip((seconds - time) / 0.03, 0, 1)
    )
    voice = sum(np.sin(2 * np.pi * hertz * k * time) / k**1.5 for k in range(1, harmonics + 1))
    return np.where((time >= 0) & (time < seconds), envelope * voice, 0.0)


def chords(beat: float, decay: float, harmonics: int) -> np.ndarray:
    """A cadence in C major."""
    progression = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)]
    wave = np.zeros(len(_time()))
    for number in range(int(SECONDS / beat)):
        for step in progression[number % 4]:
            wave += _note(220 * 2 ** ((step + 3) / 12), number * beat, beat, decay, harmonics)
    return wave / 4


def melody(vibrato: float, harmonics: int, beat: float) -> np.ndarray:
    """A line of notes with vibrato, as of a violin."""
    steps = (0, 2, 4, 5, 7, 9, 11, 12)
    pitch = np.array([440 * 2 ** (steps[int(t / beat) % 8] / 12) for t in _time()])
    pitch = pitch * 2 ** (vibrato * np.sin(2 * np.pi * 5.5 * _time()) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    envelope = np.clip((_time() % beat) / 0.05, 0, 1) * np.clip((beat - _time() % beat) / 0.05, 0, 1)
    return envelope * sum(np.sin(k * phase) / k for k in range(1, harmonics + 1)) / 2


def drums(seed: int) -> np.ndarray:
    """A bass drum and a snare."""
    rng, wave = np.random.default_rng(seed), np.zeros(len(_time()))
    for number in range(int(SECONDS * 4)):
        time = np.maximum(_time() - number / 4, 0)
        after = _time() >= number / 4
        kick = np.sin(2 * np.pi * (50 + 100 * np.exp(-time * 30)) * time) * np.exp(-time * 18)
        snare = rng.standard_normal(len(time)) * np.exp(-time * 30) * 0.5
        wave += after * (kick if number % 2 == 0 else snare)
    return wave


def clicks(rate: float, width: float, seed: int) -> np.ndarray:
    """Clicks at random times, ``rate`` a second, each a decaying burst of noise."""
    rng, wave = np.random.default_rng(seed), np.zeros(len(_time()))
    for start in rng.uniform(0, SECONDS, int(rate * SECONDS)):
        time = _time() - start
        wave += np.where(time >= 0, np.exp(-np.maximum(time, 0) / width), 0) * rng.uniform(0.3, 1)
    return wave * rng.standard_normal(len(wave))


def applause(hands: int, seed: int) -> np.ndarray:
    """Claps of many hands: bursts around 1 to 2 kHz at random times."""
    rng, wave = np.random.default_rng(seed), np.zeros(len(_time()))
    size = round(0.02 * RATE)
    burst = np.exp(-np.arange(size) / (0.004 * RATE))
    for start in rng.integers(0, len(wave) - size, hands * int(3 * SECONDS)):
        wave[start : start + size] += burst * rng.standard_normal(size) * rng.uniform(0.2, 1)
    wave = _band(wave, 600, 4000)
    return wave / np.abs(wave).max()


def engine(hertz: float, seed: int) -> np.ndarray:
    """A motor: a saw whose pitch and loudness wander."""
    rng = np.random.default_rng(seed)
    drift = np.interp(_time(), np.linspace(0, SECONDS, 9), rng.uniform(0.9, 1.1, 9))
    phase = np.cumsum(hertz * drift) / RATE
    return (phase % 1 - 0.5) * drift + 0.1 * noise(1, seed)


def sounds() -> dict[str, np.ndarray]:
    """The sounds, float32 ``[T]`` at 24 kHz, by name."""
    made: dict[str, np.ndarray] = {"silence": np.zeros(len(_time())), "dc": np.full(len(_time()), 0.2)}
    for name, exponent in (("white", 0.0), ("pink", 1.0), ("brown", 2.0), ("blue", -1.0)):
        for level in (-60, -40, -20):
            made[f"noise {name} {level}"] = noise(exponent, len(made)) * 10 ** (level / 20)
    for hertz in (100, 250, 440, 1000, 4000):
        for level in (-40, -10):
            made[f"tone {hertz} {level}"] = tone(hertz) * 10 ** (level / 20)
    for hertz in (50, 60):
        for level in (-50, -25, -6):
            made[f"hum {hertz} {level}"] = hum(hertz) * 10 ** (level / 20)
    made["sweep"] = 0.3 * np.sin(2 * np.pi * 50 * (np.exp(_time()) - 1))
    made["siren"] = 0.3 * np.sin(2 * np.pi * np.cumsum(700 + 300 * np.sin(2 * np.pi * 0.7 * _time())) / RATE)
    made["dial"] = 0.2 * (tone(697) + tone(1209)) * ((_time() % 0.25) < 0.15)
    made["beeps"] = 0.3 * tone(880) * ((_time() % 0.8) < 0.2)
    made["music piano"] = 0.5 * chords(0.5, 4.0, 8)
    made["music organ"] = 0.4 * chords(1.0, 0.0, 12)
    made["music quiet"] = 0.01 * chords(0.5, 4.0, 8)
    made["music flute"] = 0.3 * melody(0.2, 2, 0.5)
    made["music violin"] = 0.3 * melody(0.4, 15, 0.5)
    made["music drums"] = 0.5 * drums(1)
    made["music band"] = 0.3 * chords(0.5, 3.0, 6) + 0.3 * drums(2) + 0.1 * melody(0.3, 4, 0.25)
    made["clicks keyboard"] = 0.3 * clicks(6, 0.003, 3)
    made["clicks knocks"] = 0.5 * clicks(2, 0.02, 4)
    made["clicks dense"] = 0.1 * clicks(60, 0.002, 5)
    made["applause few"] = 0.3 * applause(4, 6)
    made["applause many"] = 0.5 * applause(60, 7)
    made["applause quiet"] = 0.01 * applause(60, 8)
    wind = _band(noise(1, 9), 80, 800) * (1.2 + np.sin(2 * np.pi * 0.4 * _time()))
    made["wind"] = 0.1 * wind
    made["engine slow"] = 0.4 * engine(40, 10)
    made["engine fast"] = 0.3 * engine(140, 11)
    return {name: np.clip(wave, -1, 1).astype(np.float32) for name, wave in made.items()}


def print_activity(chosen: dict[str, np.ndarray]) -> None:
    """The largest probability of speech in each sound, and the time it takes."""
    from nuanced_speech.models.voice_activity import VoiceActivity, speech_in

    activity = VoiceActivity()
    started = time.process_time()
    for name, wave in chosen.items():
        found = speech_in(wave, RATE)
        print(f"{name:20s} {activity.of_recording(wave, RATE).max():.3f} {len(found)} stretches")
    seconds = time.process_time() - started
    print(f"{seconds / 2 / len(chosen) / SECONDS * 1000:.1f} ms for each second of sound")


def main() -> None:
    """Convert, transcribe, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whisper", default="base")
    parser.add_argument("--only", default="")
    parser.add_argument("--activity", action="store_true")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    chosen = {name: wave for name, wave in sounds().items() if arguments.only in name}
    if arguments.activity:
        print_activity(chosen)
        return
    from nuanced_speech.audio.resampling import to_16k
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.core.errors import UserError
    from nuanced_speech.models.bank import ModelBank

    warnings.simplefilter("ignore")
    converter, words = Converter(ModelBank(whisper=arguments.whisper)), {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.save or Path(name)
        folder.mkdir(exist_ok=True)
        for name, wave in chosen.items():
            path = folder / f"{name.replace(' ', '_')}.wav"
            soundfile.write(path, wave, RATE, "FLOAT")
            try:
                out = converter.convert(path).audio
            except UserError as error:
                print(f"{name:20s} refused: {error}", flush=True)
                continue
            text = "" if np.abs(out).max() < QUIET else converter.models.transcriber.transcribe(to_16k(out)).text
            words[name] = sum(any(c.isalnum() for c in word) for word in text.split())
            print(f"{name:20s} {np.abs(out).max():.4f} {words[name]:3d} {text}", flush=True)
    print(f"{len(chosen)} sounds; with words: {sum(n > 0 for n in words.values())}; words: {sum(words.values())}")


if __name__ == "__main__":
    main()
