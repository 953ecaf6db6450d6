"""The graphs give what PyTorch gives, and the edge converter what they and the package's own functions give."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from helpers import CLIP, ROOT, Ended
from serve.browser import chromium

from nuanced_speech import audio
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.limiter import true_peak
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.mel import MelConfig, mel_spectrogram
from nuanced_speech.edge import EdgeConverter, analysis
from nuanced_speech.edge.__main__ import main as edge_command
from nuanced_speech.edge.frames import EdgeFrames, nearest
from nuanced_speech.edge.models import EdgeModels
from nuanced_speech.export.bundle import ExportOptions, decoder_graph, export_onnx
from nuanced_speech.export.files import write_graph
from nuanced_speech.export.voice_table import VoiceRow, voice_table
from nuanced_speech.export.web import write_page
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes, envelopes
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.voice import Voice

FULL = 10 ** (-1 / 20)
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx", reason="the extra models is not installed")

SMALL = FastDecoderConfig(width=64, hidden=96, blocks=3, condition=32, heads=2, key=8, follows_source=True)
LOG_F0 = 7.6
UNITS = 60


@pytest.fixture(scope="module")
def decoder() -> FastDecoder:
    torch.manual_seed(3)
    decoder = FastDecoder(SMALL)
    with torch.no_grad():
        decoder.head.weight.normal_(0, 0.2)
        assert decoder.difference is not None
        decoder.difference.weight.normal_(0, 0.2)
    return decoder.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def row() -> VoiceRow:
    timbre = style_of(stock_voices()["af_heart"])[:128].numpy()
    return VoiceRow(
        "af_heart", f"{audio.SYNTHETIC}; voice: af_heart", LOG_F0, np.append(timbre, [np.nan] * 256).astype("f4")
    )


@pytest.fixture(scope="module")
def folder(converter: Converter, decoder: FastDecoder, row: VoiceRow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported models in half precision."""
    out = tmp_path_factory.mktemp("edge") / "models"
    frames = np.random.default_rng(0).normal(0, 1, (40, 576)).astype(np.float32)
    rows = [row, replace(row, name="other"), replace(row, name="clone", frames=frames)]
    export_onnx(out, converter.models, decoder, rows, ExportOptions(half=True))
    return out


@pytest.fixture(scope="module")
def edge(folder: Path) -> EdgeModels:
    return EdgeModels(folder, threads=1)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A second and a half of speech at the level of Kokoro's, ``[600 * 60]``."""
    wave = audio.read(CLIP)
    return (wave * np.float32(gain_of(wave)))[: UNITS * 600]


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square of the difference, relative to that of what is expected."""
    return float(np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()))


def test_the_table_says_shapes_rates_and_sums(folder: Path, edge: EdgeModels) -> None:
    table = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    assert table["rates"] == {
        "audio_hz": 24_000, "listening_hz": 16_000, "units_hz": 40, "frames_hz": 80, "features_hz": 50,
    }  # fmt: skip
    assert table["opset"] == 17 and table["weights"] == "float16"
    assert table["graphs"]["content"]["inputs"] == {
        "features": {"shape": [1, "feature_frames", 512], "type": "float32"},
        "units": {"shape": [1], "type": "int64"},
    }
    for entry in [*table["graphs"].values(), table["noise"], table["voices"], table["frames"]]:
        content = (folder / entry["file"]).read_bytes()
        assert entry["bytes"] == len(content) and entry["sha256"] == hashlib.sha256(content).hexdigest()
    edge.verify()
    assert sum(entry["bytes"] for entry in table["graphs"].values()) < 80e6


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


@pytest.mark.parametrize(("int8", "bound"), [(False, 1e-4), (True, 0.4)])
def test_decoders_in_float32_and_int8(decoder: FastDecoder, tmp_path: Path, int8: bool, bound: float) -> None:
    graph = decoder_graph(decoder)
    write_graph(graph, tmp_path / "decoder.onnx", int8=int8)
    inputs = dict(zip(graph.inputs, (x.numpy() for x in graph.example), strict=True))
    found = onnxruntime.InferenceSession(str(tmp_path / "decoder.onnx")).run(None, inputs)
    with torch.no_grad():
        expected = graph.module(*graph.example)
    for one, other in zip(found, expected, strict=True):
        assert relative(one, other.numpy()) < bound
    assert int8 == (b"DynamicQuantizeLinear" in (tmp_path / "decoder.onnx").read_bytes())


def test_converts_a_recording_to_a_voice_of_the_table(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    assert edge_command([str(folder), str(CLIP), str(out), "--voice", "other", "--threads", "1"]) == 0
    source, wave = audio.read(CLIP), audio.read(out)
    assert len(wave) == len(source) and audio.synthetic_mark(out) == f"{audio.SYNTHETIC}; voice: af_heart"
    # the loudness contour is the source's even where the decoder has learned nothing
    a, b = energy(source), energy(wave)
    loud = a > np.quantile(a, 0.6)
    assert np.corrcoef(a[loud], b[loud])[0, 1] > 0.7
    assert abs(audio.active_level_db(wave, 24_000) - audio.active_level_db(source, 24_000)) < 3
    again = EdgeConverter(folder, 1).convert(CLIP, "af_heart")
    # the file has 16 bits
    np.testing.assert_allclose(again.audio, wave, atol=2e-4)


def test_loud_speech_is_limited_and_not_made_quieter_as_a_whole(folder: Path) -> None:
    wave = audio.read(CLIP)[: 24_000 * 3 // 2]
    converter = EdgeConverter(folder, 1)
    quiet, loud = (converter.convert(wave * np.float32(g / np.abs(wave).max()), "af_heart").audio for g in (0.1, 1.0))
    assert true_peak(quiet) < 0.88 < true_peak(loud) <= FULL
    # 20 dB louder wherever no peak is near
    assert np.median(np.abs(loud - 10 * quiet)) < 1e-4


def test_the_page_converts_as_the_edge_does(folder: Path, tmp_path: Path) -> None:
    """In Chromium, with the models that the page loads from a plain file server."""
    write_page(tmp_path / "web")
    shutil.copytree(folder, tmp_path / "web" / "models")
    source = tmp_path / "in.wav"
    wave = audio.read(CLIP)[: 24_000 * 3 // 2]
    # so loud that both limiters have work to do
    audio.write(source, wave / np.abs(wave).max(), comment="")
    with served(tmp_path / "web") as url, chromium(source) as browser:
        page = browser.new_context().new_page()
        page.set_default_timeout(240_000)
        foreign: list[str] = []
        page.on("request", lambda request: foreign.append(request.url) if url not in request.url else None)
        page.goto(f"{url}/index.html")
        page.wait_for_selector("body[data-ready]")
        # a server of files sends no headers of isolation
        assert page.evaluate("crossOriginIsolated && Boolean(navigator.serviceWorker.controller)")
        page.set_input_files("input[type=file]", source)
        read = "async (audio) => [...new Uint8Array(await (await fetch(audio.src)).arrayBuffer())]"
        for name in ("af_heart", "own", "clone"):
            page.evaluate("document.querySelector('#result').hidden = true")
            page.select_option("#voice", name)
            page.wait_for_selector("#convert-button:enabled")
            page.click("#convert-button")
            page.wait_for_selector("#result:not([hidden]), #convert-error:not(:empty)")
            assert page.inner_text("#convert-error") == ""
            (tmp_path / f"{name}.wav").write_bytes(bytes(page.locator("#result-audio").evaluate(read)))
        # other pages of the same folder are not isolated, which would keep their foreign pictures out
        (tmp_path / "web" / "other.html").write_text("<title>other</title>", encoding="utf-8")
        page.goto(f"{url}/other.html")
        assert page.evaluate("!crossOriginIsolated && Boolean(navigator.serviceWorker.controller)")
    assert not [address for address in foreign if not address.startswith("blob:")]
    config, edge = MelConfig(sample_rate=24_000), EdgeConverter(folder, 1)
    for name in ("af_heart", "own", "clone"):
        found, expected = audio.read(tmp_path / f"{name}.wav"), edge.convert(source, name).audio
        assert found.shape == expected.shape and audio.synthetic_mark(tmp_path / f"{name}.wav")
        assert all(0.88 < true_peak(wave) <= FULL for wave in (found, expected))
        mels = [mel_spectrogram(torch.from_numpy(wave)[None], config).numpy() for wave in (found, expected)]
        # natural logarithms of magnitudes in dB
        assert np.abs(mels[0] - mels[1]).mean() * 20 / np.log(10) <= 0.5


def test_the_page_begins_where_no_service_worker_may_run(tmp_path: Path) -> None:
    write_page(tmp_path)
    with served(tmp_path) as url, chromium(CLIP) as browser:
        page = browser.new_context(service_workers="block").new_page()
        page.goto(f"{url}/index.html")
        # there are no networks in this folder
        page.wait_for_selector("#convert-error:not(:empty)", state="attached")
        assert not page.evaluate("crossOriginIsolated")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("name", ["requirements.txt", "nuanced_speech"])
def test_files_of_another_project_are_not_replaced(
    converter: Converter, row: VoiceRow, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir() if name == "nuanced_speech" else (tmp_path / name).write_text("torch\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"{name}: no export wrote this"):
        export_onnx(tmp_path, converter.models, FastDecoder(), [row])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_pytorch(folder: Path, tmp_path: Path) -> None:
    """By the exported Python files, without the packages that the full conversion needs."""
    code = (
        "import sys\n"
        "hidden = ('torch', 'whisper', 'librosa', 'scipy', 'soxr', 'av', 'safetensors', 'transformers', 'kokoro')\n"
        "sys.modules.update(dict.fromkeys(hidden))\n"
        "from nuanced_speech.edge.__main__ import main\n"
        "status = main(sys.argv[1:])\n"
        "import nuanced_speech\n"
        "assert nuanced_speech.__file__.startswith(sys.argv[1]), nuanced_speech.__file__\n"
        "own = {name for name in sys.modules if name.startswith('nuanced_speech.')}\n"
        "assert not any(name.startswith(('nuanced_speech.models', 'nuanced_speech.weights')) for name in own), own\n"
        "sys.exit(status)\n"
    )
    arguments = [folder, CLIP, tmp_path / "out.wav", "--voice", "af_heart", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, cwd=folder, timeout=120
    )
    assert done.returncode == 0, done.stderr
    wanted = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert len(wanted) == 3 and all(f'"{name}"' in declared for name in wanted)
    assert (tmp_path / "out.wav").is_file()


def test_says_what_is_wrong_in_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        ((tmp_path, CLIP, tmp_path / "o.wav", "--voice", "af_heart"), "export onnx"),
        ((folder, CLIP, tmp_path / "o.wav", "--voice", "nobody"), "unknown voice 'nobody'"),
        ((folder, tmp_path / "no.wav", tmp_path / "o.wav", "--voice", "other"), "no.wav"),
        ((folder, CLIP, tmp_path / "o.xyz", "--voice", "other"), ".wav"),
        ((folder, CLIP, tmp_path / "o.wav", "--voice", "other", "--pitch-shift", "99"), "between -48 and 48"),
    ):
        assert edge_command([str(argument) for argument in arguments]) == 1
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1
        assert not (tmp_path / "o.wav").exists()
    copy = tmp_path / "in.wav"
    copy.write_bytes(CLIP.read_bytes())
    assert edge_command([str(folder), str(copy), str(copy), "--voice", "other"]) == 1
    assert "input itself" in capsys.readouterr().err and copy.read_bytes() == CLIP.read_bytes()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in filter(Path.is_file, folder.iterdir()):
        (damaged / path.name).write_bytes(path.read_bytes()[: None if path.name != "pitch.onnx" else 1000])
    with pytest.raises(UserError, match="pitch.onnx"):
        EdgeConverter(damaged)


def test_a_damaged_table_is_one_line(folder: Path, tmp_path: Path) -> None:
    good = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    row = good["voices"]["rows"][0]
    voices = [{"rows": [row, {"name": "b", "mark": "c"}]}, {"rows": [row]}, {"rows": [row | {"name": 5}, row]}]
    damaged = [good | {"voices": good["voices"] | change} for change in voices]
    damaged += [
        good | {"frames": good["frames"] | {"bytes": 1}},
        good | {"settings": good["settings"] | {"sharpness": "x"}},
        good | {"noise": {"file": "../x", "bytes": 1}},
    ]
    for table in damaged:
        (tmp_path / "models.json").write_text(json.dumps(table))
        with pytest.raises(UserError, match="not a table of exported models, or damaged"):
            EdgeModels(tmp_path)


def test_the_own_voice_is_told_by_the_segment_itself_and_the_nearest_others() -> None:
    parts = [EdgeFrames(np.full((500, 512), k, "f4"), np.full((500, 64), k, "f4")) for k in range(4)]
    assert [*np.unique(nearest(parts, 2).content[:500])] == [2.0]
    assert {*nearest(parts, 2).content[:, 0]} == {1.0, 2.0, 3.0} and nearest(parts, 2).envelope.shape == (1200, 64)


def test_no_more_segments_are_joined_than_frames_are_wanted() -> None:
    rng = np.random.default_rng(0)
    sizes = (700, 300, 200, 300, 700)
    parts = [EdgeFrames(rng.normal(size=(n, 512)), rng.normal(size=(n, 64))) for n in sizes]
    for at in range(len(parts)):
        order = sorted(range(len(parts)), key=lambda k: abs(k - at))
        for most in (1, 200, 500, 501, 1200, 9999):
            joined = np.concatenate([parts[k].content for k in order])[:most]
            np.testing.assert_array_equal(nearest(parts, at, most).content, joined)
    # segment 2 alone has 200 frames: the width of the others does not matter then
    other = EdgeFrames(np.zeros((9, 1)), np.zeros((9, 1)))
    assert nearest([other, other, parts[2], other], 2, 200).content.shape == (200, 512)


def test_no_exported_voice_is_named_as_the_recordings_own(tmp_path: Path) -> None:
    replace(Voice.load("af_heart"), name="own").save(tmp_path)
    with pytest.raises(UserError, match="keeps this name"):
        voice_table(Kokoro, (str(tmp_path / "own.safetensors"),), ())  # type: ignore[arg-type]


def test_silence_stays_silent(folder: Path) -> None:
    assert not EdgeConverter(folder, 1).convert(np.zeros(24_000, np.float32), "other").audio.any()


@pytest.mark.slow
def test_voice_tables_have_pitch_and_mark(converter: Converter) -> None:
    low, high = voice_table(converter.models.kokoro, ("am_adam",), ("af_heart",))[::-1]
    assert (high.name, low.name) == ("af_heart", "am_adam")
    assert 6 < low.log_f0 < high.log_f0 < 8.5 and "am_adam" in low.mark
    np.testing.assert_array_equal(high.numbers[:128], style_of(stock_voices()["af_heart"])[:128].numpy())
    with pytest.raises(UserError, match="nobody"):
        voice_table(converter.models.kokoro, ("nobody",), ())


def test_the_command_needs_weights(run: Callable[..., Ended], tmp_path: Path) -> None:
    ended = run("export", "onnx", tmp_path / "out", "--decoder", tmp_path / "none.safetensors")
    assert ended.status == 1 and "none.safetensors" in ended.err and "train decoder" in ended.err
    assert not (tmp_path / "out").exists()
