"""The ETTS data format, what writes it, and the mel under it."""

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from helpers import SAMPLE

from nuanced_speech import audio
from nuanced_speech.core.constants import MAX_PHONEMES
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL, MelConfig, mel_bank, mel_spectrogram
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.tts import features
from nuanced_speech.tts.dummy import write_dummy
from nuanced_speech.tts.extract import ExtractConfig, extract, to_frames
from nuanced_speech.tts.features import Example
from nuanced_speech.tts.speak_dataset import SpeakConfig, speak_dataset

TEXT = "Yes, of course.\nNot now.\n"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "text.txt").write_text(TEXT + "* * *\n", encoding="utf-8")
    config = SpeakConfig(folder / "text.txt", folder / "out", ("af_heart", "bm_george"), workers=1)
    assert speak_dataset(config) == 2
    return folder / "out"


def an_example(**other: object) -> Example:
    values = {
        "phonemes": np.array([0, 50, 51, 0]),
        "embedding": np.full(256, 1 / 16, np.float32),
        "mel": np.zeros((9, 80), np.float32),
        "durations": np.array([2, 3, 3, 1]),
    }
    return Example(**(values | other))  # type: ignore[arg-type]


def test_mel_is_that_of_librosa() -> None:
    wave = audio.read(SAMPLE, MEL.sample_rate)[: 256 * 300]
    edge = (MEL.n_fft - MEL.hop_length) // 2
    power = librosa.feature.melspectrogram(
        y=np.pad(wave, edge, mode="reflect"), sr=22050, n_fft=1024, hop_length=256, center=False, power=1, n_mels=80,
        fmax=8000,
    )  # fmt: skip
    ours = mel_spectrogram(torch.from_numpy(wave)[None])[0].numpy()
    loud = power > 1e-2
    assert ours.shape == (80, 300) == (80, MEL.frames(len(wave))) and loud.mean() > 0.3
    assert np.abs(ours - np.log(np.maximum(power, 1e-5)))[loud].max() < 0.01


def test_a_mel_has_a_gradient_in_silence() -> None:
    wave = torch.zeros(1, 4096, requires_grad=True)
    mel_spectrogram(wave).sum().backward()
    assert wave.grad is not None and bool(wave.grad.isfinite().all())


def test_a_centred_mel_has_a_frame_more() -> None:
    config = MelConfig(sample_rate=24000, n_mels=100, fmax=12000.0, centred=True, htk=True)
    assert mel_spectrogram(torch.rand(1, 2560), config).shape == (1, 100, 11)
    assert mel_bank(config).max() == pytest.approx(1, abs=0.1) and mel_bank().max() < 0.1


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    features.save(tmp_path / "a.npz", an_example())
    back = features.load(tmp_path / "a.npz")
    assert back.name == "a" and back.mel.dtype == np.float32 and back.phonemes.dtype == np.int64
    for key in ("phonemes", "embedding", "mel", "durations"):
        assert np.array_equal(getattr(back, key), getattr(an_example(), key))
    features.save(tmp_path / "b.npz", an_example(durations=None))
    assert features.load(tmp_path / "b.npz").durations is None
    assert features.find(tmp_path) == [tmp_path / "a.npz", tmp_path / "b.npz"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"embedding": np.zeros(192, np.float32)}, "embedding has 192 numbers"),
        ({"mel": np.zeros((9, 100), np.float32)}, r"mel is of shape \(9, 100\)"),
        ({"mel": np.full((9, 80), np.nan, np.float32)}, "mel holds numbers that are not finite"),
        ({"mel": np.zeros((0, 80), np.float32)}, "mel is empty"),
        ({"phonemes": np.array([0.5, 1.0, 2.0, 3.0])}, "phonemes is float64"),
        ({"phonemes": np.array([0, 5000, 3, 0])}, "phonemes go from 0 to 5000"),
        ({"durations": np.array([2, 3, 3, 2])}, "sum to the 9 frames"),
        ({"durations": np.array([2, 3, 4])}, "3 durations for 4 phonemes"),
        ({"durations": np.array([-1, 4, 4, 2])}, "must be 0 or more"),
    ],
)
def test_a_bad_example_is_named(tmp_path: Path, other: dict, message: str) -> None:
    path = tmp_path / "bad.npz"
    with pytest.raises(UserError, match=message):
        features.save(path, an_example(**other))
    assert not list(tmp_path.iterdir())
    values = {key: value for key, value in vars(an_example(**other)).items() if key != "name"}
    np.savez(path, **values)
    with pytest.raises(UserError, match=rf"bad\.npz: .*{message}"):
        features.load(path)


def test_files_that_are_not_of_the_format(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("nothing")
    np.savez(tmp_path / "other.npz", phonemes=np.zeros(3, int))
    np.savez(tmp_path / "code.npz", phonemes=np.array([print], object), embedding=np.zeros(256), mel=np.zeros((3, 80)))
    for name, message in (
        ("text.npz", "cannot|not an .npz"),
        ("other.npz", "no embedding and no mel"),
        ("code.npz", "not an .npz file that can be read"),
        ("missing.npz", "no such file"),
    ):
        with pytest.raises(UserError, match=message):
            features.load(tmp_path / name)
    with pytest.raises(UserError, match="no .npz file"):
        features.find(tmp_path / "empty")


def test_boundaries_go_to_the_nearest_frame() -> None:
    units = np.array([3, 1, 0, 7, 2])
    frames = int(13 * 600 * MEL.sample_rate / 24000) // MEL.hop_length
    durations = to_frames(units, frames)
    assert durations.sum() == frames and (durations >= 0).all() and durations[2] == 0
    exact = np.cumsum(units) * 0.025 * MEL.sample_rate / MEL.hop_length
    assert np.abs(np.cumsum(durations) - exact).max() <= 1


@pytest.mark.slow
def test_kokoro_speaks_a_data_set(spoken: Path, tmp_path: Path) -> None:
    first, second = (features.load(path) for path in features.find(spoken))
    names = {number: phoneme for phoneme, number in vocabulary().items()}
    assert "".join(names[k] for k in first.phonemes[1:-1]).startswith("jˈɛs")
    wave = audio.read(spoken / "wavs" / f"{first.name}.wav", MEL.sample_rate)
    assert MEL.frames(len(wave)) == len(first.mel) == first.durations.sum()
    embedding = SpeakerEncoder().embed(wave, MEL.sample_rate)
    assert first.embedding @ embedding > 0.99 > first.embedding @ second.embedding
    # silent before the first word and after the last, as its durations say
    loud, lasts = first.mel.max(1), first.durations
    assert loud[: lasts[0] - 10].max() < loud.max() - 4 and loud[lasts[0] : lasts[0] + 20].max() > loud.max() - 2
    # what was spoken for another text is not taken for this one
    (tmp_path / "text.txt").write_text(TEXT + "More.\n", encoding="utf-8")
    with pytest.raises(UserError, match="text was"):
        speak_dataset(SpeakConfig(tmp_path / "text.txt", spoken, ("af_heart", "bm_george"), workers=1))
    # a second run speaks nothing: the files stay as they are
    before = {path: path.stat().st_mtime_ns for path in spoken.glob("*.npz")}
    (tmp_path / "text.txt").write_text(TEXT + "* * *\n", encoding="utf-8")
    assert speak_dataset(SpeakConfig(tmp_path / "text.txt", spoken, ("af_heart", "bm_george"), workers=1)) == 2
    assert before == {path: path.stat().st_mtime_ns for path in spoken.glob("*.npz")}


def test_recordings_become_examples(spoken: Path, tmp_path: Path) -> None:
    config = ExtractConfig(spoken, tmp_path / "out", min_log_probability=-3)
    assert extract(config) == 2
    exact, aligned = (features.load(path / "text-00000.npz") for path in (spoken, tmp_path / "out"))
    assert np.array_equal(exact.phonemes, aligned.phonemes) and np.abs(exact.mel - aligned.mel).mean() < 0.1
    apart = np.abs(np.cumsum(exact.durations) - np.cumsum(aligned.durations))
    assert np.median(apart) <= 4
    assert extract(ExtractConfig(spoken, tmp_path / "bare", durations=False)) == 2
    with pytest.raises(UserError, match="durations was True, now False"):
        extract(ExtractConfig(spoken, tmp_path / "out", durations=False, min_log_probability=-3))
    assert features.load(tmp_path / "bare" / "text-00000.npz").durations is None


def test_data_sets_that_cannot_be_read(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match="no metadata.csv and no shards"):
        extract(ExtractConfig(tmp_path, out))
    (tmp_path / "metadata.csv").write_text("one|\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 1 is not ID"):
        extract(ExtractConfig(tmp_path, out, durations=False))
    words = "word " * MAX_PHONEMES
    (tmp_path / "metadata.csv").write_text(f"one|Hello.\ntwo|{words}\n", encoding="utf-8")
    (tmp_path / "wavs").mkdir()
    audio.write(tmp_path / "wavs" / "two.wav", np.random.default_rng(0).normal(0, 0.1, 22050), 22050)
    with pytest.raises(UserError, match="none of its utterances"):
        extract(ExtractConfig(tmp_path, out, durations=False))


def test_the_dummy_set_is_learnable_and_the_same_each_time(tmp_path: Path) -> None:
    write_dummy(tmp_path / "a", utterances=6, speakers=2, seed=1)
    write_dummy(tmp_path / "b", utterances=6, speakers=2, seed=1)
    seen: dict[tuple[int, bytes], np.ndarray] = {}
    for one, other in zip(features.find(tmp_path / "a"), features.find(tmp_path / "b"), strict=True):
        example = features.load(one)
        assert np.array_equal(example.mel, features.load(other).mel)
        ends = np.cumsum(example.durations)
        for phoneme, end in zip(example.phonemes, ends, strict=True):
            frame = example.mel[end - 1]
            assert np.allclose(seen.setdefault((phoneme, example.embedding.tobytes()), frame), frame, atol=1e-5)
    with pytest.raises(UserError, match="at least one"):
        write_dummy(tmp_path / "c", utterances=0)


def test_commands_and_their_mistakes(tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "text.txt").write_text("Hello.\n", encoding="utf-8")
    (tmp_path / "file").write_text("")
    assert run("tts", "dummy", tmp_path / "dummy", "--utterances", 2).out == f"2 utterances in {tmp_path / 'dummy'}\n"
    assert len(features.find(tmp_path / "dummy")) == 2
    for arguments, message in (
        (("dummy", tmp_path / "dummy", "--utterances", 3), "utterances was 2, now 3"),
        (("dummy", tmp_path / "file"), "cannot be used"),
        (("features", tmp_path / "missing", tmp_path / "out"), "no metadata.csv and no shards"),
        (("features", tmp_path, tmp_path / "out", "--language", "fr"), "turn durations off"),
        (("speak-dataset", tmp_path / "none.txt", tmp_path / "out"), "no such file"),
        (("speak-dataset", tmp_path / "text.txt", tmp_path / "out", "--voices", "zz_top"), "zz_top"),
        (("speak-dataset", tmp_path / "text.txt", tmp_path / "dummy", "--voices", "af_heart"), "other settings"),
    ):
        status, _, error = run("tts", *arguments)
        assert status == 1 and message in error and error.count("\n") == 1, (arguments, error)
    assert not (tmp_path / "out").exists()
