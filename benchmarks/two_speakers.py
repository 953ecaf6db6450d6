"""How often cloning takes two speakers for one, or one for two, on recordings joined in pairs.

python benchmarks/two_speakers.py RECORDINGS
"""

import random
import sys
from itertools import permutations
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.analysis import enrollment
from nuanced_speech.analysis.speaker_changes import SpeakerChanges
from nuanced_speech.analysis.speaker_turns import SpeakerTurns
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate.recordings import EvaluationRecording, find_recordings
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_encoder import SpeakerEncoder

LONG_SECONDS = 4.0
# Of the two speakers of a recording, and how near a change has to be found.
FIRST_SECONDS, SECOND_SECONDS, NEAR_SECONDS = 6.0, 2.5, 0.75


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
    for threshold in (0.68, 0.70, enrollment.EnrollmentConfig.two_speakers, 0.74):
        shares = (f"{np.mean(np.array(x) < threshold):.1%} of {len(x)}" for x in (one, two, long))
        print(f"| {threshold:.2f} | {' | '.join(shares)} |")
    print_changes(SpeakerChanges(encoder, turns=SpeakerTurns(ModelBank())), find_recordings(Path(sys.argv[1])))


def print_changes(changes: SpeakerChanges, speakers: dict[str, list[EvaluationRecording]]) -> None:
    """Count changes of speaker found in single recordings, and where a part of one meets a part of another's."""
    waves = {speaker: [audio.read(one.path) for one in recordings] for speaker, recordings in speakers.items()}
    single = [bool(changes(wave)) for several in waves.values() for wave in several]
    first, second = (round(seconds * SAMPLE_RATE) for seconds in (FIRST_SECONDS, SECOND_SECONDS))
    choose, found = random.Random(0), []
    for a, b in permutations(waves, 2):
        long, short = ([wave for wave in waves[name] if len(wave) >= n] for name, n in ((a, first), (b, second)))
        if long and short:
            places = changes(np.concatenate([choose.choice(long)[:first], choose.choice(short)[:second]]))
            found.append(any(abs(place - FIRST_SECONDS) < NEAR_SECONDS for place in places))
    print(f"\nchanges in {sum(single)} of {len(single)} recordings of one speaker")
    print(f"{FIRST_SECONDS:g} s and {SECOND_SECONDS:g} s of two speakers: {sum(found)} of {len(found)} changes found")


if __name__ == "__main__":
    main()
