"""How close a cloned voice came to its speaker: likeness, nearest stock voices, melody, words, quality, a picture."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE, SEMITONES, TIMBRE_DIM
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.plots import compare_picture
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.synthesis.sample import sentence_for
from nuanced_speech.synthesis.text_to_speech import speak
from nuanced_speech.voice.stock import iso_639, stock_voices, style_of
from nuanced_speech.voicemaking.cloning import Clone

NEAREST = 5


@dataclass
class VoiceFigures:
    """What was measured on a test sentence that the voice speaks.

    Attributes:
        similarity: cosine of its speaker embedding with that of the recordings.
        by_recording: the same with each recording.
        held_out: cosine of the last recording with a voice from the others, its timbre found without refinement;
            None where there is only one recording.
        nearest_stock: the same cosine with the recordings for the stock voices that are most like the speaker.
        predicted_stock: for every stock voice, as the surrogate of ``style.timbre`` predicts it.
        f0_median, f0_spread: of the sentence; median in Hz, standard deviation in semitones.
        recordings_f0_median, recordings_f0_spread: of the recordings.
        quality: predicted mean opinion scores; None where their packages are not installed.
    """

    sentence: str
    heard: str
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
    """Figures, the test sentence as it is spoken, and its picture below that of a recording."""
    return [folder / f"{name}-report{suffix}" for suffix in (".json", ".wav", ".png")]


@torch.no_grad()
def measure(cloned: Clone, models: ModelBank) -> tuple[VoiceFigures, np.ndarray]:
    """Figures of a clone, and the test sentence that it speaks, ``[T]`` at 24 kHz."""
    voice, encoder = cloned.voice, models.speaker_encoder
    sentence, language = sentence_for(voice)

    def say(pack: Tensor) -> np.ndarray:
        return speak(sentence, replace(voice, pack=pack), language, kokoro=models.kokoro)

    def likeness(pack: Tensor, embedding: np.ndarray) -> float:
        return metrics.cosine(encoder.embed(say(pack), SAMPLE_RATE), embedding)

    spoken = say(voice.pack)
    own = encoder.embed(spoken, SAMPLE_RATE)
    heard_in = {str(r.path): encoder.embed(r.wave, SAMPLE_RATE) for r in cloned.recordings}
    recordings = {path: embedding for path, embedding in heard_in.items() if embedding is not None}
    surrogate = models.timbre_surrogate
    pitch = torch.tensor([float(np.median(cloned.log_f0))], device=models.device)
    predicted = predicted_stock(surrogate, cloned.embedding, pitch)
    nearest = sorted(predicted, key=lambda name: predicted[name], reverse=True)[:NEAREST]
    heard = report.hear(models.transcriber, spoken, iso_639(language)).text
    curve = report.contours(spoken).f0
    log_f0 = np.log2(curve[curve > 0])
    return VoiceFigures(
        sentence=sentence,
        heard=heard,
        wer=metrics.word_errors(sentence, heard, iso_639(language)).wer,
        similarity=metrics.cosine(own, cloned.embedding),
        by_recording={path: metrics.cosine(own, embedding) for path, embedding in recordings.items()},
        held_out=_held_out(list(recordings.values()), surrogate, pitch, voice.pack, likeness),
        nearest_stock={name: likeness(stock_voices()[name], cloned.embedding) for name in nearest},
        predicted_stock=predicted,
        f0_median=float(2 ** median_log_f0(curve)),
        f0_spread=float(SEMITONES * log_f0.std()) if len(log_f0) else float("nan"),
        recordings_f0_median=float(2 ** np.median(cloned.log_f0)),
        recordings_f0_spread=float(SEMITONES * cloned.log_f0.std()),
        quality=asdict(quality(spoken, SAMPLE_RATE)),
        warnings=cloned.warnings,
    ), spoken


def write(folder: Path, cloned: Clone, figures: VoiceFigures, spoken: np.ndarray) -> list[Path]:
    """The report's three files, see ``paths``.

    Raises:
        UserError: the folder cannot be written.
    """
    name = cloned.voice.name
    sheet, sound, picture = paths(folder, name)
    values = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(figures).items()}
    with audio.replacing(sheet) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    audio.write(sound, spoken, comment=cloned.voice.mark)
    longest = max((r.wave for r in cloned.recordings), key=len)[: max(len(spoken), SAMPLE_RATE)]
    curves = (report.contours(wave).f0 for wave in (longest, spoken))
    compare_picture(picture, longest, spoken, *curves, title=f"{name}: a recording (source), the voice's test sentence")
    return [sheet, sound, picture]


def predicted_stock(surrogate: TimbreSurrogate, embedding: np.ndarray, pitch: Tensor) -> dict[str, float]:
    """Cosine with the speaker of every stock voice at his pitch, as the surrogate has it."""
    timbres = torch.stack([style_of(pack)[:TIMBRE_DIM] for pack in stock_voices().values()]).to(pitch.device)
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
    """The last recording's likeness to the voice that the others give; None where there are no others."""
    if len(recordings) < 2:
        return None
    others = torch.from_numpy(np.sum(recordings[:-1], axis=0)).to(pitch.device)
    timbre = surrogate.find(F.normalize(others, dim=0)[None], pitch)[0].cpu()
    return likeness(torch.cat([timbre.expand(len(pack), -1), pack[:, TIMBRE_DIM:]], 1), recordings[-1])
