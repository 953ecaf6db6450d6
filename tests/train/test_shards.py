"""Shards are kept and added to with the settings alone that they were made with; others are refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import CLIP, OTHER_SPEAKER

from nuanced_speech.core.constants import FAST_DECODER
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.content_adapter import WEIGHTS, ContentAdapter, ContentConfig
from nuanced_speech.train import attributes, corpus, decoder_data, passages, real, timbre_surrogate
from nuanced_speech.train.checkpoint import settings_of
from nuanced_speech.train.configs import (
    AttributesConfig,
    CorpusConfig,
    DecoderDataConfig,
    TimbreConfig,
    TimbreExtensionTraining,
)
from nuanced_speech.train.shards import SETTINGS, keep_settings

SHARDS = "shard-*.safetensors"


def begun(folder: Path, settings: dict[str, str], shard: str = "shard-00000.safetensors") -> None:
    """A folder as a run leaves it that was interrupted after its first shard; nothing reads the shard."""
    folder.mkdir(parents=True, exist_ok=True)
    keep_settings(folder, settings, shard)
    (folder / shard).touch()


def test_settings_are_written_once_and_compared_ever_after(tmp_path: Path) -> None:
    keep_settings(tmp_path, {"seed": "0"}, SHARDS)
    # nothing is made with them yet
    keep_settings(tmp_path, {"seed": "1", "text": "été"}, SHARDS)
    (tmp_path / "shard-00000.safetensors").touch()
    keep_settings(tmp_path, {"seed": "1", "text": "été"}, SHARDS)
    with pytest.raises(UserError) as refused:
        keep_settings(tmp_path, {"seed": "2", "text": "été"}, SHARDS)
    assert str(refused.value) == (
        f"{tmp_path} was made with other settings: seed was 1, now 2; restore them or give another folder"
    )
    (tmp_path / SETTINGS).write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match="not the settings of a folder's shards"):
        keep_settings(tmp_path, {"seed": "2"}, SHARDS)


def test_a_folder_of_an_earlier_version_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "shard-00000.safetensors").touch()
    with caplog.at_level(logging.WARNING):
        keep_settings(tmp_path, {"seed": "0"}, SHARDS)
    assert "used as they are" in caplog.text
    assert not (tmp_path / SETTINGS).exists()


def test_a_corpus_of_other_settings(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Yes.\n", encoding="utf-8")
    config = CorpusConfig(tmp_path / "corpus", utterances=1, per_shard=1, workers=1, text_file=text)
    begun(config.out, corpus.settings(config))
    corpus.generate(config)
    for changed, message in (
        (replace(config, seed=1), "seed was 0, now 1; restore them or give another folder"),
        (replace(config, per_shard=2), "per_shard was 1, now 2"),
        (replace(config, dictionary=0.5), "dictionary was 0.0, now 0.5"),
        (replace(config, decoder="fast"), "decoder was kokoro, now 1 files"),
        (replace(config, languages="en,de"), "languages was en, now en,de; texts de was None"),
    ):
        with pytest.raises(UserError, match=message):
            corpus.generate(changed)
    text.write_text("No.\n", encoding="utf-8")
    with pytest.raises(UserError, match="texts en was"):
        corpus.generate(config)
    # another place, number of processes and format of numbers are no other settings, and a corpus may grow
    config = replace(config, utterances=9, workers=3, precision="float32", text_file=tmp_path / "moved.txt")
    text.rename(config.text_file).write_text("Yes.\n", encoding="utf-8")
    keep_settings(config.out, corpus.settings(config), SHARDS)


def test_the_decoder_of_a_corpus_is_checked_first_and_known_by_its_weights(tmp_path: Path) -> None:
    config = CorpusConfig(tmp_path / "corpus", utterances=1, per_shard=1, workers=1, decoder=str(tmp_path / "none"))
    with pytest.raises(UserError, match="none"):
        corpus.generate(config)
    assert not config.out.exists()
    fast = corpus.settings(replace(config, decoder="fast"))
    assert fast == corpus.settings(replace(config, decoder=str(FAST_DECODER)))
    # a corpus from before there was a choice goes on with Kokoro's decoder
    before = corpus.settings(replace(config, decoder="kokoro"))
    begun(config.out, {name: value for name, value in before.items() if name != "decoder"})
    corpus.generate(replace(config, decoder="kokoro"))
    with pytest.raises(UserError, match="decoder was kokoro"):
        corpus.generate(replace(config, decoder="fast"))


def test_aligned_recordings_of_other_settings(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / "clip.flac").symlink_to(CLIP)
    config = real.RealConfig(recordings, tmp_path / "real")
    begun(config.out, real.settings(config, [recordings / "clip.flac"]))
    with pytest.raises(UserError, match="language was en, now de; restore them or give another folder"):
        real.prepare(replace(config, language="de"))
    # weights count, not where they lie
    assert real.settings(replace(config, adapter=WEIGHTS), []) == real.settings(config, [])
    other = tmp_path / "adapter.safetensors"
    ContentAdapter(ContentConfig("tiny.en", 3, 1, 6, input_dim=384, width=48, hidden=64, dilations=(1,))).save(other)
    with pytest.raises(UserError, match=r"adapter was 1 files (\w+), now 1 files (?!\1)\w+"):
        real.prepare(replace(config, adapter=other))
    (recordings / "other.flac").symlink_to(OTHER_SPEAKER)
    with pytest.raises(UserError, match=r"recordings was 1 files \w+, now 2 files \w+"):
        real.prepare(config)


def test_samples_of_attributes_of_other_settings(tmp_path: Path) -> None:
    config = AttributesConfig(tmp_path)
    begun(config.out, settings_of(config), "spoken-bfloat16-00000.safetensors")
    with pytest.raises(UserError, match="mixtures was 46, now 47; restore them or give another folder"):
        attributes.train(replace(config, mixtures=47))
    with pytest.raises(UserError, match="seed was 0, now 1"):
        attributes.train(replace(config, seed=1))


def test_samples_of_timbres_of_other_settings(speak_corpus: Callable[[int], Path], tmp_path: Path) -> None:
    speech = speak_corpus(1)
    config = TimbreConfig(speech, tmp_path / "timbre")
    begun(config.out, timbre_surrogate.settings(config), "round-0-00000.safetensors")
    for changed, message in (
        (replace(config, seed=1), "seed was 0, now 1; restore them or give another folder"),
        (replace(config, random=20), "random was 700, now 20"),
        (replace(config, per_round=20), "per_round was 250, now 20"),
        (replace(config, per_shard=5), "per_shard was 10, now 5"),
        (replace(config, speech=speak_corpus(2)), "speech was 1 files"),
        (replace(config, corpora=(speech,)), "corpora was none, now corpus"),
    ):
        with pytest.raises(UserError, match=message):
            timbre_surrogate.train(changed)
    # a further round is what a run with more rounds from the start would make
    keep_settings(config.out, timbre_surrogate.settings(replace(config, rounds=9)), "round-*.safetensors")


def test_passages_of_other_speech_or_another_length(speak_corpus: Callable[[int], Path], tmp_path: Path) -> None:
    config = TimbreExtensionTraining(speak_corpus(1), tmp_path / "extension")
    config.out.mkdir()
    keep_settings(config.out, passages.settings(config), "heard.safetensors", part="heard")
    (config.out / "heard.safetensors").touch()
    assert passages.prepare(replace(config, steps=1, lr=1.0)) == config.out / "heard.safetensors"
    with pytest.raises(UserError, match="passage_units was 128, now 24; restore them or give another folder"):
        passages.prepare(replace(config, passage_units=24))
    with pytest.raises(UserError, match=r"speech was 1 files (\w+), now 1 files (?!\1)\w+"):
        passages.prepare(replace(config, speech=speak_corpus(2)))


def test_decoder_data_of_other_recordings_or_another_corpus(tmp_path: Path) -> None:
    models, recordings, spoken = ModelBank(), tmp_path / "recordings", tmp_path / "spoken"
    for folder in (recordings, spoken):
        folder.mkdir()
    (recordings / "clip.flac").symlink_to(CLIP)
    begun(spoken, {"seed": "0"})
    config = DecoderDataConfig(tmp_path / "data", (spoken,), (recordings,))
    config.out.mkdir()
    made = decoder_data.corpus_settings(spoken, models)
    keep_settings(config.out, made, "spoken-*.safetensors", part="spoken-spoken")
    (config.out / "spoken-spoken-shard-00000.safetensors").touch()
    made = decoder_data.recordings_settings([recordings / "clip.flac"], recordings, config.per_shard, models)
    keep_settings(config.out, made, "real-*.safetensors", part="real-recordings")
    (config.out / "real-recordings-00000.safetensors").touch()
    decoder_data.prepare(config, models)
    with pytest.raises(UserError, match="per_shard was 32, now 1; restore them or give another folder"):
        decoder_data.prepare(replace(config, per_shard=1), models)
    adapter = tmp_path / "adapter.safetensors"
    adapter.write_bytes(b"another")
    with pytest.raises(UserError, match="adapter was 1 files"):
        decoder_data.prepare(config, ModelBank(adapter=adapter))
    (recordings / "other.flac").symlink_to(OTHER_SPEAKER)
    with pytest.raises(UserError, match=r"recordings was 1 files \w+, now 2 files"):
        decoder_data.prepare(config, models)
    (spoken / SETTINGS).write_text('{"seed": "1"}', encoding="utf-8")
    with pytest.raises(UserError, match="corpus seed was 0, now 1"):
        decoder_data.prepare(config, models)
