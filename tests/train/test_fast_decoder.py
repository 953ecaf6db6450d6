"""The fast decoder's data and training: shards, crops, and that a resumed run is the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from decoder_shards import SMALL
from safetensors.torch import load_file

from nuanced_speech import Converter, audio
from nuanced_speech.analysis.features import ENERGY_OFFSET
from nuanced_speech.core.constants import SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.spectral_distance import MEL_BANDS, SpectralDistance
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.train import decoder_data
from nuanced_speech.train.configs import DecoderDataConfig, FastDecoderTraining
from nuanced_speech.train.decoder_batches import KEPT_APART, DecoderSpeech, OmissionShares
from nuanced_speech.train.fast_decoder import FastDecoderRecipe, train

EVERYTHING, NOTHING = OmissionShares(0, 0, 0, 0), OmissionShares(1, 1, 1, 1)


@pytest.fixture(scope="module")
def data(
    converter: Converter, clip: Path, speak_corpus: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Two utterances of Kokoro's, a speaker with two recordings (the same twice) and a speaker who is held out."""
    folder = tmp_path_factory.mktemp("decoder")
    for name in ("recordings/b/one.flac", "recordings/lone-1.flac"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, folder / name)
    # libsndfile does not read this one
    audio.write(folder / "recordings/b/two.m4a", audio.read(clip, 16_000), 16_000)
    config = DecoderDataConfig(folder / "data", (speak_corpus(2),), (folder / "recordings",), per_shard=2)
    decoder_data.prepare(config, converter.models)
    return folder / "data"


@pytest.fixture(scope="module")
def speech(data: Path) -> DecoderSpeech:
    return DecoderSpeech(data)


def test_items_hold_what_the_decoder_is_given(speech: DecoderSpeech, data: Path) -> None:
    held_out = DecoderSpeech(data, held_out=True)
    assert len(speech.recorded) == 2 and len(held_out.recorded) == 1
    assert len(speech.spoken) + len(held_out.spoken) == 2
    assert {speech.items[k].name for k in speech.recorded} == {"recordings/b"}
    assert {held_out.items[k].name for k in held_out.recorded} == {"recordings/lone"}
    for item in [*speech.items, *held_out.items]:
        units = item.content.shape[1]
        assert item.disturbed.shape == (512, units) and item.audio.shape == (units * SAMPLES_PER_UNIT,)
        assert item.f0.shape == item.energy.shape == (2 * units,)
        # the disturbance changes the content, and leaves it the same words
        apart = (item.disturbed.float() - item.content.float()).square().mean() / item.content.float().var()
        assert 1e-4 < float(apart) < 1
        assert item.bandwidth == (12000 if item.spoken else 8000)


def test_what_is_there_is_not_prepared_again(data: Path, converter: Converter) -> None:
    times = {path: path.stat().st_mtime_ns for path in data.iterdir()}
    folder = data.parent / "recordings"
    decoder_data.prepare(DecoderDataConfig(data, (), (folder,), per_shard=2), converter.models)
    assert times == {path: path.stat().st_mtime_ns for path in data.iterdir()}
    with pytest.raises(UserError, match="no recordings there"):
        decoder_data.prepare(DecoderDataConfig(data, (), (data,)), converter.models)


def test_a_damaged_shard_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"no" * 50)
    for read in (decoder_data.read, decoder_data.names_in):
        with pytest.raises(UserError, match="not a shard of decoder data, or damaged"):
            read(tmp_path / "bad.safetensors")


def test_crops_have_the_frames_of_another_recording(speech: DecoderSpeech) -> None:
    rng = np.random.default_rng(0)
    number = next(k for k in speech.recorded if speech.items[k].name == "recordings/b")
    (other,) = (k for k in speech.by_speaker["recordings/b"] if k != number)
    batch = speech.batch([number], rng, 40, 50, EVERYTHING)
    item, reference = speech.items[other], batch.voice.reference
    assert reference is not None
    frames = reference.content[reference.mask].half()
    assert (frames[:, None] == item.content.T[None]).all(-1).any(-1).all()
    assert torch.equal(batch.voice.speaker[0], item.speaker)
    # energy as Kokoro predicts it
    assert bool(((speech.items[number].energy + ENERGY_OFFSET)[:, None] == batch.energy[0]).any(0).all())
    # of a single recording, frames that are not near the crop
    places = [at for _, at in speech._frames(number, [], 60, 40)]
    assert places and all(at < 60 - KEPT_APART or at >= 100 + KEPT_APART for at in places)
    bare = speech.batch([number], rng, 40, 50, NOTHING).voice
    assert bare.timbre.isnan().all() and bare.speaker.isnan().all() and not bare.reference.mask.any()


def test_the_distance_leaves_out_what_a_recording_does_not_say() -> None:
    generator = torch.Generator().manual_seed(0)
    wave = torch.randn(1, 12000, generator=generator)
    spectrum = torch.fft.rfft(wave)
    spectrum[:, spectrum.shape[1] * 17 // 20 :] = 0
    dull = torch.fft.irfft(spectrum, 12000)
    distance = SpectralDistance()
    whole, low = (float(distance(dull, wave, torch.tensor([hertz]))[1]) for hertz in (12000.0, 9000.0))
    assert whole > 0.3 and low < 0.05
    bands = SpectralDistance(bands=MEL_BANDS)
    whole, low = (float(bands(dull, wave, torch.tensor([hertz]))[1]) for hertz in (12000.0, 9000.0))
    assert whole > 0.15 and low < 0.05


def test_bands_compare_levels_and_not_which_bin_is_loud() -> None:
    one, other = torch.randn(2, 1, 24000, generator=torch.Generator().manual_seed(0))
    whole = torch.tensor([12000.0])
    bins, bands = SpectralDistance(), SpectralDistance(bands=MEL_BANDS)
    assert float(bands(one, other, whole)[1]) < 0.6 * float(bins(one, other, whole)[1])
    # twice the level is log 2 everywhere
    assert float(bands(2 * one, one, whole)[1]) == pytest.approx(0.693, abs=0.01)


def test_training_comes_nearer_and_a_resumed_run_is_the_same(data: Path, tmp_path: Path) -> None:
    config = FastDecoderTraining(
        data,
        tmp_path / "one",
        steps=12,
        batch_size=3,
        crop_seconds=0.6,
        **SMALL,
        checkpoint_every=6,
        measured=2,
    )
    lines: list[str] = []
    path = train(config, lines.append)
    assert "recorded 1." in lines[-1]
    assert FastDecoder.load(path).config.width == 16
    first = FastDecoderRecipe(config)
    figures = [first.step(k)["distance"] for k in range(12)]
    assert min(figures[-3:]) < 0.8 * max(figures[:2])
    short = replace(config, out=tmp_path / "two", minutes=1e-9)
    train(short, lines.append)
    assert "minutes are over" in lines[-1]
    again = train(replace(short, minutes=0), lines.append)
    # the order of the metadata in a file is random: its tensors are compared
    one, two = (load_file(weights) for weights in (path, again))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(UserError, match="width was 16, now 32"):
        train(replace(config, width=32), lines.append)
