"""The later stages of the fast decoder's training: losses, figures, exact resume, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from decoder_shards import SMALL, write_shard
from halves import check_halves
from helpers import CLIP
from safetensors.torch import load_file

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.train import checkpoint
from nuanced_speech.train.configs import FastDecoderTraining
from nuanced_speech.train.decoder_batches import DecoderSpeech
from nuanced_speech.train.decoder_stages import Adversary, SpeakerSimilarity, below
from nuanced_speech.train.fast_decoder import FastDecoderRecipe, train
from nuanced_speech.train.loop import LoopConfig, run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> FastDecoderTraining:
    """The config of a first stage that was trained for four steps."""
    folder = tmp_path_factory.mktemp("stages")
    config = FastDecoderTraining(
        write_shard(folder / "data"),
        folder / "spectra",
        steps=4,
        batch_size=2,
        crop_seconds=0.4,
        **SMALL,
        checkpoint_every=4,
        measured=1,
        no_source=1.0,
    )
    train(config, lambda line: None)
    return config


def later(first: FastDecoderTraining, stage: str, out: Path) -> FastDecoderTraining:
    return replace(first, stage=stage, start=first.out / "fast_decoder.safetensors", out=out)


def test_likeness_is_the_cosine_of_the_speaker_and_no_target_counts_nothing(encoder: SpeakerEncoder) -> None:
    wave = audio.read(CLIP)[: 48000 // 3 * 3]
    known = encoder.embed(audio.read(CLIP), audio.SAMPLE_RATE)
    assert known is not None
    target = torch.from_numpy(known)
    likeness = SpeakerSimilarity()
    made = torch.from_numpy(np.stack([wave, wave])).requires_grad_()
    cosines = likeness(made, torch.stack([target, torch.full_like(target, torch.nan)]))
    (gradient,) = torch.autograd.grad(cosines.sum(), made)
    assert 0.75 < cosines[0].item() < 1 and cosines[1].item() == 0
    assert gradient.isfinite().all() and float(gradient[0].norm()) > 0 and float(gradient[1].norm()) == 0
    # a short piece counts as the same piece said again and again, not as one before a silence
    piece = torch.from_numpy(wave[9600 : 9600 + 19200])[None]
    short, twice, silent = (
        float(likeness(x, target[None])) for x in (piece, piece.repeat(1, 2), torch.cat([piece, 0 * piece], 1))
    )
    assert abs(short - twice) < abs(silent - twice) / 2


def test_discriminators_learn_and_do_not_see_what_a_recording_does_not_say(first: FastDecoderTraining) -> None:
    torch.manual_seed(0)
    adversary = Adversary(replace(first, discriminator_lr=4e-3), torch.device("cpu"), torch.float32)
    time = torch.arange(6000) / audio.SAMPLE_RATE
    real = torch.sin(2 * torch.pi * 300 * time).repeat(2, 1) * 0.3
    high = real + 0.1 * torch.sin(2 * torch.pi * 10000 * time)
    whole, low = torch.full((2,), 12000.0), torch.full((2,), 8000.0)
    assert float((below(high, low) - real).abs().max()) < 1e-3 < float((below(high, whole) - real).abs().max())
    seen, unseen = (adversary.learn(high, real, limit, 0.0)[1]["matching"] for limit in (whole, low))
    assert unseen < 0.02 * seen
    noise = 0.1 * torch.randn(2, 6000)
    wrong = [adversary.learn(noise, real, whole, 1.0)[1]["discriminators"] for _ in range(8)]
    assert wrong[-1] < 0.7 * wrong[0]
    made = noise.clone().requires_grad_()
    loss, figures = adversary.learn(made, real, whole, 0.0)
    expected = first.adversarial_weight * figures["adversarial"] + first.matching_weight * figures["matching"]
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    assert float(torch.autograd.grad(loss, made)[0].norm()) > 0


@pytest.mark.parametrize("stage", ["speaker", "adversarial"])
def test_a_stage_starts_from_the_one_before(first: FastDecoderTraining, stage: str, tmp_path: Path) -> None:
    recipe = FastDecoderRecipe(later(first, stage, tmp_path))
    begun = FastDecoder.load(first.out / "fast_decoder.safetensors").state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in recipe.decoder.state_dict().items())
    names = ["distance", "convergence", "cosine", "adversarial", "matching", "discriminators"]
    figures = recipe.step(0)
    assert [*figures] == names[: 3 if stage == "speaker" else None]
    # the same crops are compared in bands beside discriminators, in bins without
    before = FastDecoderRecipe(later(first, "speaker", tmp_path)).step(0)
    assert (figures["distance"] == before["distance"]) == (stage == "speaker")


def test_two_processes_share_a_batch(first: FastDecoderTraining, tmp_path: Path) -> None:
    config = later(first, "adversarial", tmp_path)
    check_halves(lambda processes: FastDecoderRecipe(config, processes).step(0))


@pytest.mark.slow
def test_a_resumed_run_is_the_same(first: FastDecoderTraining, tmp_path: Path) -> None:
    config, lines = replace(later(first, "adversarial", tmp_path / "one"), checkpoint_every=2), list[str]()
    whole = load_file(train(config, lines.append))
    assert "; cosine 0." in lines[-1] and "recorded" in lines[-1]
    # broken off in the middle
    parts = replace(config, out=tmp_path / "two")
    recipe, evaluated = FastDecoderRecipe(parts), list[int]()
    evaluate = recipe.evaluate
    recipe.evaluate = lambda step, board: evaluated.append(step) or evaluate(step, board)  # type: ignore[method-assign]
    recipe.wants_to_stop = lambda: "enough" if evaluated else None  # type: ignore[method-assign]
    parts.out.mkdir()
    loop = LoopConfig(4, parts.out / "fast_decoder_checkpoint.pt", recipe.settings, 2)
    run(recipe, loop, lines.append)
    assert lines[-1] == "enough: stopped at step 2"
    again = load_file(train(parts, lines.append))
    assert lines[-2] == "going on after step 2"
    assert whole.keys() == again.keys() and all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_speaker_loss_moves_towards_the_speaker(first: FastDecoderTraining, tmp_path: Path) -> None:
    recipe = FastDecoderRecipe(replace(later(first, "speaker", tmp_path), speaker_weight=1000.0, steps=8, warmup=1))
    cosines = [recipe.step(k)["cosine"] for k in range(8)]
    assert np.mean(cosines[-3:]) > np.mean(cosines[:3])


def test_targets_are_of_another_recording(first: FastDecoderTraining) -> None:
    speech = DecoderSpeech(first.data)
    numbers = [*speech.recorded, *speech.spoken]
    found = speech.elsewhere(numbers, np.random.default_rng(0))
    for number, target in zip(numbers, found, strict=True):
        if speech.items[number].spoken:
            assert target.isnan().all()
        else:
            (other,) = (k for k in speech.by_speaker[speech.items[number].name] if k != number)
            assert torch.equal(target, speech.items[other].speaker)


def test_other_stages_weights_and_sizes_are_refused(first: FastDecoderTraining, tmp_path: Path) -> None:
    for changes, message in (
        ({"stage": "polish"}, "unknown stage 'polish': choose one of spectra, speaker, adversarial"),
        ({"stage": "speaker"}, "give start, a file"),
        ({"stage": "speaker", "start": tmp_path / "none.safetensors"}, "none.safetensors"),
        (
            {"stage": "speaker", "start": first.out / "fast_decoder.safetensors", "width": 32},
            "has width 16 and blocks 2: give the same, not 32 and 2",
        ),
    ):
        with pytest.raises(UserError, match=message) as caught:
            train(replace(first, out=tmp_path / "new", **changes))
        assert "\n" not in str(caught.value)
    config = later(first, "speaker", tmp_path / "speaker")
    train(replace(config, steps=4, minutes=1e-9), lambda line: None)
    with pytest.raises(UserError, match=r"speaker_weight was 1.0, now 0.5"):
        train(replace(config, speaker_weight=0.5))
    with pytest.raises(UserError, match=r"stage was speaker, now spectra"):
        train(replace(first, out=config.out))
    FastDecoderRecipe(replace(first, seed=5)).decoder.save(tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"start was [0-9a-f]{16}, now [0-9a-f]{16}; restore them"):
        train(replace(config, start=tmp_path / "other.safetensors"))


def test_a_checkpoint_of_before_there_were_stages_goes_on(first: FastDecoderTraining, tmp_path: Path) -> None:
    new, old = checkpoint.load(first.out / "fast_decoder_checkpoint.pt"), tmp_path / "old"
    later_named = ("stage", "start", "no_source")
    settings = {name: value for name, value in new["settings"].items() if name not in later_named}
    # all that the first version recorded
    recorded = "steps batch_size crop_seconds reference_units recorded disturbed no_timbre no_speaker no_reference"
    assert [*settings] == [*recorded.split(), "width", "blocks", "lr", "warmup", "ema", "seed"]
    old.mkdir()
    checkpoint.save(old / "fast_decoder_checkpoint.pt", new | {"settings": settings, "step": 2})
    lines: list[str] = []
    train(replace(first, out=old), lines.append)
    assert lines[0] == "going on after step 2" and lines[-1].startswith("step 4")
    checkpoint.save(old / "fast_decoder_checkpoint.pt", new | {"settings": settings, "step": 2})
    with pytest.raises(UserError, match=r"stage was spectra, now speaker; start was none, now"):
        train(later(first, "speaker", old))


def test_weights_without_a_source_are_a_start_for_one_that_follows(first: FastDecoderTraining, tmp_path: Path) -> None:
    assert not FastDecoder.load(first.out / "fast_decoder.safetensors").follows_source
    recipe = FastDecoderRecipe(replace(later(first, "speaker", tmp_path), no_source=0.0, no_reference=0.0, warmup=1))
    layer = recipe.decoder.difference
    assert layer is not None and not bool(layer.weight.any())
    recipe.step(1)
    assert bool(layer.weight.any())
