"""What training tells about itself: similarity to true styles, sound and pictures for TensorBoard, the last table."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.files import replacing
from nuanced_speech.dsp.spectrogram import mel_db
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.train.board import Board, coloured
from nuanced_speech.train.references import ReferenceSegment
from nuanced_speech.voice.style import Style

_SHOWN_DB = 70.0


class SpeechBoard(Board):
    """The log of the recipe."""

    pictures = True

    def sounds(self, predicted: Tensor, reference: Tensor, step: int) -> None:
        """Two waveforms ``[T]`` and the picture of both."""
        self.writer.add_audio("predicted", predicted[None], step, SAMPLE_RATE)
        self.writer.add_audio("reference", reference[None], step, SAMPLE_RATE)
        self.writer.add_image(
            "mel, predicted above reference", mel_picture(predicted, reference), step, dataformats="HWC"
        )


@torch.no_grad()
def similarity(encoder: StyleEncoder, segments: Sequence[ReferenceSegment], voices: Sequence[str]) -> dict[str, object]:
    """Mean cosine of predicted to true styles: whole, timbre and prosody half, each voice's own.

    ``average_voice`` is what the mean stock style scores, that is, an encoder without any input.
    """
    if not segments:
        return {"segments": 0}
    device = encoder.style_mean.device
    predicted = torch.cat([encoder(s.features[None].to(device)).cpu() for s in segments])
    true = torch.stack([s.style for s in segments])
    average = encoder.style_mean.cpu().expand_as(true)
    cosine = F.cosine_similarity(predicted, true)
    ours, theirs = Style.from_vector(predicted), Style.from_vector(true)
    by_voice = {voice: _mean(cosine[[v == voice for v in voices]]) for voice in sorted(set(voices))}
    return {
        "segments": len(segments),
        "cosine": _mean(cosine),
        "timbre": _mean(F.cosine_similarity(ours.timbre, theirs.timbre)),
        "prosody": _mean(F.cosine_similarity(ours.prosody, theirs.prosody)),
        "average_voice": _mean(F.cosine_similarity(average, true)),
        "voices": by_voice,
    }


def mel_picture(predicted: Tensor, reference: Tensor) -> np.ndarray:
    """Log-mel spectrograms of two waveforms ``[T]``, the predicted one above: ``[height, width, 3]`` in [0, 1]."""
    rows = []
    for wave in (predicted, reference):
        level = (mel_db(wave.numpy(), SAMPLE_RATE) + _SHOWN_DB) / _SHOWN_DB
        rows.append(np.repeat(coloured(level[::-1].clip(0, 1), "magma"), 2, axis=0))
    width = min(row.shape[1] for row in rows)
    return np.concatenate([row[:, :width] for row in rows])


def tables(report: dict[str, Any]) -> str:
    """Two Markdown tables: losses at start and end; style cosines with the trained voices and with others."""
    lines = ["Training segments", "", "| loss | start | end |", "|---|---|---|"]
    for name, start in report["start"].items():
        lines.append(f"| {name.replace('_', ' ')} | {start:.3f} | {report['end'][name]:.3f} |")
    lines += ["", "Style cosine to the true voice", ""]
    lines += ["| speech | segments | cosine | timbre | prosody | average voice |", "|---|---|---|---|---|---|"]
    for name, figures in report["similarity"].items():
        if figures["segments"]:
            cosines = [f"{figures[key]:.3f}" for key in ("cosine", "timbre", "prosody", "average_voice")]
            lines.append(f"| {' | '.join([name, str(figures['segments']), *cosines])} |")
    return "\n".join(lines)


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _mean(values: Tensor) -> float:
    return round(float(values.mean()), 4)
