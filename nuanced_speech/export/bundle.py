"""A folder with all that a conversion without PyTorch needs: graphs, noise, voices, and a JSON that says what is what.

recording → power spectra → encoder → content ─────────────┐
          → magnitude spectra → pitch → path → melody move ─┤
          → power spectra → energy, envelope ───────────────┴→ decoder → inverse transform → sound
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.constants import (
    CONTENT_DIM,
    ENERGY_OFFSET,
    ENVELOPE_BANDS,
    FEATURE_FRAMES_PER_UNIT,
    HOP_LENGTH,
    KOKORO_LEVEL_DB,
    SAMPLE_RATE,
    SHARPNESS,
    SPEAKER_DIM,
    SYNTHETIC,
    TIMBRE_DIM,
    UNITS_PER_SECOND,
    WHISPER_SAMPLE_RATE,
)
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.version import __version__
from nuanced_speech.dsp import energy, harmonic_synthesis, swift_f0
from nuanced_speech.export import graphs
from nuanced_speech.export.files import OPSET, Graph, described, onnx_package, write_graph
from nuanced_speech.export.runtime import check_runtime, write_runtime
from nuanced_speech.export.voice_table import VoiceRow
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.whisper import MARGIN_SECONDS

FORMAT = 2
"""Number of the folder's layout."""
TABLE, NOISE, VOICES, FRAMES = "models.json", "noise.bin", "voices.bin", "frames.bin"
BINS = harmonic_synthesis.N_FFT // 2 + 1


@dataclass(frozen=True)
class ExportOptions:
    """What is written.

    Attributes:
        half: weights in half precision: half the size, the same arithmetic.
        int8: linear layers in int8 in the graphs that are quicker so.
        sharpness: share of the recognised phonemes' text features, 0 to 1.
        runtime: the Python files of ``nuanced_speech.edge`` beside the networks.
    """

    half: bool = False
    int8: bool = False
    sharpness: float = SHARPNESS
    runtime: bool = True


def export_onnx(
    out: Path,
    models: ModelBank,
    decoder: FastDecoder,
    rows: Sequence[VoiceRow],
    options: ExportOptions = ExportOptions(),
    progress: Progress | None = None,
) -> Path:
    """Write the folder; files that are there already are replaced, each when its successor is whole.

    Args:
        out: folder; made if it is not there.
        models: gives Whisper, the content adapter and Kokoro's text encoder.
        decoder: the fast decoder.
        rows: voices, as ``voice_table`` gives them.
        options: what is written.
        progress: called with the share that is done.

    Returns:
        the JSON file.

    Raises:
        UserError: the folder cannot be written, or holds other Python files; the package onnx is not installed.
    """
    onnx_package()
    _make_folder(out)
    if options.runtime:
        check_runtime(out)
    entries, every = dict[str, Any](), list(all_graphs(models, decoder))
    for done, graph in enumerate(every):
        path = out / f"{graph.name}.onnx"
        with replacing(path) as temporary:
            write_graph(graph, temporary, options.half, options.int8 and graph.int8)
        entries[graph.name] = described(path) | _file(path)
        if progress is not None:
            progress((done + 1) / len(every))
    numbers = np.stack([row.numbers for row in rows])
    frames = np.concatenate([row.frames.reshape(-1) for row in rows])
    noise = harmonic_synthesis.white_noise(0).numpy()
    for name, array in ((NOISE, noise), (VOICES, numbers), (FRAMES, frames)):
        with replacing(out / name) as temporary:
            temporary.write_bytes(array.astype("<f4").tobytes())
    table = _table(options, entries, rows, models)
    table["noise"], table["frames"] = _file(out / NOISE), _file(out / FRAMES)
    table["voices"] |= _file(out / VOICES)
    if options.runtime:
        write_runtime(out)
    # last, so that a folder with it is complete
    with replacing(out / TABLE) as temporary:
        temporary.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return out / TABLE


def all_graphs(models: ModelBank, decoder: FastDecoder) -> Iterator[Graph]:
    """The networks, each with an example of a second."""
    adapter, whisper = models.content_adapter, models.feature_extractor.model
    units, frames = UNITS_PER_SECOND, 2 * UNITS_PER_SECOND
    rows = math.ceil(units * FEATURE_FRAMES_PER_UNIT)
    yield Graph(
        "encoder",
        graphs.EncoderGraph(whisper, adapter.config.layer),
        (torch.rand(1, 201, 100),),
        {"power": {2: "mel_frames"}},
        {"features": {1: "feature_frames"}},
        int8=True,
        by_column=True,
        # few of its numbers are very large: without it, int8 loses a third as much (docs/edge.md)
        exact=f"blocks.{adapter.config.layer - 1}/mlp/mlp.2",
    )
    yield Graph(
        "content",
        graphs.ContentGraph(adapter),
        (torch.randn(1, rows, whisper.dims.n_audio_state), torch.tensor([units])),
        {"features": {1: "feature_frames"}, "units": {}},
        {"content": {2: "units"}, "log_probabilities": {1: "units"}},
        int8=True,
        by_column=True,
    )
    yield Graph(
        "phonemes",
        graphs.PhonemeGraph(models.kokoro),
        (torch.arange(12)[None],),
        {"ids": {1: "phonemes"}},
        {"text_features": {2: "phonemes"}},
    )
    magnitudes = tuple(torch.rand(n // 2 + 1, 60) for n in swift_f0.N_FFTS)
    yield Graph(
        "pitch",
        graphs.PitchGraph(swift_f0.pitch_net()),
        magnitudes,
        {name: {1: "pitch_frames"} for name in ("middle", "long", "short")},
        {"pitch": {0: "pitch_frames"}, "voicing": {0: "pitch_frames"}},
    )
    yield Graph(
        "energy",
        graphs.EnergyGraph(),
        (torch.rand(1, energy.N_FFT // 2 + 1, frames),),
        {"power": {2: "frames"}},
        {"energy": {1: "frames"}},
    )
    yield Graph(
        "envelope",
        graphs.EnvelopeGraph(),
        (torch.rand(1, BINS, frames),),
        {"power": {2: "frames"}},
        {"envelope": {1: "frames"}},
    )
    yield decoder_graph(decoder)


def decoder_graph(decoder: FastDecoder) -> Graph:
    """The fast decoder."""
    units, frames = UNITS_PER_SECOND, 2 * UNITS_PER_SECOND
    spectra = tuple(torch.randn(1, frames, BINS) for _ in range(4))
    curves: tuple[Tensor, ...] = (torch.randn(1, CONTENT_DIM, units), torch.full((1, frames), 120.0))
    voice = (torch.randn(1, TIMBRE_DIM), torch.full((1, SPEAKER_DIM), torch.nan))
    parts = ("pulses_real", "pulses_imag", "noise_real", "noise_imag")
    known = torch.ones(1)
    rows = [(torch.randn(1, count, CONTENT_DIM), torch.randn(1, count, ENVELOPE_BANDS), known) for count in (50, 70)]
    return Graph(
        "decoder",
        graphs.DecoderGraph(decoder),
        (
            *(*curves, torch.randn(1, frames), *voice, *spectra, *rows[0]),
            *(torch.randn(1, frames, ENVELOPE_BANDS), *rows[1]),
        ),
        {"content": {2: "units"}, "f0": {1: "frames"}, "energy": {1: "frames"}, "timbre": {}, "speaker": {}}
        | {name: {1: "frames"} for name in parts}
        | _rows("voice")
        | {"source": {1: "frames"}}
        | _rows("source"),
        {"real": {1: "frames"}, "imag": {1: "frames"}},
        int8=True,
    )


def _rows(whose: str) -> dict[str, dict[int, str]]:
    """Inputs of the decoder for frames of recordings."""
    rows = {1: f"{whose}_frames"}
    return {f"{whose}_content": rows, f"{whose}_envelope": rows, f"{whose}_known": {}}


def _table(
    options: ExportOptions, entries: dict[str, Any], rows: Sequence[VoiceRow], models: ModelBank
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_by": f"Nuanced Speech {__version__}",
        "opset": OPSET,
        "weights": "float16" if options.half else "float32",
        "int8": options.int8,
        "rates": {
            "audio_hz": SAMPLE_RATE,
            "listening_hz": WHISPER_SAMPLE_RATE,
            "units_hz": UNITS_PER_SECOND,
            "frames_hz": SAMPLE_RATE // HOP_LENGTH,
            "features_hz": 50,
        },
        "whisper": models.content_adapter.config.whisper,
        "settings": {
            "level_db": KOKORO_LEVEL_DB,
            "energy_offset": ENERGY_OFFSET,
            "sharpness": options.sharpness,
            "margin_seconds": MARGIN_SECONDS,
        },
        "graphs": entries,
        "own_mark": SYNTHETIC,
        "voices": {
            "numbers": TIMBRE_DIM + SPEAKER_DIM,
            "rows": [
                {"name": row.name, "mark": row.mark, "log_f0": round(row.log_f0, 4), "frames": len(row.frames)}
                for row in rows
            ],
        },
    }


def _file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: the folder cannot be made ({error.strerror}); give another one") from error
