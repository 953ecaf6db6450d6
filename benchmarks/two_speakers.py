"""How often cloning takes two speakers for one, or one for two, on recordings joined in pairs.

python benchmarks/two_speakers.py RECORDINGS
"""

import sys
from itertools import permutations
from pathlib import Path

import numpy as np

from nuanced_speech.analysis import enrollment
from nuanced_speech.evaluate.recordings import find_recordings
from nuanced_speech.models.speaker_encoder import SpeakerEncoder

LONG_SECONDS = 4.0


def main() -> None:
    """Join every two recordings, in both orders, and count."""
    encoder = SpeakerEncoder()
    windows: dict[tuple[str, float, Path], np.ndarray] = {}
    for speaker, recordings in find_recordings(Path(sys.argv[1])).items():
        for recording in recordings:
            heard = enrollment.read_recording(recording.path)
            _, windows[speaker, heard.speech_seconds, heard.path] = enrollment.window_embeddings([heard], encoder)
    one: list[float] = []
    two: list[float] = []
    long = []
    for a, b in permutations(windows, 2):
        likeness, _ = enrollment.split_in_two(np.concatenate([windows[a], windows[b]]))
        (one if a[0] == b[0] else two).append(likeness)
        if a[0] != b[0] and min(a[1], b[1]) >= LONG_SECONDS:
            long.append(likeness)
    print(f"| threshold | one speaker, refused | two speakers, caught | with {LONG_SECONDS:g} s of speech each |")
    print("|---|---|---|---|")
    for threshold in (0.68, 0.70, enrollment.TWO_SPEAKERS, 0.74):
        shares = (f"{np.mean(np.array(x) < threshold):.1%} of {len(x)}" for x in (one, two, long))
        print(f"| {threshold:.2f} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
