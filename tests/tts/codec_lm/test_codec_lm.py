"""The codec language model: delay pattern, text table, cache, padding, learning by heart, the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from halves import check_halves

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint
from nuanced_speech.tts import ljspeech
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec.model import CodecConfig, SpeechCodec
from nuanced_speech.tts.codec_lm import train as training
from nuanced_speech.tts.codec_lm.data import CodedClip, load
from nuanced_speech.tts.codec_lm.delay import delayed, empty, end, undelayed
from nuanced_speech.tts.codec_lm.infer import InferConfig, infer
from nuanced_speech.tts.codec_lm.model import CodecLM, LMConfig, Utterance, draw
from nuanced_speech.tts.codec_lm.text import TextTable, whisper_tokens
from nuanced_speech.tts.codec_lm.train import LMRecipe, LMTrainConfig, train

TEXTS = ("Sharks shed teeth all their lives.", "How lovely the lilacs smell!")
ENTRIES, BOOKS = 16, 3


@pytest.fixture
def model() -> CodecLM:
    torch.manual_seed(0)
    table = TextTable.of(TEXTS)
    return CodecLM(LMConfig(len(table), BOOKS, ENTRIES, width=32, layers=2, heads=2), table).eval()


def utterance(model: CodecLM, text: str, frames: int, prompt: int = 0, seed: int = 0) -> Utterance:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(ENTRIES, (BOOKS, frames + prompt), generator=generator)
    return Utterance(torch.tensor(model.table.encode(text)), codes[:, :frames], codes[:, frames:])


def test_delay_pattern_and_its_inverse() -> None:
    codes = torch.arange(12).reshape(3, 4)
    rows = delayed(codes, 50)
    e, n = end(50), empty(50)
    assert rows.tolist() == [[0, 1, 2, 3, e, n, n], [n, 4, 5, 6, 7, e, n], [n, n, 8, 9, 10, 11, e]]
    assert torch.equal(undelayed(rows, 4), codes)
    assert delayed(codes[:, :0], 50).tolist() == [[e, n, n], [n, e, n], [n, n, e]]


def test_text_is_whispers_tokens_and_what_is_unknown_is_spelled() -> None:
    from whisper.tokenizer import get_tokenizer

    encoding = get_tokenizer(multilingual=True).encoding
    table = TextTable.of(TEXTS)
    assert len(table) < 300
    numbers = table.encode(TEXTS[0])
    assert [table.tokens[number] for number in numbers] == encoding.encode(" " + TEXTS[0]) == whisper_tokens(TEXTS[0])
    for text in ("Zebras über 漢字 🙂", TEXTS[1]):
        for spell in (0.0, 1.0):
            numbers = table.encode(text, spell, np.random.default_rng(0))
            assert encoding.decode([table.tokens[number] for number in numbers]) == " " + text
    with pytest.raises(UserError, match="empty"):
        table.encode(" \n")


def test_cached_and_uncached_logits_are_equal(model: CodecLM) -> None:
    item = utterance(model, TEXTS[0], 10, prompt=4)
    rows = delayed(item.codes, ENTRIES)
    x = torch.cat([model.prefix(item.text, item.prompt), model.spoken(rows) + model.kind.weight[2]])[None]
    whole, _ = model(x)
    cache, pieces = None, []
    for piece in x.split([7, 1, 1, 5, x.shape[1] - 14], 1):
        logits, cache = model(piece, cache)
        pieces.append(logits)
    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)


def test_attention_sums_to_one_and_looks_back_only(model: CodecLM) -> None:
    maps = list(model.attention_maps(torch.randn(2, 9, 32)))
    assert len(maps) == 2
    for weights in maps:
        assert weights.shape == (2, 2, 9, 9)
        assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 9), atol=1e-5)
        assert not weights.triu(1).any()


def test_padding_changes_no_loss(model: CodecLM) -> None:
    short, long = utterance(model, TEXTS[0], 8, seed=1), utterance(model, TEXTS[1], 30, prompt=12, seed=2)
    alone, other, both = (model.losses(batch) for batch in ([short], [long], [short, long]))
    # the mean over codes: 9 and 31 of each codebook, with its end
    assert torch.allclose(both, (alone * 9 + other * 31) / 40, atol=1e-5)


def test_one_batch_is_learned_by_heart_and_said_again(model: CodecLM) -> None:
    batch = [utterance(model, text, 12 + k, seed=k) for k, text in enumerate(TEXTS)]
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(80):
        loss = model.losses(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    for item in batch:
        assert torch.equal(model.generate(item.text, temperature=0.0, max_frames=40), item.codes)
        sampled = model.generate(item.text, temperature=0.7, top_k=5, generator=torch.Generator().manual_seed(0))
        assert (sampled.shape == item.codes.shape) and (sampled == item.codes).float().mean() > 0.9


def test_generation_keeps_its_limits(model: CodecLM) -> None:
    text = torch.tensor(model.table.encode(TEXTS[0]))
    with torch.no_grad():
        model.heads[0].bias[ENTRIES] = -1e9
    codes = model.generate(text, torch.zeros(BOOKS, 5, dtype=torch.long), max_frames=7)
    assert codes.shape == (BOOKS, 7) and codes.min() >= 0 and codes.max() < ENTRIES
    same = [model.generate(text, max_frames=7, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(same[0], same[1]) and not torch.equal(same[0], same[2])
    with torch.no_grad():
        model.heads[0].bias[ENTRIES] = 1e9
    assert model.generate(text).shape == (BOOKS, 1)


def test_drawing() -> None:
    logits = torch.tensor([0.0, 3.0, 2.0, -5.0])
    assert int(draw(logits, 0.0, 50)) == int(draw(logits, 1.0, 1)) == 1
    drawn = {int(draw(logits, 2.0, 2, torch.Generator().manual_seed(seed))) for seed in range(40)}
    assert drawn == {1, 2}


@pytest.fixture
def dataset(tmp_path: Path, clip: Path) -> Path:
    """Two sentences in an LJSpeech-style folder, and the codec that codes them."""
    torch.manual_seed(0)
    config = CodecConfig(width=32, encoder_blocks=1, decoder_blocks=1, fine_blocks=1, codebooks=3, entries=16, dim=8)
    SpeechCodec(config).save(tmp_path / "codec.safetensors")
    folder = tmp_path / "data"
    (folder / "wavs").mkdir(parents=True)
    wave = audio.read(clip, 22050)
    audio.write(folder / "wavs" / "a.wav", wave[:15000], 22050)
    audio.write(folder / "wavs" / "b.wav", wave[30000:52000], 22050)
    (folder / "metadata.csv").write_text(f"a|x|{TEXTS[0]}\nb|{TEXTS[1]}\n")
    return folder


def small(dataset: Path, out: Path) -> LMTrainConfig:
    return LMTrainConfig(
        dataset, out, str(dataset.parent / "codec.safetensors"), codebooks=2, width=32, layers=1, heads=2, steps=6,
        batch_size=2, checkpoint_every=3, precision="float32",
    )  # fmt: skip


def test_two_processes_share_a_batch(dataset: Path, tmp_path: Path) -> None:
    config = replace(small(dataset, tmp_path), dropout=0.0)
    codec = interface.load(config.codec)
    clips = load(dataset, codec, config.codebooks, tmp_path)
    assert len({clip.codes.shape[1] for clip in clips}) == 2
    check_halves(lambda processes: LMRecipe(config, codec, clips, processes).step(0))


def test_an_interrupted_training_ends_as_an_uninterrupted_one(dataset: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    whole = train(small(dataset, tmp_path / "whole"))
    assert (tmp_path / "whole" / "loss.png").stat().st_size > 5000 and list((tmp_path / "whole/tensorboard").iterdir())
    config = small(dataset, tmp_path / "parted")
    speak_one, calls = training._speak_one, 0

    def killed(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:  # the first is before the checkpoint of step 3
            raise KeyboardInterrupt
        speak_one(*arguments)

    monkeypatch.setattr(training, "_speak_one", killed)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    assert checkpoint.load(config.out / training.CHECKPOINT)["step"] == 3
    monkeypatch.setattr(training, "_speak_one", speak_one)
    one, other = (CodecLM.load(path).state_dict() for path in (whole, train(config)))
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(UserError, match="steps was 6, now 9"):
        train(replace(config, steps=9))


def test_speaking(dataset: Path, tmp_path: Path, clip: Path) -> None:
    train(small(dataset, tmp_path / "lm"))
    config = InferConfig(tmp_path / "lm", max_seconds=0.5)
    wave, rate = infer("How lovely. Something new!", config)
    assert rate == 16000 and 0 < len(wave) <= 2 * 8000 + 4000 and np.isfinite(wave).all()
    assert np.array_equal(wave, infer("How lovely. Something new!", config)[0])
    prompted, _ = infer("How lovely. Something new!", replace(config, speaker=clip))
    assert not (len(prompted) == len(wave) and np.array_equal(prompted, wave))
    with pytest.raises(UserError, match="nothing to say"):
        infer("...", config)
    with pytest.raises(UserError, match="another codec"):
        SpeechCodec(CodecConfig(width=32, codebooks=3, entries=16, dim=8)).save(tmp_path / "other.safetensors")
        infer("How lovely.", replace(config, codec=str(tmp_path / "other.safetensors")))


def test_speakers_by_name() -> None:
    names = ("118-121721-0000", "118_7", "LJ001-0001", "007")
    codes = torch.zeros(1, 1, dtype=torch.long)
    assert [CodedClip(name, "x", codes).speaker for name in names] == ["118", "118", "LJ001", ""]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("", "is empty"),
        ("a\n", "line 1 is not ID"),
        ("a|Hello\n\n|x|y\n", "line 3 is not ID"),
        ("../a|Hello\n", "not a file name"),
    ],
)
def test_bad_metadata_is_named(dataset: Path, lines: str, says: str) -> None:
    (dataset / "metadata.csv").write_text(lines)
    with pytest.raises(UserError, match=says):
        ljspeech.read(dataset)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "none", "--out", "x", "--codec", "CODEC", "--codebooks", "2"], "metadata.csv: no such file"),
        (["train", "DATA", "--out", "x", "--codec", "CODEC", "--codebooks", "9"], "has 3 codebooks"),
        (["train", "DATA", "--out", "x", "--codec", "CODEC", "--codebooks", "2", "--width", "30"], "shared by 4 heads"),
        (["train", "DATA", "--out", "x", "--codec", "none.safetensors"], "no codec there"),
        (["train", "DATA", "--out", "x", "--device", "abacus"], "abacus"),
        (["infer", "Hello.", "x.wav", "--model", "none"], "no codec language model there"),
        (["infer", "Hello.", "x.wav", "--model", "CODEC"], "not a codec language model"),
        (["infer", "Hello.", "x.mp4"], "cannot write the suffix"),
        (["infer", " ", "x.wav"], "nothing to say"),
        (["infer", "Hello.", "no/x.wav"], "does not exist"),
        (["infer", "Hello.", "x.wav", "--device", "abacus"], "abacus"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(arguments, says, dataset, tmp_path, monkeypatch, run) -> None:  # type: ignore[no-untyped-def]
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    names = {"DATA": dataset, "CODEC": tmp_path / "codec.safetensors"}
    status, _, err = run("tts", "codec-lm", *(names.get(part, part) for part in arguments))
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err
    assert not [path for path in place.rglob("*") if path.is_file()]


def test_training_and_speaking_by_command(dataset: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    size = ("--codebooks", 2, "--width", 32, "--layers", 1, "--heads", 2, "--steps", 2)
    codec = tmp_path / "codec.safetensors"
    assert run("tts", "codec-lm", "train", dataset, "--out", tmp_path / "lm", "--codec", codec, *size)[0] == 0
    out = tmp_path / "out.flac"
    said = run("tts", "codec-lm", "infer", TEXTS[0], out, "--model", tmp_path / "lm", "--max-seconds", 0.4, "--speaker",
        dataset / "wavs" / "a.wav",
    )  # fmt: skip
    assert said[0] == 0, said[1]
    assert soundfile.info(out).samplerate == 16000 and audio.synthetic_mark(out)
    # the common commands lead to the same
    again = tmp_path / "again.flac"
    assert run("tts", "infer", TEXTS[0], again, "--model", "codec-lm", "--checkpoint", tmp_path / "lm")[0] == 0
    assert soundfile.info(again).samplerate == 16000
    refused = run("tts", "infer", TEXTS[0], again, "--model", "codec-lm", "--speed", 2)
    assert refused.status == 1 and "in its own pace" in refused.err
    refused = run("tts", "train", "--model", "codec-lm", "--data", dataset, "--minutes", 1)
    assert refused.status == 1 and "codec-lm train --help" in refused.err
    (dataset / "wavs" / "a.wav").unlink()
    refused = run("tts", "train", "--model", "codec-lm", "--data", dataset, "--out", tmp_path / "other")
    assert refused.status == 1 and "there is no wavs/a.wav" in refused.err
