"""Compare F0 trackers on real speech and on resynthesised speech whose F0 is known.

    python benchmarks/f0_trackers.py FOLDER

FOLDER holds recordings (searched recursively). Needs pyworld; other trackers take part when they are installed
(``swift-f0``, ``praat-parselmouth``, ``torchfcpe``) and are skipped with a word when they are not.

Nobody wrote down the true F0 of real speech, so there each tracker is held against the others: the consensus of a
frame is the median of the trackers that call it voiced, where more than half of all voters lie within 0.2 octaves of
it. The voters hear the clips above 75 Hz only, or mains hum would win the vote in every pause. The package's own
tracker has no vote, nor has Harvest, which calls nearly every frame voiced.

The second table has a truth: clips are put together again around melodies that are known (``resynthesised_f0.py``).
"""

import argparse
import importlib
import importlib.metadata
import os
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyworld
import torch
from resynthesised_f0 import HIGHEST_HZ, LOWEST_HZ, PERIOD, RATE, resynthesised
from scipy.signal import butter, sosfiltfilt

from nuanced_speech import audio
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.frames import frame_count

OWN = "this package"
HARVEST = "harvest + stonemask"
CENTRES_HZ = (55.0, 100.0, 200.0, 350.0, 650.0)
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
