"""What all tests share. Models are kept in NUANCED_SPEECH_CACHE if it is set, else in the usual cache."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers import CLIP, Ended

from nuanced_speech.core import threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.dialogue.local_model import LocalModel
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import Decoder
    from nuanced_speech.models.fast_decoder import FastDecoder
    from nuanced_speech.models.kokoro import Kokoro
    from nuanced_speech.models.speaker_encoder import SpeakerEncoder
    from nuanced_speech.models.whisper import WhisperModel

# imports and collected tests are hundreds of thousands of objects that stay: searching them for garbage takes seconds
gc.set_threshold(50_000, 20, 20)
# Before torch loads, as on the command line. Of several workers each computes with one thread.
threads.let_idle_threads_sleep()
if "PYTEST_XDIST_WORKER" in os.environ:
    threads.limit(1)
# Tests take models from the cache or from installed packages: the same weights everywhere, and no network needed.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# nor voices that somebody keeps on this machine
os.environ["NUANCED_SPEECH_VOICES"] = str(Path(__file__).parent / "nowhere")

# Files of half a minute and more with three workers on two processor cores, about in this order.
LONGEST = (
    "serve/test_page.py",
    "scale/test_ray_engine.py",
    "convert/test_converter.py",
    "evaluate/test_benchmark.py",
    "voicemaking/test_cloning.py",
    "train/test_style_encoder.py",
    "serve/test_clients.py",
    "train/test_timbre_extension.py",
    "convert/test_recorded_voices.py",
    "models/test_timbre_surrogate.py",
    "voicemaking/test_description.py",
    "adapt/test_voice_adaptation.py",
    "tts/vocoders/test_training.py",
    "docs/test_examples.py",
    "models/test_whisper.py",
    "cli/test_convert.py",
    "serve/test_ray_app.py",
    "train/test_corpus.py",
    "live/test_block_stream.py",
    "tts/test_prepare.py",
    "convert/test_resumable.py",
    "train/test_phoneme_recognizer.py",
    "core/test_precision.py",
    "adapt/test_style_inversion.py",
    "adapt/test_refinement.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first, then those with the most slow tests, so that no worker ends with one of them
    while the others have nothing."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    first = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (first.get(item.path, len(first)), -slow[item.path]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked ``gpu`` are skipped where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


def pytest_collection_finish() -> None:
    """What was imported and collected stays, and is searched no more."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def clip() -> Path:
    """Five seconds of real speech (16 kHz mono FLAC), whose words are ``CLIP_WORDS``."""
    return CLIP


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model cache with nothing in it, and none of other programs' caches."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def kokoro() -> Kokoro:
    """The synthesizer, loaded once for all tests."""
    from nuanced_speech.models.kokoro import Kokoro

    return Kokoro()


@pytest.fixture(scope="session")
def encoder() -> SpeakerEncoder:
    """Who speaks, loaded once for all tests."""
    from nuanced_speech.models.speaker_encoder import SpeakerEncoder

    return SpeakerEncoder()


@pytest.fixture(scope="session")
def models(kokoro: Kokoro, encoder: SpeakerEncoder) -> ModelBank:
    """A bank with the synthesizer and the speaker encoder that are loaded already."""
    from nuanced_speech.models.bank import ModelBank

    return ModelBank(loaded={"kokoro": kokoro, "speaker_encoder": encoder})


@pytest.fixture(scope="session")
def compiled_once() -> None:
    """What numba compiles for Whisper's word times, for some seconds, is kept for the next process."""
    from whisper import timing

    for function in (timing.backtrace, timing.dtw_cpu):
        with suppress(RuntimeError):  # where nothing may be written
            function.enable_caching()


@pytest.fixture(scope="session")
def listener(compiled_once: None) -> WhisperModel:
    """The smallest Whisper, loaded once for all tests."""
    from nuanced_speech.models.whisper import WhisperModel

    return WhisperModel("tiny.en")


@pytest.fixture(scope="session")
def converter(kokoro: Kokoro, encoder: SpeakerEncoder, listener: WhisperModel) -> Converter:
    """What converts, with the models that are loaded already; its synthesizer knows extended timbres."""
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.models.bank import EXTENT, ModelBank
    from nuanced_speech.models.timbre_extension import TimbreExtension

    extension = TimbreExtension.load()
    loaded = {
        "kokoro": kokoro.extended(EXTENT * extension.columns), "timbre_extension": extension,
        "speaker_encoder": encoder, "transcriber": listener,
    }  # fmt: skip
    return Converter(ModelBank(whisper="tiny.en", loaded=loaded))


@pytest.fixture(scope="session")
def fast_decoder() -> FastDecoder:
    """A tiny fast decoder with random weights."""
    import torch

    from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoder = FastDecoder(FastDecoderConfig(32, 64, 3, condition=16, heads=2, key=8))
        # untrained heads say nearly the same of all frames
        torch.nn.init.normal_(decoder.head.weight, 0.0, 0.3)
        torch.nn.init.normal_(decoder.base.weight, 0.0, 0.1)
    return decoder.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def packaged_decoder() -> Decoder:
    """The packaged fast decoder, for tests about what surrounds a decoder: it takes a tenth of Kokoro's time."""
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import FAST, load_decoder

    return load_decoder(FAST, ModelBank())


@pytest.fixture(scope="session")
def quick(converter: Converter, packaged_decoder: Decoder) -> Converter:
    """What converts by the fast decoder, with the models of ``converter``."""
    from nuanced_speech.convert.converter import Converter

    return Converter(converter.models, decoder=packaged_decoder)


@pytest.fixture(scope="session")
def small_model() -> LocalModel:
    """The small language model, loaded once for all tests."""
    from nuanced_speech.dialogue.local_model import SMOLLM2, LocalModel

    pytest.importorskip("xllamacpp", reason="the extra reply is not installed")
    if SMOLLM2.find() is None:
        pytest.skip("the weights of SmolLM2 are not installed")
    return LocalModel()


@pytest.fixture(scope="session")
def speak_corpus(tmp_path_factory: pytest.TempPathFactory, kokoro: Kokoro) -> Callable[[int], Path]:
    """A folder of its own with a corpus of so many short utterances, four at most; the first are always the same."""
    from safetensors.torch import load_file

    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.train import corpus

    @cache
    def spoken() -> Path:
        out = tmp_path_factory.mktemp("spoken")
        (out / "text.txt").write_text("Yes, of course.\nNot now.\n", encoding="utf-8")
        config = corpus.CorpusConfig(out, per_shard=4, seed=2, text_file=out / "text.txt")
        corpus._speak_shard((config, 0), ModelBank(loaded={"kokoro": kokoro}))
        return out / "shard-00000.safetensors"

    def copied(utterances: int) -> Path:
        whole = load_file(spoken())
        first = {name: tensor for name, tensor in whole.items() if int(name.split(".")[0]) < utterances}
        folder = tmp_path_factory.mktemp("corpus")
        corpus.write_shard(first, folder / spoken().name)
        return folder

    return copied


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``run(*arguments)`` does what ``nuanced-speech ARGUMENTS`` does."""
    from nuanced_speech.cli import app as cli

    def command(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["nuanced-speech", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        return Ended(status, *capsys.readouterr())

    return command


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collects the figures that are saved, which are saved as ever."""
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: object, **options: object) -> None:
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures
