"""The corpus that Kokoro speaks, at its smallest."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import load_decoder
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.text.english import dictionary_words
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train import corpus
from nuanced_speech.train.configs import LANGUAGE_TEXTS, SENTENCES, CorpusConfig
from nuanced_speech.train.corpus import (
    dictionary_text,
    generate,
    pack_audio,
    random_style,
    random_text,
    read,
    unpack_audio,
)
from nuanced_speech.train.shards import SETTINGS
from nuanced_speech.voice.stock import stock_voices, style_of


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "short.txt"
    path.write_text("Yes.\n\n  No.  \n", encoding="utf-8")
    return path


@pytest.fixture
def one_thread():  # type: ignore[no-untyped-def]
    """As in the workers: sums over several threads differ in their last digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def spoken(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two utterances, by the command's own way: worker processes."""
    out = tmp_path_factory.mktemp("corpus") / "made" / "here"
    generate(CorpusConfig(out, utterances=2, per_shard=2, seed=5, workers=1, text_file=texts))
    return out


@pytest.mark.slow
def test_a_damaged_shard_is_noticed(spoken: Path, tmp_path: Path) -> None:
    for path in spoken.iterdir():
        shutil.copy(path, tmp_path)
    shard, checksum = tmp_path / "shard-00000.safetensors", tmp_path / "shard-00000.safetensors.sha256"
    assert checksum.read_text() == f"{hashlib.sha256(shard.read_bytes()).hexdigest()}  {shard.name}\n"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError, match=r"shard-00000\.safetensors is damaged"):
        list(read(tmp_path))
    # as after a power cut
    checksum.write_text("")
    with pytest.raises(UserError, match="damaged"):
        list(read(tmp_path))
    # shards without one are read
    checksum.unlink()
    assert len(list(read(tmp_path))) == 2


def test_everything_about_an_utterance_is_known(spoken: Path, kokoro: Kokoro) -> None:
    assert sorted(path.name for path in spoken.iterdir()) == [
        "shard-00000.safetensors",
        "shard-00000.safetensors.sha256",
        "shard_settings.json",
    ]
    utterances = list(read(spoken))
    assert len(utterances) == 2
    for utterance in utterances:
        units = int(utterance.durations.sum())
        assert utterance.audio.shape == (600 * units,)
        assert utterance.f0.shape == utterance.energy.shape == (2 * units,)
        assert utterance.style.shape == (256,)
        assert utterance.ids.shape == utterance.durations.shape
        assert utterance.ids[0] == utterance.ids[-1] == 0
        assert utterance.durations.min() >= 1
        assert utterance.audio.dtype == torch.float32
        assert 0.02 < float(utterance.audio.abs().max()) <= 1
        assert float(utterance.f0.max()) <= 700
    assert not torch.equal(utterances[0].style, utterances[1].style)


@torch.no_grad()
def test_an_utterance_is_what_kokoro_says_with_what_is_stored(spoken: Path, kokoro: Kokoro) -> None:
    utterance = next(read(spoken))
    again = kokoro(
        utterance.ids[None],
        utterance.style[None],
        durations=utterance.durations[None],
        f0=utterance.f0[None],
        energy=utterance.energy[None],
    ).audio[0]

    def envelope(wave: torch.Tensor) -> torch.Tensor:
        return wave.reshape(-1, 300).square().mean(-1).add(1e-6).log()

    # another seed and another precision, so other samples, but the same sounds at the same times
    assert torch.corrcoef(torch.stack([envelope(again), envelope(utterance.audio)]))[0, 1] > 0.9


def test_a_rerun_does_nothing(spoken: Path, texts: Path) -> None:
    shard = spoken / "shard-00000.safetensors"
    before = shard.stat()
    generate(CorpusConfig(spoken, utterances=2, per_shard=2, seed=5, workers=1, text_file=texts))
    assert shard.stat() == before
    assert sorted(spoken.iterdir()) == [shard, shard.with_name(shard.name + ".sha256"), spoken / SETTINGS]


def test_the_same_seed_gives_the_same_bytes(
    spoken: Path, texts: Path, kokoro: Kokoro, tmp_path: Path, one_thread: None
) -> None:
    """Another process, another order: an utterance depends on the seed and its number alone."""
    models = ModelBank(loaded={"kokoro": kokoro})
    torch.manual_seed(99)
    corpus._speak_shard((CorpusConfig(tmp_path, utterances=2, per_shard=2, seed=5, text_file=texts), 0), models)
    assert (tmp_path / "shard-00000.safetensors").read_bytes() == (spoken / "shard-00000.safetensors").read_bytes()


def test_another_seed_and_another_shard_are_others(spoken: Path, texts: Path, kokoro: Kokoro, tmp_path: Path) -> None:
    models = ModelBank(loaded={"kokoro": kokoro})
    for seed, number in ((6, 0), (5, 1)):
        corpus._speak_shard(
            (CorpusConfig(tmp_path, utterances=2, per_shard=1, seed=seed, text_file=texts), number), models
        )
    styles = [utterance.style for folder in (tmp_path, spoken) for utterance in read(folder)]
    assert len(styles) == 4
    assert float(torch.pdist(torch.stack(styles)).min()) > 0.01


def test_kept_audio_is_the_nearest_and_older_shards_are_a_step_away_at_most() -> None:
    wave = torch.linspace(-1.2, 1.2, 100_003)
    samples = pack_audio(wave)
    assert samples.dtype == torch.int16
    assert float((unpack_audio(samples) - wave.clamp(-1, 1)).abs().max()) <= 0.51 / 32767
    truncated = (wave.clamp(-1, 1) * 32767).to(torch.int16)
    assert float((unpack_audio(samples) - unpack_audio(truncated)).abs().max()) <= 1.01 / 32767
    assert torch.equal(pack_audio(unpack_audio(truncated)), truncated)


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("languages")
    (folder / "de.txt").write_text("Tschüss!\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_languages_share_the_utterances(texts: Path, german: Path, kokoro: Kokoro, tmp_path: Path) -> None:
    models = ModelBank(loaded={"kokoro": kokoro})
    config = CorpusConfig(tmp_path, per_shard=4, seed=1, text_file=texts, languages="en, de", text_folder=german)
    corpus._speak_shard((config, 0), models)
    spoken = [tuple(utterance.ids.tolist()) for utterance in read(tmp_path)]
    ids = {tuple([0, *kokoro.tokens(phonemize("Tschüss!", "de")).tolist()[1:-1], 0])}
    assert 0 < sum(utterance in ids for utterance in spoken) < 4


def test_the_fast_decoder_speaks_the_same_utterances(spoken: Path, kokoro: Kokoro) -> None:
    models, packs = ModelBank(loaded={"kokoro": kokoro}), [pack for _, pack in list(stock_voices().items())[:3]]

    def said(decoder: str) -> corpus.Utterance:
        chosen = None if decoder == "kokoro" else load_decoder(decoder, models)
        with torch.no_grad():
            made = corpus.speak(kokoro, "Yes.", np.random.default_rng(4), packs, torch.float32, decoder=chosen)
        assert made is not None
        return made

    slow, fast = said("kokoro"), said("fast")
    assert torch.equal(slow.ids, fast.ids) and torch.equal(slow.f0, fast.f0) and torch.equal(slow.style, fast.style)
    assert slow.audio.shape == fast.audio.shape and not torch.equal(slow.audio, fast.audio)
    levels = [utterance.audio.unfold(0, 600, 600).square().mean(1).sqrt() for utterance in (slow, fast)]
    assert torch.corrcoef(torch.stack(levels))[0, 1] > 0.9


def test_languages_that_cannot_be_spoken(texts: Path, german: Path, tmp_path: Path) -> None:
    (german / "km.txt").write_text("ភាសា\n", encoding="utf-8")
    for languages, message in (
        ("en,xx", r"xx\.txt: no such file"),
        ("km", "no phonemes for the language 'km'"),
        (" , ", "languages: give at least one language"),
    ):
        config = CorpusConfig(
            tmp_path / "out", utterances=1, workers=1, text_file=texts, languages=languages, text_folder=german
        )
        with pytest.raises(UserError, match=message):
            generate(config)
    assert not (tmp_path / "out").exists()


def test_packaged_sentences_of_other_languages() -> None:
    files = sorted(LANGUAGE_TEXTS.glob("*.txt"))
    assert [path.stem for path in files] == [
        "de",
        "es",
        "fr",
        "hi",
        "it",
        "ja",
        "ko",
        "nl",
        "pl",
        "pt",
        "ru",
        "tr",
        "zh",
    ]
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(set(lines)) >= 24
        assert all(line.strip() == line and line[-1] in ".?!।。？！" for line in lines)


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no corpus here; make one with"):
        list(read(tmp_path))
    empty = tmp_path / "empty.txt"
    empty.write_text("\n  \n", encoding="utf-8")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    for text_file, message in (
        (empty, r"empty\.txt: no sentence in it; write one a line"),
        (tmp_path / "none.txt", r"none\.txt: no such file"),
        (binary, r"binary\.txt: cannot be read as UTF-8 text"),
    ):
        with pytest.raises(UserError, match=message):
            generate(CorpusConfig(tmp_path / "out", utterances=1, workers=1, text_file=text_file))
    assert list(tmp_path.glob("out/*")) == []


def test_the_packaged_sentences_are_many_and_none_twice() -> None:
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 300
    assert len(set(lines)) == len(lines)
    assert all(line.strip() == line and line for line in lines)


def test_random_texts_are_sentences_or_words_of_sentences() -> None:
    rng = np.random.default_rng(0)
    sentences = ["One two three four.", "Five six seven eight.", "Nine ten eleven twelve."]
    texts = [random_text(rng, sentences) for _ in range(200)]
    whole = sum(text in sentences for text in texts)
    assert 120 < whole < 180
    words = {word for sentence in sentences for word in sentence.split()}
    assert all(set(text.split()) <= words for text in texts)
    assert all(6 <= len(text.split()) < 16 for text in texts if text not in sentences)


def test_dictionary_texts_are_words_that_no_prose_has_together() -> None:
    words = dictionary_words()
    assert len(words) > 50_000
    rng = np.random.default_rng(0)
    texts = [dictionary_text(rng, words) for _ in range(50)]
    assert len(set(texts)) == 50
    assert all(4 <= len(text.split()) <= 11 and text[-1] in ".?!" for text in texts)
    assert any("," in text for text in texts) and any(text.endswith("?") for text in texts)
    phonemes = set(phonemize(" ".join(texts)))
    assert phonemes >= set("bdfhijklmnpstuvwzæðŋɑɔəɛɜɡɪɹʃʊʌʤʧθ")


def test_random_styles_are_voices_mixtures_crossings_and_between_them() -> None:
    rng = np.random.default_rng(0)
    packs = list(stock_voices().values())[:6]
    rows = torch.stack([style_of(pack, 50) for pack in packs])
    styles = torch.stack([random_style(rng, 50, packs) for _ in range(400)])
    # by differences, since a distance by matrix product is never quite zero
    timbre, prosody = (
        (styles[:, None, half] - rows[None, :, half]).abs().amax(-1).min(1) for half in (slice(128), slice(128, 256))
    )
    # six in ten are not moved; half of all their halves are one voice; of the pairs that are, four in ten are crossed
    assert 0.2 < float((timbre.values == 0).float().mean()) < 0.4
    pure = (timbre.values == 0) & (prosody.values == 0)
    assert int(pure.sum()) > 35
    assert int((pure & (timbre.indices != prosody.indices)).sum()) > 5
    # what is moved leaves the mixtures, but not the voices' spread, and no direction in which they do not differ
    outside = (styles < rows.min(0).values - 1e-6) | (styles > rows.max(0).values + 1e-6)
    assert 0.2 < float(outside.any(1).float().mean()) < 0.5
    assert 0.5 < float(styles.var(0).sum() / rows.var(0).sum()) < 1.2
    centred, span = styles - rows.mean(0), torch.linalg.svd(rows[:, :128] - rows[:, :128].mean(0))[2][:5]
    assert float((centred[:, :128] - centred[:, :128] @ span.T @ span).abs().max()) < 1e-4
