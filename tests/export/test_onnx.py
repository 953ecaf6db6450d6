"""The exported folder, and the conversion by it without PyTorch."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import CLIP, ROOT, Ended

from nuanced_speech import audio
from nuanced_speech.audio.limiter import true_peak
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.energy import energy
from nuanced_speech.edge import EdgeConverter
from nuanced_speech.edge.__main__ import main as edge_command
from nuanced_speech.edge.frames import EdgeFrames, nearest
from nuanced_speech.edge.models import EdgeModels
from nuanced_speech.export.bundle import export_onnx
from nuanced_speech.export.voice_table import VoiceRow, voice_table
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.voice import Voice

FULL = 10 ** (-1 / 20)
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx", reason="the extra models is not installed")


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
    assert "is read or written besides" in capsys.readouterr().err and copy.read_bytes() == CLIP.read_bytes()
    for threads in ("0", "many"):
        with pytest.raises(SystemExit):
            edge_command([str(folder), str(CLIP), "o.wav", "--voice", "other", "--threads", threads])
        assert f"'{threads}' is no number of threads" in capsys.readouterr().err
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


def test_mistakes_are_told_before_any_model_is_loaded(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("nuanced_speech.models.bank.Kokoro", refused)
    for options, words in (
        (("--decoder", tmp_path / "none.safetensors"), ("none.safetensors", "train decoder")),
        (("--decoder", "kokoro"), ("--decoder: Kokoro's is too large",)),
        (("--voice", "nobody"), ("nobody",)),
    ):
        ended = run("export", "onnx", tmp_path / "out", *options)
        assert ended.status == 1 and all(word in ended.err for word in words), ended.err
        assert not (tmp_path / "out").exists()
