"""The training recipe on two very short sentences, with the real Kokoro and Whisper tiny.en."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from helpers import ROOT, Without, interrupt_at
from safetensors.torch import load_file, save_file

from nuanced_speech.core.constants import SAMPLES_PER_UNIT, TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.train import checkpoint
from nuanced_speech.train import style_encoder as multispeech
from nuanced_speech.train.corpus import pack_audio, read_sentences
from nuanced_speech.train.losses import StyleSimilarityLoss
from nuanced_speech.train.objective import render_loss
from nuanced_speech.train.references import ReferenceSegment, ReferenceSpeaker, corpus_vectors, deal_voices
from nuanced_speech.train.settings import BEST, CHECKPOINT, TrainConfig, check, parse_epochs, preset
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of

TEXTS, VOICES = ("Yes.", "Hello there."), ("af_heart", "bm_george")
CROP_SECONDS = 0.3


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speech") / "cache"


@pytest.fixture(scope="module")
def segments(kokoro: Kokoro, listener: WhisperModel, cache: Path) -> list[ReferenceSegment]:
    speaker = ReferenceSpeaker(kokoro, listener, cache, 2, CROP_SECONDS)
    return [speaker.speak(text, voice) for text, voice in zip(TEXTS, VOICES, strict=True)]


@pytest.fixture
def encoder(segments: list[ReferenceSegment]) -> StyleEncoder:
    torch.manual_seed(0)
    encoder = StyleEncoder(segments[0].features.shape[1])
    stock = [style_of(pack) for voice, pack in stock_voices().items() if voice not in HELD_OUT]
    encoder.calibrate(torch.cat([segment.features for segment in segments]), torch.stack(stock))
    return encoder


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    (tmp_path / "text.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return TrainConfig(
        text_file=tmp_path / "text.txt",
        voices=VOICES,
        held_out=(),
        epochs=2,
        batch_size=1,
        whisper="tiny.en",
        device="cpu",
        out=tmp_path / "outputs",
        models=tmp_path / "models",
        audio_epochs=(1,),
        crop_seconds=CROP_SECONDS,
        corpus_steps=2,
        corpus_batch=4,
    )


# What is minimised


@pytest.mark.slow
def test_the_true_style_has_no_loss(kokoro: Kokoro, segments: list[ReferenceSegment]) -> None:
    """Crops, masks and time axes fit: anything that is shifted or normalised otherwise is not zero."""
    stft = MultiResolutionSTFTLoss()
    true = torch.stack([segment.style for segment in segments])
    with torch.no_grad():
        for crops in ([0, 0], [1, 1]):
            loss = render_loss(kokoro, stft, segments, true, crops)
            assert loss.stft < 0.05 and loss.durations < 1e-3 and loss.f0 < 1e-3 and loss.energy < 1e-2
        swapped = render_loss(kokoro, stft, segments, true.flip(0), [0, 0])
    assert swapped.stft > 0.5 and min(swapped.durations, swapped.f0, swapped.energy) > 0.02


def test_gradients_reach_both_halves_of_the_style(kokoro: Kokoro, segments: list[ReferenceSegment]) -> None:
    style = torch.stack([segment.style for segment in segments[::-1]]).requires_grad_()
    loss = render_loss(kokoro, MultiResolutionSTFTLoss(), segments, style, [0, 0])
    (by_audio,) = torch.autograd.grad(loss.stft, style, retain_graph=True)
    assert (by_audio[:, :TIMBRE_DIM] != 0).all() and (by_audio[:, TIMBRE_DIM:] == 0).all()
    for part in (loss.durations, loss.f0, loss.energy):
        (by_prosody,) = torch.autograd.grad(part, style, retain_graph=True)
        assert (by_prosody[:, TIMBRE_DIM:] != 0).all() and (by_prosody[:, :TIMBRE_DIM] == 0).all()


@pytest.mark.slow
def test_gradient_through_the_synthesizer_reaches_the_encoder_and_one_step_lowers_the_loss(
    kokoro: Kokoro, segments: list[ReferenceSegment], encoder: StyleEncoder, config: TrainConfig
) -> None:
    stft = MultiResolutionSTFTLoss()

    def rendered() -> float:
        figures, _ = multispeech.render_gradient(
            kokoro, stft, segments, multispeech.predict(encoder, segments).detach(), [0, 0], config
        )
        return figures["stft"] + figures["durations"] + figures["f0"] + 0.1 * figures["energy"]

    before = rendered()
    optimizer = torch.optim.Adam(encoder.parameters(), 1e-3)
    style = multispeech.predict(encoder, segments)
    _, gradient = multispeech.render_gradient(kokoro, stft, segments, style.detach(), [0, 0], config)
    multispeech.update(encoder, optimizer, [style], [gradient])
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert rendered() < before - 0.01


def test_one_by_one_gives_the_gradient_of_the_batch(
    kokoro: Kokoro, segments: list[ReferenceSegment], config: TrainConfig
) -> None:
    stft = MultiResolutionSTFTLoss()
    style = torch.stack([segment.style for segment in segments[::-1]])
    figures, gradient = multispeech.render_gradient(kokoro, stft, segments, style.clone(), [1, 1], config)
    together = style.clone().requires_grad_()
    loss = render_loss(kokoro, stft, segments, together, [1, 1])
    (loss.stft + loss.prosody).backward()
    assert figures["stft"] == pytest.approx(loss.stft.item(), rel=1e-3)
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), together.grad.flatten(), dim=0) > 0.99


# References


def test_references_are_spoken_once(
    kokoro: Kokoro,
    listener: WhisperModel,
    cache: Path,
    segments: list[ReferenceSegment],
) -> None:
    mute: Any = Without(kokoro, "tokens")
    again = ReferenceSpeaker(mute, listener, cache, 2, CROP_SECONDS).speak(TEXTS[1], VOICES[1])
    assert torch.equal(again.audio, segments[1].audio) and torch.equal(again.crop_audio, segments[1].crop_audio)
    for changed in (
        ReferenceSpeaker(mute, listener, cache, 1, CROP_SECONDS),
        ReferenceSpeaker(mute, listener, cache, 2, 0.4),
    ):
        with pytest.raises(pytest.fail.Exception):
            changed.speak(TEXTS[1], VOICES[1])
    with pytest.raises(pytest.fail.Exception):
        ReferenceSpeaker(mute, listener, cache, 2, CROP_SECONDS).speak(TEXTS[1], VOICES[0])


def test_a_segment_is_what_the_voice_says(segments: list[ReferenceSegment]) -> None:
    for segment, voice in zip(segments, VOICES, strict=True):
        units = int(segment.durations.sum())
        assert torch.equal(segment.style, style_of(stock_voices()[voice], len(segment.ids) - 2))
        assert segment.audio.shape == (units * SAMPLES_PER_UNIT,) and segment.f0.shape == (2 * units,)
        assert segment.crop_audio.shape == (2, round(CROP_SECONDS * 24000))
        assert abs(len(segment.features) - units * 1.25) <= 1 and segment.audio.abs().max() > 0.1
        assert 0 < segment.crop_starts[0] < segment.crop_starts[1] < units - round(CROP_SECONDS * 40)


def test_voices_are_dealt_at_random_and_evenly() -> None:
    dealt = deal_voices("abcd", 10, 0)
    assert len(dealt) == 10 and sorted(dealt[:4]) == sorted(dealt[4:8]) == list("abcd")
    assert deal_voices("abcd", 10, 0) == dealt != deal_voices("abcd", 10, 1)


# The corpus


def make_corpus(folder: Path, segments: list[ReferenceSegment], count: int) -> torch.Tensor:
    """A shard of the segments, as ``train.corpus`` writes it; returns the styles."""
    folder.mkdir()
    styles = torch.stack([style_of(pack) for pack in stock_voices().values()])[:count]
    tensors = {}
    for k in range(count):
        segment = segments[k % len(segments)]
        tensors[f"{k}.audio"] = pack_audio(segment.audio)
        for name in ("ids", "durations"):
            tensors[f"{k}.{name}"] = getattr(segment, name).to(torch.int16)
        for name, tensor in (("f0", segment.f0), ("energy", segment.energy), ("style", styles[k])):
            tensors[f"{k}.{name}"] = tensor.clone()
    save_file(tensors, folder / "shard-00000.safetensors")
    return styles


def test_the_corpus_is_encoded_once(listener: WhisperModel, segments: list[ReferenceSegment], tmp_path: Path) -> None:
    styles = make_corpus(tmp_path / "corpus", segments, 3)
    features, found = corpus_vectors(tmp_path / "corpus", listener)
    assert features.shape == (3, 2, listener.width) and torch.equal(found, styles)
    clean, augmented = features[0]
    assert (clean - segments[0].features.mean(0)).abs().mean() < 0.03 and (clean - augmented).abs().mean() > 0.05
    deaf: Any = Without(listener, "features")
    assert torch.equal(corpus_vectors(tmp_path / "corpus", deaf)[0], features)
    with pytest.raises(UserError, match="no corpus here"):
        corpus_vectors(tmp_path, listener)


# Whole runs


@pytest.mark.slow
def test_a_killed_run_resumes_exactly(
    config: TrainConfig,
    kokoro: Kokoro,
    listener: WhisperModel,
    segments: list[ReferenceSegment],
    cache: Path,
    tmp_path: Path,
) -> None:
    make_corpus(tmp_path / "corpus", segments, 5)
    config = replace(config, corpus=tmp_path / "corpus")
    # a short one; and what other tests had spoken is not spoken again
    learn = partial(multispeech.train, kokoro=kokoro, listener=listener, unseen="Not now.")
    shutil.copytree(cache, config.out / "cache")
    report = learn(config)
    straight = checkpoint.load(config.models / CHECKPOINT)
    assert straight["epoch"] == config.epochs and report["end"]["style"] < report["start"]["style"]
    assert json.loads((config.out / "report.json").read_text()) == report
    wanted = {f"{name}_all_segments_{kind}.wav" for name in ("epoch_1", "final") for kind in ("predicted", "reference")}
    assert wanted < {path.name for path in config.out.iterdir()}
    assert len({soundfile.info(config.out / name).frames for name in wanted}) == 1
    assert list((config.out / "tensorboard").iterdir())

    # killed after the first epoch
    killed = replace(config, models=tmp_path / "killed", audio_epochs=())
    with pytest.raises(KeyboardInterrupt):
        learn(killed, interrupt_at("step 2:"))
    assert checkpoint.load(killed.models / CHECKPOINT)["epoch"] == 1
    mute: Any = Without(kokoro, "tokens")
    # the unseen sentence is what was given
    ReferenceSpeaker(mute, listener, config.out / "cache", config.crops, CROP_SECONDS).speak(
        "Not now.", VOICES[0], False
    )

    with pytest.raises(UserError, match="go on with resume"):
        learn(killed)
    with pytest.raises(UserError, match="lr was 0.001, now 0.01"):
        learn(replace(killed, resume=True, lr=0.01))
    resumed_report = learn(replace(killed, resume=True), kokoro=mute)
    resumed = checkpoint.load(killed.models / CHECKPOINT)
    for name, tensor in straight["encoder"].items():
        assert torch.equal(tensor, resumed["encoder"][name]), name
    for number, moments in straight["optimizer"]["state"].items():
        for name, tensor in moments.items():
            assert torch.equal(tensor, resumed["optimizer"]["state"][number][name]), name
    assert resumed_report["end"] == report["end"] and resumed_report["similarity"] == report["similarity"]
    first, second = load_file(config.models / BEST), load_file(killed.models / BEST)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_learning_rate_rises_then_falls() -> None:
    rates = [1e-3 * multispeech.schedule(100)(step) for step in range(100)]
    assert np.argmax(rates) in (4, 5) and max(rates) == pytest.approx(1e-3, rel=0.01)
    assert rates[-1] == pytest.approx(5e-5) and all(np.diff(rates[5:]) < 0)
    assert multispeech.schedule(1)(0) > 0


# Mistakes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"voices": ()}, "voices names no voice"),
        ({"voices": ("af_heart", "af_nobody")}, "unknown voice 'af_nobody'"),
        ({"device": "abacus"}, "device 'abacus'"),
        ({"corpus": Path("nowhere")}, "nowhere: no such folder"),
        ({"resume": True}, "no checkpoint to resume"),
    ],
)
def test_settings_that_cannot_work_are_refused(config: TrainConfig, changes: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        check(replace(config, **changes))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_earlier_weights_are_not_overwritten(config: TrainConfig) -> None:
    check(config)
    (config.models / BEST).write_bytes(b"precious")
    with pytest.raises(UserError, match="from an earlier run"):
        check(config)
    assert (config.models / BEST).read_bytes() == b"precious"


def test_texts_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    for content, message in (
        (None, "no such file"),
        (b"\n \n", "no sentence"),
        (b"\xff\xfe\x00", "as UTF-8 text"),
    ):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UserError, match=message):
            read_sentences(path)
    with pytest.raises(UserError, match="cannot be read as a text file"):
        read_sentences(tmp_path)


def test_presets_and_epochs() -> None:
    assert preset("small") == TrainConfig()
    assert len(preset("full").voices) == 44 and not set(preset("full").voices) & set(HELD_OUT)
    assert not set(TrainConfig().voices) & set(HELD_OUT)
    for name in ("small", "full"):
        sentences = read_sentences(preset(name).text_file)
        assert len(sentences) >= 2 * len(set(preset(name).voices))
    assert parse_epochs("5, 10") == (5, 10) and parse_epochs("") == ()
    with pytest.raises(UserError, match="'5;10'"):
        parse_epochs("5;10")
    with pytest.raises(UserError, match="choose small or full"):
        preset("huge")


def test_style_loss_has_the_weights_of_the_recipe() -> None:
    config, loss = TrainConfig(), StyleSimilarityLoss(0.2, 10)
    assert (config.cosine_weight, config.mse_weight) == (loss.cosine_weight, loss.mse_weight)


def test_the_script_says_what_is_wrong(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "train_v2_multispeech.py"), "--voices", "af_heart,af_nobody"]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: unknown voice 'af_nobody'") and done.stderr.count("\n") == 1
