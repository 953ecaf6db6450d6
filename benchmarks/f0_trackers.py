"""Compare F0 trackers on real speech and on resynthesised speech whose F0 is known.

    python benchmarks/f0_trackers.py FOLDER

FOLDER holds recordings (searched recursively). Needs pyworld; other trackers take part when they are installed
(``swift-f0``, ``praat-parselmouth``, ``torchfcpe``) and are skipped with a word when they are not.

Nobody wrote down the true F0 of real speech, so there each tracker is held against the others: the consensus of a
frame is the median of the trackers that call it voiced, where more than half of all voters lie within 0.2 octaves of
it. The voters hear the clips above 75 Hz only, or mains hum would win the vote in every pause. The package's own
tracker has no vote, nor has Harvest, which calls nearly every frame voiced.

The second table has a truth: clips are taken apart and put together again by WORLD, or pulse by pulse for creak,
around melodies that the benchmark makes up. Where the voice is, is decided from band energies alone.
"""

import argparse
import importlib
import importlib.metadata
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyworld
import torch
from scipy.ndimage import median_filter
from scipy.signal import butter, sosfiltfilt

from nuanced_speech import audio
from nuanced_speech.core.constants import FRAME_RATE
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.frames import frame_count

RATE = 16_000
PERIOD = 1 / FRAME_RATE
LOWEST_HZ, HIGHEST_HZ = 45.0, 1000.0
OWN = "this package"
HARVEST = "harvest + stonemask"
CENTRES_HZ = (55.0, 100.0, 200.0, 350.0, 650.0)
SPEECH_RMS = 0.1
OCTAVE_ERROR, GROSS_ERROR = 0.6, 0.25

Track = Callable[[np.ndarray], np.ndarray]


def on_grid(times: np.ndarray, hertz: np.ndarray, frames: int) -> np.ndarray:
    """A tracker's own frames to ``[frames]`` at 80 Hz: voicing from the nearest frame, log F0 interpolated."""
    if len(times) < 2:
        return np.zeros(frames)
    grid = np.arange(frames) * PERIOD
    right = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    left = right - 1
    part = np.clip((grid - times[left]) / (times[right] - times[left]), 0, 1)
    nearest = hertz[np.where(part < 0.5, left, right)]
    logs = np.log(np.maximum(hertz, 1))
    between = np.exp((1 - part) * logs[left] + part * logs[right])
    return np.where((hertz[left] > 0) & (hertz[right] > 0), between, nearest)


def own() -> Track:
    return lambda wave: f0(wave.astype(np.float32), RATE).astype(np.float64)


def harvest() -> Track:
    return lambda wave: _world(wave, pyworld.harvest)


def dio() -> Track:
    return lambda wave: _world(wave, pyworld.dio)


def _world(wave: np.ndarray, method: Callable) -> np.ndarray:
    wave = wave.astype(np.float64)
    hertz, times = method(wave, RATE, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=1000 * PERIOD)
    return on_grid(times, pyworld.stonemask(wave, hertz, times, RATE), frame_count(len(wave), RATE))


def swift() -> Track:
    detector = importlib.import_module("swift_f0").SwiftF0(threads=1)

    def track(wave: np.ndarray) -> np.ndarray:
        found = detector.detect(wave.astype(np.float32), RATE, LOWEST_HZ, HIGHEST_HZ)
        hertz = np.where(found.confidence >= 0.5, found.pitch_hz, 0)
        return on_grid(found.timestamps, hertz, frame_count(len(wave), RATE))

    return track


def praat() -> Track:
    parselmouth = importlib.import_module("parselmouth")

    def track(wave: np.ndarray) -> np.ndarray:
        sound = parselmouth.Sound(wave.astype(np.float64), RATE)
        pitch = sound.to_pitch_ac(time_step=PERIOD, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ)
        return on_grid(pitch.xs(), pitch.selected_array["frequency"], frame_count(len(wave), RATE))

    return track


def fcpe() -> Track:
    model = importlib.import_module("torchfcpe").spawn_bundled_infer_model("cpu")

    def track(wave: np.ndarray) -> np.ndarray:
        hertz = model.infer(torch.from_numpy(wave.astype(np.float32))[None, :, None], RATE).flatten().numpy()
        return on_grid(np.arange(len(hertz)) * 0.01, hertz, frame_count(len(wave), RATE))

    return track


TRACKERS: dict[str, Callable[[], Track]] = {
    OWN: own,
    HARVEST: harvest,
    "DIO + stonemask": dio,
    "swift-f0": swift,
    "Praat (autocorrelation)": praat,
    "FCPE": fcpe,
}


@dataclass
class Score:
    """Counts of frames, added up over clips."""

    frames: int = 0
    voiced: int = 0
    pairs: int = 0
    jumps: int = 0
    far_below: int = 0
    far_above: int = 0
    both: int = 0
    octave: int = 0
    gross: int = 0
    truly_voiced: int = 0
    missed: int = 0
    truly_unvoiced: int = 0
    false: int = 0
    cents: list[np.ndarray] = field(default_factory=list)

    def add(self, curve: np.ndarray, reference: np.ndarray, judged: np.ndarray) -> None:
        """Count a clip's curve against a reference ``[frames]`` (0: unvoiced) on the judged frames ``[frames]``."""
        voiced = curve > 0
        log = np.log2(np.maximum(curve, 1e-9))
        pair = voiced[1:] & voiced[:-1]
        self.frames += len(curve)
        self.voiced += voiced.sum()
        self.pairs += pair.sum()
        self.jumps += (pair & (np.abs(np.diff(log)) > 0.7)).sum()
        true = reference > 0
        if true.any():
            from_middle = log - np.log2(np.median(reference[true]))
            self.far_below += (voiced & (from_middle < -OCTAVE_ERROR)).sum()
            self.far_above += (voiced & (from_middle > OCTAVE_ERROR)).sum()
        both = voiced & true & judged
        error = np.abs(log - np.log2(np.maximum(reference, 1e-9)))[both]
        self.both += len(error)
        self.octave += (error > OCTAVE_ERROR).sum()
        self.gross += (error > GROSS_ERROR).sum()
        self.cents.append(1200 * error)
        self.truly_voiced += (true & judged).sum()
        self.missed += (true & judged & ~voiced).sum()
        self.truly_unvoiced += (~true & judged).sum()
        self.false += (~true & judged & voiced).sum()


def consensus(curves: list[np.ndarray]) -> np.ndarray:
    """Median F0 ``[frames]`` where more than half of the trackers agree, else 0."""
    stack = np.stack(curves)
    stack = np.where(stack > 0, stack, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames that nobody calls voiced
        median = np.nanmedian(stack, axis=0)
    agreeing = (np.abs(np.log2(stack / median)) < 0.2).sum(0)
    return np.where(agreeing > len(curves) / 2, median, 0)


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


def away_from_edges(reference: np.ndarray) -> np.ndarray:
    """Frames ``[frames]`` that are not next to a change of voicing, where the exact moment is a matter of taste."""
    judged = np.ones(len(reference), dtype=bool)
    changes = np.flatnonzero(np.diff((reference > 0).astype(int)))
    judged[changes] = judged[changes + 1] = False
    return judged


def per(part: float, whole: float, unit: int = 100, digits: int = 1) -> str:
    return f"{unit * part / whole:.{digits}f}" if whole else "–"


def real_speech(trackers: dict[str, Track], clips: list[np.ndarray]) -> list[str]:
    """The table of real speech, as markdown lines."""
    curves, cost = {}, {}
    for name, track in trackers.items():
        track(clips[0])  # loading a model is not tracking
        began = time.process_time()
        curves[name] = [track(clip) for clip in clips]
        cost[name] = (time.process_time() - began) * RATE / sum(map(len, clips))
    high_pass = butter(8, 75, "highpass", fs=RATE, output="sos")
    voters = [track for name, track in trackers.items() if name not in (OWN, HARVEST)]
    references = [consensus([track(sosfiltfilt(high_pass, clip)) for track in voters]) for clip in clips]
    columns = "tracker | RTF | voiced % | jumps | far below | far above | disagrees | missed % | false % | cents"
    lines = [f"| {columns} |", "|---" * (columns.count("|") + 1) + "|"]
    for name in trackers:
        score = Score()
        for curve, reference in zip(curves[name], references, strict=True):
            score.add(curve, reference, np.ones(len(curve), dtype=bool))
        cells = [
            name,
            f"{cost[name]:.3f}",
            per(score.voiced, score.frames),
            per(score.jumps, score.pairs, 1000),
            per(score.far_below, score.voiced, 1000),
            per(score.far_above, score.voiced, 1000),
            per(score.octave, score.both, 1000),
            per(score.missed, score.truly_voiced),
            per(score.false, score.truly_unvoiced),
            f"{np.median(np.concatenate(score.cents)):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def known_truth(trackers: dict[str, Track], clips: list[np.ndarray]) -> list[str]:
    """The tables of resynthesised speech, as markdown lines."""
    scores: dict[tuple[str, str], Score] = {}
    groups: dict[str, None] = {}
    for index, clip in enumerate(clips):
        for centre in CENTRES_HZ:
            for condition, wave, truth in resynthesised(clip, centre, seed=1000 * index + int(centre)):
                for name, track in trackers.items():
                    curve = track(wave)
                    for group in (condition, f"around {centre:.0f} Hz", "all"):
                        groups[group] = None
                        score = scores.setdefault((name, group), Score())
                        score.add(curve, truth, away_from_edges(truth))
    ordered = sorted(groups, key=lambda group: (group == "all", group.startswith("around")))
    lines = [f"| tracker | {' | '.join(ordered)} |", "|---" * (len(ordered) + 1) + "|"]
    for name in trackers:
        cells = []
        for group in ordered:
            score = scores[name, group]
            cells.append(
                f"{per(score.octave, score.both)} / {per(score.missed, score.truly_voiced, digits=0)} / "
                f"{per(score.false, score.truly_unvoiced, digits=0)}"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    fine = ", ".join(f"{name} {np.median(np.concatenate(scores[name, 'all'].cents)):.1f}" for name in trackers)
    return [*lines, "", f"Median error in cents: {fine}."]


def versions() -> str:
    found = []
    for package in ("pyworld-prebuilt", "pyworld", "swift-f0", "praat-parselmouth", "torchfcpe", "numpy", "torch"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resynthesize", type=int, default=3, help="clips for the table with a truth")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each of them")
    args = parser.parse_args()
    torch.set_num_threads(1)
    paths = audio.recordings_in(args.folder)
    if not paths:
        parser.error(f"no recordings in {args.folder}")
    clips = [audio.read(path, RATE) for path in paths]
    trackers = {}
    for name, make in TRACKERS.items():
        try:
            trackers[name] = make()
        except ImportError as error:
            print(f"{name}: skipped, {error}\n")
    chosen = np.linspace(0, len(clips) - 1, 2 * args.resynthesize + 1).round().astype(int)[1::2]
    seconds = sum(map(len, clips)) / RATE
    print(f"Measured on a {os.cpu_count()}-core {platform.machine()} machine; {versions()}.\n")
    print(f"## Real speech: {len(clips)} clips, {seconds:.0f} s\n")
    print(
        "RTF on one core. Per 1000 voiced frames: jumps of more than 0.7 octaves between neighbours; frames more than "
        "0.6 octaves below or above the clip's median; frames more than 0.6 octaves from the consensus. Missed, false: "
        "voicing against the consensus. Cents: median distance from it.\n"
    )
    print("\n".join(real_speech(trackers, clips)), flush=True)
    cut = [clips[index][: int(args.seconds * RATE)] for index in chosen]
    print(f"\n## Known truth: {len(cut)} clips x {len(CENTRES_HZ)} melodies x 5 conditions\n")
    print("Octave errors (more than 0.6 octaves) / missed / false, in % of the frames concerned.\n")
    print("\n".join(known_truth(trackers, cut)))


if __name__ == "__main__":
    main()
