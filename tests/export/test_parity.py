"""Each graph gives what PyTorch gives, within the bounds that docs/edge.md states."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.convert.converter import Converter
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.mel import MelConfig, mel_spectrogram
from nuanced_speech.edge import EdgeConverter, analysis
from nuanced_speech.edge.frames import EdgeFrames
from nuanced_speech.edge.models import EdgeModels
from nuanced_speech.export.bundle import all_graphs, decoder_graph
from nuanced_speech.export.files import Graph, quantise, write_graph
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes, envelopes
from nuanced_speech.models.fast_decoder import FastDecoder

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx", reason="the extra models is not installed")

UNITS = 60
FLOAT32 = 1e-4
# of each output, in their order
# few numbers of the encoder are very large and say little: what is made of them is the measure, INT8_CONTENT
INT8 = {"encoder": (0.5,), "content": (0.05, 0.05), "decoder": (0.1, 0.1)}
# of all of them in a row: text features, and sound as log-mel distance
INT8_CONTENT, INT8_DB = 0.1, 1.0


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square of the difference, relative to that of what is expected."""
    return float(np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()))


def test_content_of_any_length_is_pytorchs(edge: EdgeModels, converter: Converter, speech: np.ndarray) -> None:
    models = converter.models
    for units in (UNITS, 33):
        wave = audio.resample(speech[: 600 * units], 24_000, 16_000)
        features = models.feature_extractor.features(wave, (models.content_adapter.config.layer,))
        with torch.no_grad():
            regressed = models.content_adapter(features[None], torch.tensor([units]))
            mixed = ContentEstimator(models).mixed(regressed.content, regressed.logits[0].T.log_softmax(-1).numpy())
        found, alone = analysis.content(edge, wave, units)
        assert found.shape == (1, 512, units)
        assert relative(alone, regressed.content.numpy()) < 0.01
        # half precision, and phonemes that are as probable as others, leave this much
        assert relative(found, mixed.numpy()) < 0.01


def test_features_are_the_packages(edge: EdgeModels, speech: np.ndarray) -> None:
    found = analysis.analyze(edge, speech, followed=True)
    assert found.envelope is not None and found.frames is not None and found.frames.content.shape == (UNITS, 512)
    for shape, hop in ((found.envelope, 300), (found.frames.envelope, 600)):
        np.testing.assert_allclose(shape, envelopes(torch.from_numpy(speech)[None], hop)[0].numpy(), atol=1e-3)
    expected = f0(audio.resample(speech, 24_000, 16_000), 16_000)
    assert found.f0.shape == expected.shape == (2 * UNITS,)
    both = (found.f0 > 0) & (expected > 0)
    assert both.sum() > 40 and ((found.f0 > 0) == (expected > 0)).mean() > 0.97
    assert np.abs(1200 * np.log2(found.f0[both] / expected[both])).max() < 5
    np.testing.assert_allclose(found.energy, energy(speech), atol=0.01)


def test_sound_is_pytorchs(edge: EdgeModels, folder: Path, decoder: FastDecoder, speech: np.ndarray) -> None:
    features, voice = analysis.analyze(edge, speech), edge.voice("af_heart")
    found = EdgeConverter(folder, 1).decode(features, voice, 0.25)
    curves = (torch.from_numpy(x)[None] for x in (features.f0 * np.float32(2**0.25), features.energy + np.float32(0.6)))
    target = DecoderVoice(torch.from_numpy(voice.timbre), torch.from_numpy(voice.speaker))
    expected = decoder(torch.from_numpy(features.content), *curves, target)[0].numpy()
    assert found.shape == expected.shape == (600 * UNITS,)
    assert expected.std() > 1e-3 and relative(found, expected) < 0.01


@pytest.mark.parametrize("name", ["own", "clone"])
def test_sound_that_follows_the_source_is_pytorchs(
    edge: EdgeModels, folder: Path, decoder: FastDecoder, speech: np.ndarray, name: str
) -> None:
    features, voice = analysis.analyze(edge, speech, followed=True), edge.voice(name)
    assert features.frames is not None and features.envelope is not None
    spoken = replace(voice, frames=features.frames) if voice.own else voice
    assert spoken.frames is not None and len(spoken.frames.content) == (UNITS if voice.own else 40)
    found = EdgeConverter(folder, 1).decode(features, spoken)
    curves = [torch.from_numpy(x)[None] for x in (features.f0, features.energy + np.float32(0.6))]

    def reference(frames: EdgeFrames) -> Reference:
        content, envelope = (torch.from_numpy(x.copy())[None] for x in (frames.content, frames.envelope))
        return Reference(content, envelope, torch.ones(content.shape[:2], dtype=torch.bool))

    target = DecoderVoice(torch.from_numpy(voice.timbre), torch.from_numpy(voice.speaker), reference(spoken.frames))
    source = SourceEnvelopes(torch.from_numpy(features.envelope)[None], reference(features.frames))
    with_source, without = (
        decoder(torch.from_numpy(features.content), *curves, target, source=followed)[0].numpy()
        for followed in (source, None)
    )
    assert relative(found, with_source) < 0.01 < 0.05 < relative(without, with_source)


@pytest.fixture(scope="module")
def given(folder: Path, speech: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """What each graph is given when speech is converted into a clone's voice."""
    converter, kept = EdgeConverter(folder, 1), dict[str, dict[str, np.ndarray]]()
    run = converter.models.run

    def keeping(graph: str, **inputs: np.ndarray) -> list[np.ndarray]:
        kept[graph] = inputs
        return run(graph, **inputs)

    converter.models.run = keeping  # type: ignore[method-assign]
    converter.convert(speech, "clone")
    return kept


def outputs(path: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What a file gives."""
    found: list[np.ndarray] = onnxruntime.InferenceSession(str(path)).run(None, inputs)
    return found


def far(graph: Graph, path: Path, inputs: dict[str, np.ndarray]) -> list[float]:
    """How far each output of a file is from PyTorch's, relative."""
    with torch.no_grad():
        expected: Any = graph.module(*(torch.from_numpy(inputs[name]) for name in graph.inputs))
    several = expected if isinstance(expected, tuple) else (expected,)
    return [relative(one, other.numpy()) for one, other in zip(outputs(path, inputs), several, strict=True)]


def by(folder: Path, paths: dict[str, Path]) -> EdgeConverter:
    """A converter by other files than those of the folder."""
    converter = EdgeConverter(folder, 1)
    converter.models._sessions = {name: onnxruntime.InferenceSession(str(path)) for name, path in paths.items()}
    return converter


def test_every_graph_in_float32_and_int8(
    converter: Converter,
    packaged_decoder: Decoder,
    folder: Path,
    given: dict[str, dict[str, np.ndarray]],
    speech: np.ndarray,
    tmp_path: Path,
) -> None:
    """The weights that are packaged, and the inputs that a conversion gives them."""
    assert isinstance(packaged_decoder, FastDecoder)
    whole, small = dict[str, Path](), dict[str, Path]()
    for graph in all_graphs(converter.models, packaged_decoder):
        whole[graph.name] = small[graph.name] = path = tmp_path / f"{graph.name}.onnx"
        write_graph(graph, path)
        distances = far(graph, path, given[graph.name])
        assert max(distances) < FLOAT32, graph.name
        if graph.int8:
            small[graph.name] = Path(shutil.copy(path, tmp_path / f"{graph.name}.int8.onnx"))
            quantise(small[graph.name], graph.by_column, graph.exact)
            assert small[graph.name].stat().st_size < 0.8 * path.stat().st_size
            distances = far(graph, small[graph.name], given[graph.name])
            assert all(one < bound for one, bound in zip(distances, INT8[graph.name], strict=True)), graph.name
    assert [name for name in whole if whole[name] != small[name]] == [*INT8]
    one, other = (by(folder, paths) for paths in (whole, small))
    wave = audio.resample(speech, 24_000, 16_000)
    # the regressed ones: which phonemes are mixed in is a decision, which the last bits may change
    contents = [analysis.content(each.models, wave, len(speech) // 600)[1] for each in (one, other)]
    sounds = [torch.from_numpy(each.convert(speech, "clone").audio)[None] for each in (one, other)]
    mels = [mel_spectrogram(sound, MelConfig(sample_rate=24_000)) for sound in sounds]
    # natural logarithms of magnitudes in dB
    assert relative(contents[1], contents[0]) < INT8_CONTENT
    assert float((mels[0] - mels[1]).abs().mean()) * 20 / np.log(10) < INT8_DB


def test_linear_layers_become_int8_where_it_is_asked_for(decoder: FastDecoder, tmp_path: Path) -> None:
    for int8 in (False, True):
        write_graph(decoder_graph(decoder), tmp_path / "decoder.onnx", int8=int8)
        assert int8 == (b"DynamicQuantizeLinear" in (tmp_path / "decoder.onnx").read_bytes())
