"""Recordings that a voice is made from: read, trimmed, and looked over for what would spoil it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.audio.gate import active_frames, frame_levels
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.weights.store import sha256

MIN_SPEECH_SECONDS = 3.0
# A voice is known long before this; the rest of longer recordings is left out.
MAX_SPEECH_SECONDS = 300.0
MIN_SNR_DB = 12.0
MAX_CLIPPED = 0.0005
# The cosine of two halves of the material, as they differ most, below which they are of two speakers. On recordings of
# five LibriSpeech speakers joined in pairs it refuses none of 450 pairs of one speaker and catches all of 854 pairs of
# two with at least 4 s of speech each; who speaks for less than 3 s is missed (benchmarks/two_speakers.py).
TWO_SPEAKERS = 0.72
# Below loud speech by this much there is silence; what is this near to speech is kept, so that no sound is cut.
_SILENCE_DB, _MARGIN_UNITS = 30.0, 6
_WINDOW_SECONDS, _STEP_SECONDS = 2.0, 1.0
_UNIT_SECONDS = SAMPLES_PER_UNIT / SAMPLE_RATE


@dataclass
class Recording:
    """A recording without its silence.

    Attributes:
        path: the file.
        wave: ``[T]`` at 24 kHz, silence cut out.
        times: where in the file each 25 ms unit of ``wave`` was, in seconds.
        speech_seconds: how much of it is speech.
        snr_db: level of the speech above that of the quietest twentieth.
        clipped: fraction of samples at full scale.
        sha256: of the file's bytes.
    """

    path: Path
    wave: np.ndarray
    times: np.ndarray
    speech_seconds: float
    snr_db: float
    clipped: float
    sha256: str


def read(path: Path) -> Recording:
    """A recording, whatever its format, rate and channels.

    Raises:
        UserError: as ``audio.read``.
    """
    wave = audio.read(path)
    clipped = audio.clipped_fraction(wave)
    wave = wave[: len(wave) // SAMPLES_PER_UNIT * SAMPLES_PER_UNIT]
    units = wave.reshape(-1, SAMPLES_PER_UNIT)
    speech = active_frames(frame_levels(wave, SAMPLES_PER_UNIT), _SILENCE_DB)
    kept = np.convolve(speech, np.ones(2 * _MARGIN_UNITS + 1), "same") > 0
    return Recording(
        path=path,
        wave=units[kept].reshape(-1),
        times=np.flatnonzero(kept) * _UNIT_SECONDS,
        speech_seconds=float(speech.sum() * _UNIT_SECONDS),
        snr_db=audio.snr_db(wave, SAMPLE_RATE),
        clipped=clipped,
        sha256=sha256([path]),
    )


def gather(
    paths: Sequence[Path], encoder: SpeakerEncoder, one_speaker: bool = False
) -> tuple[list[Recording], list[str]]:
    """The recordings of one speaker, and warnings about them.

    Args:
        paths: files.
        encoder: hears whether they are of one speaker.
        one_speaker: take it on trust that they are.

    Raises:
        UserError: as ``audio.read``; less than three seconds of speech; two speakers.
    """
    recordings = [read(path) for path in paths]
    warnings = [text for recording in recordings for text in _complaints(recording)]
    total = sum(recording.speech_seconds for recording in recordings)
    if total < MIN_SPEECH_SECONDS:
        raise UserError(
            f"{total:.1f} s of speech in {', '.join(map(str, paths))}: a voice needs at least "
            f"{MIN_SPEECH_SECONDS:.0f} s, better half a minute"
        )
    most = round(MAX_SPEECH_SECONDS / len(recordings) / _UNIT_SECONDS)
    for recording in recordings:
        if len(recording.times) > most:
            warnings.append(f"{recording.path}: only the first {most * _UNIT_SECONDS:.0f} s of speech are used")
            recording.wave, recording.times = recording.wave[: most * SAMPLES_PER_UNIT], recording.times[:most]
    if not one_speaker:
        check_one_speaker(recordings, encoder)
    return recordings, warnings


def check_one_speaker(recordings: list[Recording], encoder: SpeakerEncoder) -> None:
    """Complain of material that holds two voices.

    Embeddings of windows of 2 s are parted into two clusters, which begin at the two windows that are least alike. Of
    one speaker's material the clusters' centres are still alike.

    Raises:
        UserError: says which places do not sound alike.
    """
    places, embeddings = windows(recordings, encoder)
    likeness, first = halves(embeddings)
    if likeness < TWO_SPEAKERS:
        (here, one), (there, other) = places[int(np.argmax(first))], places[int(np.argmax(~first))]
        raise UserError(
            f"two speakers: {here} from {one:.0f} s on and {there} from {other:.0f} s on do not sound alike "
            f"(cosine {likeness:.2f}); give recordings of one speaker, or --one-speaker if they are"
        )


def windows(recordings: list[Recording], encoder: SpeakerEncoder) -> tuple[list[tuple[Path, float]], np.ndarray]:
    """File and time in seconds of every 2 s of speech, and what the encoder hears there ``[N, 256]``."""
    places, embeddings = [], []
    width, step = round(_WINDOW_SECONDS * SAMPLE_RATE), round(_STEP_SECONDS * SAMPLE_RATE)
    for recording in recordings:
        for start in range(0, max(len(recording.wave) - width, 0) + 1, step):
            embedding = encoder.embed(recording.wave[start : start + width], SAMPLE_RATE)
            if embedding is not None:
                places.append((recording.path, float(recording.times[start // SAMPLES_PER_UNIT])))
                embeddings.append(embedding)
    return places, np.array(embeddings)


def halves(embeddings: np.ndarray) -> tuple[float, np.ndarray]:
    """Cosine of the centres of two clusters of embeddings ``[N, 256]``, and which belong to the first ``[N]``.

    A cluster of one window is no voice: 1 is returned.
    """
    if len(embeddings) < 4:
        return 1.0, np.zeros(len(embeddings), bool)
    alike = embeddings @ embeddings.T
    centres = embeddings[list(np.unravel_index(alike.argmin(), alike.shape))]
    for _ in range(10):
        near = embeddings @ centres.T
        first = near[:, 0] >= near[:, 1]
        if min(first.sum(), (~first).sum()) < 2:
            return 1.0, first
        centres = np.stack([embeddings[first].sum(0), embeddings[~first].sum(0)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return float(centres[0] @ centres[1]), first


def _complaints(recording: Recording) -> list[str]:
    found = []
    if recording.snr_db < MIN_SNR_DB:
        found.append(
            f"{recording.path}: noisy, the speech is only {recording.snr_db:.0f} dB above the quietest moments; "
            "noise makes the voice dull"
        )
    if recording.clipped > MAX_CLIPPED:
        found.append(f"{recording.path}: {recording.clipped:.2%} of the samples are clipped; record it more quietly")
    return found
