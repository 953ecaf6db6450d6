"""Training of the phoneme recogniser, at its smallest: it learns, and goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from halves import check_halves
from helpers import interrupt_at

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.phoneme_recognizer import SILENCE_SECONDS, PhonemeRecognizer
from nuanced_speech.models.phoneme_tokenizer import PhonemeTokenizer
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.train import checkpoint, corpus
from nuanced_speech.train import phoneme_recognizer as recogniser
from nuanced_speech.train.phoneme_recognizer import (
    PhonemeRecognizerTraining,
    load_clips,
    phoneme_errors,
    train,
    weighed,
)
from nuanced_speech.train.processes import Processes


@pytest.fixture(scope="module")
def spoken(speak_corpus: Callable[[int], Path]) -> Path:
    return speak_corpus(4)


def config(spoken: Path, out: Path, steps: int = 80) -> PhonemeRecognizerTraining:
    # the whole dictionary would take half a minute; some words as a whole, the others spelled
    words = PhonemeTokenizer({"ðə": [262], "ænd": [290], "ʌv": [286], "ɪn": [287], "wʌz": [373], "tə": [284]})
    out.mkdir()
    words.save(out / "lexicon.json")
    return PhonemeRecognizerTraining(
        (spoken,),
        out,
        whisper="tiny.en",
        rank=8,
        steps=steps,
        batch_size=2,
        lr=3e-3,
        warmup=5,
        ema=0.5,
        kept=1.0,
        held_out=0,
        checkpoint_every=3,
    )


@pytest.mark.slow
def test_training_learns(spoken: Path, tmp_path: Path, listener: WhisperModel) -> None:
    taught = replace(config(spoken, tmp_path / "whole"), checkpoint_every=1000)
    weights = PhonemeRecognizer.load(listener, train(taught, listener=listener))
    clips = load_clips(spoken, "tiny.en")
    assert phoneme_errors(PhonemeRecognizer(listener, weights.tokenizer), clips) > 0.9
    assert phoneme_errors(weights, clips) < 0.3


@pytest.mark.slow
def test_training_resumes_exactly(spoken: Path, tmp_path: Path, listener: WhisperModel) -> None:
    learn = partial(train, listener=listener)
    weights = PhonemeRecognizer.load(listener, learn(config(spoken, tmp_path / "whole", 10)))
    interrupted = config(spoken, tmp_path / "broken", 10)
    # what is drawn at once ends with the eighth step
    with pytest.raises(KeyboardInterrupt):
        learn(interrupted, interrupt_at("step 6:"))
    assert not (interrupted.out / "recogniser.safetensors").exists()
    resumed = PhonemeRecognizer.load(listener, learn(interrupted))
    for name, value in weights.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    with pytest.raises(UserError, match=r"rank was 8, now 4"):
        learn(replace(interrupted, rank=4))
    with pytest.raises(UserError, match="data was"):
        learn(replace(interrupted, corpora=(spoken, spoken)))
    learn(replace(interrupted, steps=11))
    assert checkpoint.load(interrupted.out / "recogniser_checkpoint.pt")["step"] == 11


def test_two_processes_share_a_batch(spoken: Path, tmp_path: Path, listener: WhisperModel) -> None:
    settings = config(spoken, tmp_path / "out")
    recogniser.prepare_clips(spoken, listener, 2)
    taught = PhonemeRecognizer(listener, PhonemeTokenizer.load(settings.out / "lexicon.json"))
    clips = [load_clips(spoken, "tiny.en")[0], *load_clips(spoken, "tiny.en")[-1:]]
    clips[1] = replace(clips[1], phonemes=clips[1].phonemes[:9])

    def figures_of(processes: Processes) -> dict[str, float]:
        loss, right = recogniser.loss_of(taught, clips, np.random.default_rng(0), settings, processes)
        return {"loss": loss.item(), "right": right.item()}

    check_halves(figures_of)


def test_clips_hold_whole_utterances_and_their_phonemes(spoken: Path, listener: WhisperModel) -> None:
    recogniser.prepare_clips(spoken, listener, 2)
    clips = load_clips(spoken, "tiny.en")
    utterances = corpus.read_shard(spoken / "shard-00000.safetensors")
    seconds = sum(len(u.audio) for u in utterances) / 24_000
    total = sum(len(c.versions[0]) / 50 - SILENCE_SECONDS for c in clips)
    assert total == pytest.approx(seconds, abs=0.1)
    # a space between two utterances of a clip
    assert sum(len(c.phonemes) for c in clips) == sum(len(u.ids) - 2 for u in utterances) + len(utterances) - len(clips)
    assert all(len(c.versions) == 2 and c.versions[0].dtype == torch.float16 for c in clips)


def test_clips_that_are_too_long_are_left_out(spoken: Path, tmp_path: Path, listener: WhisperModel) -> None:
    with pytest.raises(UserError, match="too few clips"):
        train(replace(config(spoken, tmp_path / "out"), max_phonemes=4), listener=listener)


def test_a_folder_without_a_corpus_says_how_to_make_one(tmp_path: Path, listener: WhisperModel) -> None:
    with pytest.raises(UserError, match="train corpus"):
        recogniser.prepare_clips(tmp_path, listener, 1)


def test_a_share_of_what_was_learned_lies_between_none_and_all(listener: WhisperModel) -> None:
    lexicon = PhonemeTokenizer({"ðə": [262], "ænd": [290]})
    torch.manual_seed(0)
    learner = PhonemeRecognizer(listener, lexicon)
    learner.add_low_rank()
    start = {name: value.clone() for name, value in learner.trained_state().items()}
    end = {name: value + 0.01 * torch.randn_like(value) for name, value in start.items()}

    def weights(share: float) -> torch.Tensor:
        learner.load_trained_state(weighed(start, end, share))
        layer = learner.blocks[0].attn.query
        return torch.cat([(layer.up @ layer.down).flatten(), learner.tokens()[:200].flatten(), learner.ln.weight])

    none, half, whole = (weights(share) for share in (0.0, 0.5, 1.0))
    assert torch.allclose(half, (none + whole) / 2, atol=1e-6)
    assert not torch.allclose(half, whole, atol=1e-3)
    assert torch.equal(learner.trained_state()["ln.weight"], end["ln.weight"])
