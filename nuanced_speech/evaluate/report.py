"""A report on a conversion: figures of words, melody, loudness, voice and speed, and a plot."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.evaluate import metrics
from nuanced_speech.evaluate.plots import plot_comparison
from nuanced_speech.models.voice_activity import SpeechStretch
from nuanced_speech.models.whisper import Transcript, WhisperModel
from nuanced_speech.text.word_errors import word_errors

# Longest part that is measured: a report on more would take longer than the conversion.
MAX_SECONDS = 600


@dataclass(frozen=True)
class Measures:
    """Figures of a conversion: WER of the output's transcript against the source's, correlations of log F0 and of N,
    speaker similarity to the source and to the target voice (None without the extra ``evaluate``, or without a target),
    processing time over audio time, seconds by stage; begins and ends, in seconds, where two people speak at once."""

    source_transcript: str
    output_transcript: str
    wer: float
    cer: float
    f0_correlation: float
    f0_rmse_cents: float
    voicing_error: float
    energy_correlation: float
    speaker_similarity: float | None
    target_similarity: float | None
    source_seconds: float
    output_seconds: float
    rtf: float
    stage_seconds: dict[str, float]
    overlaps: list[tuple[float, float]]


@dataclass(frozen=True)
class Contours:
    """F0 in Hz and N of one waveform at 80 Hz."""

    f0: np.ndarray
    n: np.ndarray


def contours(wave: np.ndarray) -> Contours:
    """F0 and N of ``wave [T]`` at 24 kHz."""
    return Contours(f0(wave, audio.SAMPLE_RATE), energy(wave))


def transcribe(listener: WhisperModel, wave: np.ndarray, language: str | None = None) -> Transcript:
    """Whisper's transcript of ``wave [T]`` at 24 kHz; ``language`` is an ISO 639-1 code, detected when None."""
    return listener.transcribe(audio.resample(wave, audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE), language)


def measure(
    source: np.ndarray,
    output: np.ndarray,
    listener: WhisperModel,
    seconds: dict[str, float],
    *,
    target_text: str | None = None,
    target_language: str | None = None,
    language: str | None = None,
    target: np.ndarray | None = None,
    overlaps: Sequence[SpeechStretch] = (),
) -> tuple[Measures, Contours, Contours]:
    """Figures of a conversion of ``source [T]`` into ``output [T']``, both at 24 kHz, at most its first ten minutes.

    Args:
        source, output: waveforms.
        listener: Whisper, which transcribes both.
        seconds: processing time by stage.
        target_text: words that the output should hold; the source's transcript when None.
        target_language: ISO 639-1 code of these; the source's when None.
        language: ISO 639-1 code of the source, detected when None.
        target: speech ``[T]`` at 24 kHz of the voice that the output should have; None: the source's.
        overlaps: where in the source two people speak at once.

    Returns:
        the figures, and the contours of source and output.
    """
    whole = len(source) / audio.SAMPLE_RATE
    limit = MAX_SECONDS * audio.SAMPLE_RATE
    source, output = source[:limit], output[:limit]
    source_transcript = transcribe(listener, source, language)
    output_language = target_language or source_transcript.language
    output_transcript = transcribe(listener, output, output_language)
    reference = target_text or source_transcript.text
    errors = word_errors(reference, output_transcript.text, output_language)
    a, b = contours(source), contours(output)
    figures = Measures(
        source_transcript=source_transcript.text,
        output_transcript=output_transcript.text,
        wer=errors.wer,
        cer=errors.cer,
        f0_correlation=metrics.f0_correlation(a.f0, b.f0),
        f0_rmse_cents=metrics.f0_rmse_cents(a.f0, b.f0),
        voicing_error=metrics.voicing_error(a.f0, b.f0),
        energy_correlation=metrics.energy_correlation(a.n, b.n),
        speaker_similarity=metrics.speaker_similarity(source, output, audio.SAMPLE_RATE),
        target_similarity=None
        if target is None
        else metrics.speaker_similarity(target[:limit], output, audio.SAMPLE_RATE),
        source_seconds=whole,
        output_seconds=len(output) / audio.SAMPLE_RATE,
        rtf=sum(value for stage, value in seconds.items() if stage != "load") / whole,
        stage_seconds={stage: round(value, 3) for stage, value in seconds.items()},
        overlaps=[(round(place.start, 2), round(place.end, 2)) for place in overlaps],
    )
    return figures, a, b


def paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Paths of the report: figures (JSON) and plot (PNG)."""
    return folder / f"{name}.json", folder / f"{name}.png"


def write(
    folder: Path, name: str, source: np.ndarray, output: np.ndarray, figures: Measures, a: Contours, b: Contours
) -> tuple[Path, Path]:
    """Write ``NAME.json`` with the figures and ``NAME.png`` with waveform, mel and F0 of both; returns their paths.

    Raises:
        UserError: the folder cannot be made or written, or matplotlib is not installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make the report's folder ({error.strerror})") from error
    sheet, plot = paths(folder, name)
    values = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(figures).items()}
    with audio.replacing(sheet) as temporary:
        Path(temporary).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    plot_comparison(plot, source, output, a.f0, b.f0, title=name)
    return sheet, plot
