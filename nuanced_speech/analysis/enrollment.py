"""Enrollment recordings, which a voice is made from: read, trimmed, and checked for what would spoil the voice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.analysis.speaker_changes import SpeakerChanges
from nuanced_speech.analysis.speech_gate import SpeechGate
from nuanced_speech.audio.declipping import declipped
from nuanced_speech.audio.gate import active_frames, frame_levels
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT, SECONDS_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import sha256
from nuanced_speech.models.speaker_encoder import SpeakerEncoder

_MIN_WINDOWS, _ROUNDS = 4, 10


@dataclass(frozen=True)
class EnrollmentConfig:
    """Which recordings make a voice.

    Attributes:
        least_seconds: speech that a voice needs.
        most_seconds: speech after which the rest is left out: the estimate of a voice has converged long before.
        least_snr_db: level of the speech above the quietest moments below which there is a warning.
        most_clipped: fraction of samples at full scale above which there is a warning.
        two_speakers: cosine of two clusters of windows below which they are of two speakers: benchmarks/two_speakers.py
            refuses no single LibriSpeech speaker with it and catches all pairs with at least 4 s of speech each.
        silence_db: frames this far below loud speech are silence.
        margin_units: units of 25 ms this near to speech are kept, so that no sound is cut.
        window_seconds, step_seconds: windows whose speaker embeddings are compared.
    """

    least_seconds: float = 3.0
    most_seconds: float = 300.0
    least_snr_db: float = 12.0
    most_clipped: float = 0.0005
    two_speakers: float = 0.72
    silence_db: float = 30.0
    margin_units: int = 6
    window_seconds: float = 2.0
    step_seconds: float = 1.0


@dataclass(frozen=True)
class EnrollmentRecording:
    """A recording without its silence.

    Attributes:
        path: the file.
        wave: ``[T]`` at 24 kHz, silence cut out.
        times: where in the file each 25 ms unit of ``wave`` was, in seconds ``[T / 600]``.
        speech_seconds: length of the speech in it.
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


def read_recording(path: Path, config: EnrollmentConfig = EnrollmentConfig()) -> EnrollmentRecording:
    """A recording, whatever its format, rate and channels.

    Raises:
        UserError: as ``audio.read``.
    """
    wave = audio.read(path)
    clipped = audio.clipped_fraction(wave)
    wave = declipped(wave, SAMPLE_RATE)
    wave = wave[: len(wave) // SAMPLES_PER_UNIT * SAMPLES_PER_UNIT]
    speech = active_frames(frame_levels(wave, SAMPLES_PER_UNIT), config.silence_db)
    for start, end in SpeechGate()(wave).gaps:
        speech[start // SAMPLES_PER_UNIT : -(-end // SAMPLES_PER_UNIT)] = False
    kept = np.convolve(speech, np.ones(2 * config.margin_units + 1), "same") > 0
    return EnrollmentRecording(
        path=path,
        wave=wave.reshape(-1, SAMPLES_PER_UNIT)[kept].reshape(-1),
        times=np.flatnonzero(kept) * SECONDS_PER_UNIT,
        speech_seconds=float(speech.sum() * SECONDS_PER_UNIT),
        snr_db=audio.snr_db(wave, SAMPLE_RATE),
        clipped=clipped,
        sha256=sha256([path]),
    )


def read_recordings(
    paths: Sequence[Path],
    encoder: SpeakerEncoder,
    one_speaker: bool = False,
    config: EnrollmentConfig = EnrollmentConfig(),
) -> tuple[list[EnrollmentRecording], list[str]]:
    """The recordings of one speaker, and warnings about them.

    Args:
        paths: files.
        encoder: embeds windows of the recordings, to tell whether they are of one speaker.
        one_speaker: do not check that they are.
        config: which recordings make a voice.

    Raises:
        UserError: as ``audio.read``; less than three seconds of speech; two speakers.
    """
    recordings = [read_recording(path, config) for path in paths]
    warnings = [text for recording in recordings for text in _warnings(recording, config)]
    recordings = [recording for recording in recordings if len(recording.wave)]
    total = sum(recording.speech_seconds for recording in recordings)
    if total < config.least_seconds:
        raise UserError(
            f"{total:.1f} s of speech in {', '.join(map(str, paths))}: a voice needs at least "
            f"{config.least_seconds:.0f} s, better half a minute"
        )
    most = round(config.most_seconds / len(recordings) / SECONDS_PER_UNIT)
    for recording in recordings:
        if len(recording.times) > most:
            warnings.append(f"{recording.path}: only the first {most * SECONDS_PER_UNIT:.0f} s of speech are used")
    recordings = [_shortened(recording, most) for recording in recordings]
    if not one_speaker:
        check_one_speaker(recordings, encoder, config)
    return recordings, warnings


def check_one_speaker(
    recordings: Sequence[EnrollmentRecording], encoder: SpeakerEncoder, config: EnrollmentConfig = EnrollmentConfig()
) -> None:
    """Refuse recordings that hold two voices.

    Embeddings of windows of 2 s are divided into two clusters, which begin at the two windows that are least alike. Of
    one speaker's recordings the clusters' centres are still alike. A second speaker of a recording who says too little
    for a cluster is looked for by ``SpeakerChanges``.

    Raises:
        UserError: names a place of each of the two voices.
    """
    places, embeddings = window_embeddings(recordings, encoder, config)
    likeness, first = split_in_two(embeddings)
    if likeness < config.two_speakers:
        (path, start), (other_path, other_start) = places[int(np.argmax(first))], places[int(np.argmax(~first))]
        raise UserError(
            f"two speakers: {path} from {start:.0f} s on and {other_path} from {other_start:.0f} s on do not sound "
            f"alike (cosine {likeness:.2f}); give recordings of one speaker, or set one_speaker if they are"
        )
    for recording in recordings:
        for change in SpeakerChanges(encoder)(recording.wave):
            unit = min(int(change / SECONDS_PER_UNIT), len(recording.times) - 1)
            raise UserError(
                f"two speakers: {recording.path} from {recording.times[0]:.0f} s on and {recording.path} from "
                f"{recording.times[unit]:.0f} s on do not sound alike; give recordings of one speaker, or set "
                "one_speaker if they are"
            )


def window_embeddings(
    recordings: Sequence[EnrollmentRecording], encoder: SpeakerEncoder, config: EnrollmentConfig = EnrollmentConfig()
) -> tuple[list[tuple[Path, float]], np.ndarray]:
    """File and time in seconds of every window of 2 s of speech, and its speaker embedding ``[N, 256]``."""
    places, embeddings = [], []
    width, step = round(config.window_seconds * SAMPLE_RATE), round(config.step_seconds * SAMPLE_RATE)
    for recording in recordings:
        for start in range(0, max(len(recording.wave) - width, 0) + 1, step):
            embedding = encoder.embed(recording.wave[start : start + width], SAMPLE_RATE)
            if embedding is not None:
                places.append((recording.path, float(recording.times[start // SAMPLES_PER_UNIT])))
                embeddings.append(embedding)
    return places, np.array(embeddings)


def split_in_two(embeddings: np.ndarray) -> tuple[float, np.ndarray]:
    """Cosine of the centres of two clusters of embeddings ``[N, 256]``, and which belong to the first, bool ``[N]``.

    1 where there are too few embeddings, or a cluster holds one window only: that is no second voice.
    """
    if len(embeddings) < _MIN_WINDOWS:
        return 1.0, np.zeros(len(embeddings), bool)
    alike = embeddings @ embeddings.T
    centres = embeddings[list(np.unravel_index(alike.argmin(), alike.shape))]
    for _ in range(_ROUNDS):
        near = embeddings @ centres.T
        first = near[:, 0] >= near[:, 1]
        if min(first.sum(), (~first).sum()) < 2:
            return 1.0, first
        centres = np.stack([embeddings[first].sum(0), embeddings[~first].sum(0)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return float(centres[0] @ centres[1]), first


def _shortened(recording: EnrollmentRecording, units: int) -> EnrollmentRecording:
    """The recording, of its speech at most so many units."""
    return replace(recording, wave=recording.wave[: units * SAMPLES_PER_UNIT], times=recording.times[:units])


def _warnings(recording: EnrollmentRecording, config: EnrollmentConfig) -> list[str]:
    if not len(recording.wave):
        return [f"{recording.path}: there is no speech in it; it is left out"]
    warnings = []
    if recording.snr_db < config.least_snr_db:
        warnings.append(
            f"{recording.path}: noisy, the speech is only {recording.snr_db:.0f} dB above the quietest moments; "
            "noise makes the voice dull"
        )
    if recording.clipped > config.most_clipped:
        warnings.append(f"{recording.path}: {recording.clipped:.2%} of the samples are clipped; record it more quietly")
    return warnings
