"""Whisper's weights from CTranslate2."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import whisper
from helpers import CLIP_WORDS, TINY_EN
from whisper.model import ModelDimensions, Whisper, sinusoids

from nuanced_speech.weights import catalog, ctranslate2, sources


def packaged_file(name: str) -> Path:
    (file,) = sources._installed(sources.PACKAGED[name], Path(), catalog.no_progress)
    return file


@pytest.fixture(scope="module")
def tiny_en() -> bytes:
    return packaged_file(TINY_EN).read_bytes()


@pytest.fixture(scope="module")
def tiny_en_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that holds tiny.en as this run's code converts it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("NUANCED_SPEECH_CACHE", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder / "elsewhere"))
        catalog.find(TINY_EN)
        yield folder


def test_ctranslate2_has_every_array_of_whisper(tiny_en: bytes) -> None:
    state, dims = ctranslate2.convert(tiny_en)
    with catalog._Uninitialised():
        model = Whisper(ModelDimensions(**dims))
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert {name: value.shape for name, value in state.items()} == wanted
    assert {value.dtype for value in state.values()} == {np.dtype(np.float16)}
    positions = sinusoids(1500, 384).numpy()
    np.testing.assert_allclose(state["encoder.positional_embedding"], positions, atol=1e-3)


def test_converted_whisper_understands_speech(tiny_en_cache: Path, clip: Path) -> None:
    assert {file.name for file in tiny_en_cache.iterdir()} == {f"{TINY_EN}.safetensors", f"{TINY_EN}.json"}
    model = catalog.load_whisper("tiny.en")
    wave, _ = soundfile.read(clip, dtype="float32")
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(wave))
    said = whisper.decode(model, mel, options).text
    assert said.lower().strip(" .") == CLIP_WORDS
    # the package's own notes list the heads that word times are read from
    notes = json.loads(packaged_file(TINY_EN).with_name("config.json").read_text(encoding="utf-8"))
    assert model.alignment_heads.indices().T.tolist() == notes["alignment_heads"]
    assert next(model.parameters()).dtype == torch.float32 and not model.training


def test_a_key_bias_is_refused(tiny_en: bytes) -> None:
    data = bytearray(tiny_en)
    bias = ctranslate2.parse(data)["encoder/layer_0/self_attention/linear_0/bias"]
    bias[len(bias) // 2] = 1
    with pytest.raises(ValueError, match="key bias"):
        ctranslate2.convert(data)


def test_ctranslate2_files_that_are_cut_short_or_foreign_are_refused(tiny_en: bytes) -> None:
    with pytest.raises(ValueError, match="too early|not a CTranslate2"):
        ctranslate2.parse(tiny_en[:-1000])
    with pytest.raises(ValueError):
        ctranslate2.parse(b"ID3\x04 this is no model" * 20)
