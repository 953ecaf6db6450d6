"""A report on a cloned voice: likeness to the speaker, nearest stock voices, melody, words, quality, and a plot."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE, SEMITONES
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.plots import plot_comparison
from nuanced_speech.evaluate.quality import Quality, quality
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.synthesis.sample import sentence_for
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.voice.stock import iso_639, stock_styles, stock_voices
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice

NEAREST = 5


@dataclass(frozen=True)
class TargetSpeaker:
    """The speaker whom a voice should sound like.

    Attributes:
        recordings: recordings ``[T]`` at 24 kHz, by their paths.
        embedding: speaker embedding of length 1 ``[256]``.
        log_f0: log2 Hz of the voiced frames ``[N]``.
        warnings: what is wrong with the recordings, a line each.
    """

    recordings: Mapping[str, np.ndarray]
    embedding: np.ndarray
    log_f0: np.ndarray
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class VoiceFigures:
    """Measurements of a test sentence in the voice.

    Attributes:
        sentence: text of the test sentence.
        transcript: Whisper's transcript of it.
        wer: word error rate of the transcript against the sentence.
        similarity: cosine between the speaker embeddings of the sentence and of the recordings.
        by_recording: the same for each recording, by its path.
        held_out: cosine between the last recording and a voice from the other recordings, without refinement; None
            where there is only one recording.
        nearest_stock: cosines with the recordings for the stock voices that are most like the speaker.
        predicted_stock: the same for every stock voice, as ``models.timbre_surrogate`` predicts it.
        f0_median, f0_spread: F0 of the sentence: median in Hz, standard deviation in semitones.
        recordings_f0_median, recordings_f0_spread: the same of the recordings.
        quality: predicted mean opinion scores; None where their packages are not installed.
        warnings: defects of the recordings, a line each.
    """

    sentence: str
    transcript: str
    wer: float
    similarity: float
    by_recording: dict[str, float]
    held_out: float | None
    nearest_stock: dict[str, float]
    predicted_stock: dict[str, float]
    f0_median: float
    f0_spread: float
    recordings_f0_median: float
    recordings_f0_spread: float
    quality: dict[str, float | None]
    warnings: list[str]


def paths(folder: Path, name: str) -> list[Path]:
    """Paths of the report: figures (JSON), the test sentence (WAV), and its plot below that of a recording (PNG)."""
    return [folder / f"{name}-report{suffix}" for suffix in (".json", ".wav", ".png")]


@torch.no_grad()
def measure(
    voice: Voice,
    speaker: TargetSpeaker,
    models: ModelBank,
    nearest: int = NEAREST,
    sentence: str | None = None,
    judge: Callable[[np.ndarray, int], Quality] = quality,
) -> tuple[VoiceFigures, np.ndarray]:
    """Figures of a cloned voice, and its test sentence ``[T]`` at 24 kHz.

    Args:
        voice: the voice.
        speaker: whom it should sound like.
        models: networks that speak and measure.
        nearest: number of stock voices that it is compared with.
        sentence: test sentence in the voice's language; ``sentence_for`` chooses one if omitted.
        judge: predicts opinion scores of a wave and its rate.
    """
    encoder, synthesis = models.speaker_encoder, TextToSpeech(models)
    usual, language = sentence_for(voice)
    sentence = sentence or usual

    def say(pack: Tensor) -> np.ndarray:
        return synthesis.speak(sentence, replace(voice, pack=pack), language)

    def likeness(pack: Tensor, embedding: np.ndarray) -> float:
        return metrics.cosine(encoder.embed(say(pack), SAMPLE_RATE), embedding)

    wave = say(voice.pack)
    voice_embedding = encoder.embed(wave, SAMPLE_RATE)
    embeddings = {path: encoder.embed(one, SAMPLE_RATE) for path, one in speaker.recordings.items()}
    recordings = {path: embedding for path, embedding in embeddings.items() if embedding is not None}
    surrogate = models.timbre_surrogate
    pitch = torch.tensor([float(np.median(speaker.log_f0))], device=models.device)
    predicted = predicted_stock(surrogate, speaker.embedding, pitch)
    names = sorted(predicted, key=lambda name: predicted[name], reverse=True)[:nearest]
    transcript = report.transcribe(models.transcriber, wave, iso_639(language)).text
    curve = report.contours(wave).f0
    log_f0 = np.log2(curve[curve > 0])
    return VoiceFigures(
        sentence=sentence,
        transcript=transcript,
        wer=word_errors(sentence, transcript, iso_639(language)).wer,
        similarity=metrics.cosine(voice_embedding, speaker.embedding),
        by_recording={path: metrics.cosine(voice_embedding, embedding) for path, embedding in recordings.items()},
        held_out=_held_out(list(recordings.values()), surrogate, pitch, voice.pack, likeness),
        nearest_stock={name: likeness(stock_voices()[name], speaker.embedding) for name in names},
        predicted_stock=predicted,
        f0_median=float(2 ** median_log_f0(curve)),
        f0_spread=float(SEMITONES * log_f0.std()) if len(log_f0) else float("nan"),
        recordings_f0_median=float(2 ** np.median(speaker.log_f0)),
        recordings_f0_spread=float(SEMITONES * speaker.log_f0.std()),
        quality=asdict(judge(wave, SAMPLE_RATE)),
        warnings=[*speaker.warnings],
    ), wave


def write(folder: Path, voice: Voice, speaker: TargetSpeaker, figures: VoiceFigures, wave: np.ndarray) -> list[Path]:
    """Write the three files of the report, see ``paths``; ``wave [T]`` is the test sentence at 24 kHz.

    Raises:
        UserError: the folder cannot be written, or matplotlib is not installed.
    """
    name = voice.name
    sheet, sound, plot = paths(folder, name)
    values = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(figures).items()}
    with audio.replacing(sheet) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    audio.write(sound, wave, comment=voice.mark)
    longest = max(speaker.recordings.values(), key=len)[: max(len(wave), SAMPLE_RATE)]
    curves = (report.contours(x).f0 for x in (longest, wave))
    plot_comparison(plot, longest, wave, *curves, title=f"{name}: a recording (source), the voice's test sentence")
    return [sheet, sound, plot]


def predicted_stock(surrogate: TimbreSurrogate, embedding: np.ndarray, pitch: Tensor) -> dict[str, float]:
    """Predicted cosine of every stock voice with a speaker.

    Args:
        surrogate: network that predicts embeddings from timbres.
        embedding: of the speaker, ``[256]``.
        pitch: median F0 of the speaker, log2 Hz ``[1]``.
    """
    timbres = torch.stack([style.timbre for style in stock_styles()]).to(pitch.device)
    speaker = torch.from_numpy(embedding).to(pitch.device)
    likeness = surrogate(timbres, pitch.expand(len(timbres))).mean(0) @ speaker
    return dict(zip(stock_voices(), likeness.tolist(), strict=True))


def _held_out(
    recordings: list[np.ndarray],
    surrogate: TimbreSurrogate,
    pitch: Tensor,
    pack: Tensor,
    likeness: Callable[[Tensor, np.ndarray], float],
) -> float | None:
    """Cosine between the last recording and a voice from the other recordings; None where there are no others."""
    if len(recordings) < 2:
        return None
    others = torch.from_numpy(np.sum(recordings[:-1], axis=0)).to(pitch.device)
    timbre = surrogate.find(F.normalize(others, dim=0)[None], pitch)[0].cpu()
    style = replace(Style.from_vector(pack), timbre=timbre.expand(len(pack), -1))
    return likeness(style.vector, recordings[-1])
