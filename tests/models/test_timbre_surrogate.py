"""Finding the timbre of a speaker: the surrogate, the sharing among pieces, the fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nuanced_speech import audio
from nuanced_speech.analysis.speaker_clustering import CONVERTED_CLEANNESS, shared_styles
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate, _stacked
from nuanced_speech.train import timbre_surrogate as training
from nuanced_speech.train.timbre_surrogate import TimbreConfig, TimbreSamples, fit, random_timbres, read_samples
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.style import Style


@pytest.fixture(scope="module")
def surrogate() -> TimbreSurrogate:
    return TimbreSurrogate.load()


@pytest.fixture(scope="module")
def embeddings() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return F.normalize(torch.rand(3, 256, generator=generator), dim=1)


@torch.no_grad()
def say(kokoro: Kokoro, encoder: SpeakerEncoder, style: torch.Tensor, move: float = 0.0) -> tuple[torch.Tensor, float]:
    """Embedding of what Kokoro says with a style, and the median of its log2 F0."""
    encoded = kokoro.encode_text(kokoro.tokens("wˌi wɜɹ əwˈA ɐ jˈɪɹ əɡˈO, ænd nˈW wiə hˈOm.")[None])
    prosody = kokoro.predict(encoded, style[None])
    voiced = prosody.f0 > 20
    f0 = torch.where(voiced, prosody.f0 * 2**move, prosody.f0)
    wave = kokoro.decode(spread(encoded.content, prosody.durations), f0, prosody.energy, style[None, :TIMBRE_DIM])
    embedding = encoder.embed(wave[0].numpy(), audio.SAMPLE_RATE)
    assert embedding is not None
    return torch.from_numpy(embedding), float(f0[voiced].log2().median())


def test_a_voice_never_trained_on_is_found_again(
    surrogate: TimbreSurrogate, kokoro: Kokoro, encoder: SpeakerEncoder
) -> None:
    # between two voices: neither, where the search may begin
    style = (style_of(stock_voices()["am_puck"]) + style_of(stock_voices()["am_liam"])) / 2
    embedding, log_f0 = say(kokoro, encoder, style)
    found = surrogate.find(embedding[None], torch.tensor([log_f0]))[0]
    again, _ = say(kokoro, encoder, torch.cat([found, style[TIMBRE_DIM:]]))
    nearest = surrogate.nearest(embedding[None], torch.tensor([log_f0]))[0]
    stock, _ = say(kokoro, encoder, torch.cat([nearest, style[TIMBRE_DIM:]]))
    average, _ = say(kokoro, encoder, torch.cat([surrogate.mean, style[TIMBRE_DIM:]]))
    assert embedding @ again > 0.75
    assert embedding @ again > embedding @ average + 0.1
    assert embedding @ again > embedding @ stock + 0.03


def test_the_search_raises_likeness_and_the_prior_holds_it_back(
    surrogate: TimbreSurrogate, embeddings: torch.Tensor
) -> None:
    log_f0 = torch.tensor([7.0, 7.3, 7.6])

    def likeness(timbre: torch.Tensor) -> torch.Tensor:
        return (surrogate(timbre, log_f0) * embeddings).sum(-1).mean(0)

    start = surrogate.nearest(embeddings, log_f0)
    stock = torch.stack([style_of(pack)[:TIMBRE_DIM] for pack in stock_voices().values()])
    assert all((stock == timbre).all(1).any() for timbre in start)
    free, held = (surrogate.find(embeddings, log_f0, prior) for prior in (0.01, 10.0))
    assert (likeness(free) > likeness(start) + 0.02).all()
    assert ((held - start).norm(dim=1) < 0.2 * (free - start).norm(dim=1)).all()
    # each of a batch is found as if alone
    torch.testing.assert_close(surrogate.find(embeddings[1:2], log_f0[1:2], 0.01)[0], free[1], rtol=0, atol=1e-2)


def test_the_search_starts_at_an_opinion_but_for_another_recording(
    surrogate: TimbreSurrogate, embeddings: torch.Tensor
) -> None:
    log_f0, opinion = torch.tensor([7.0, 7.3, 7.6]), surrogate.mean.repeat(3, 1)
    torch.testing.assert_close(surrogate.find(embeddings, log_f0, steps=0, start=opinion), opinion, rtol=0, atol=1e-4)
    styles = Style.from_vector(torch.cat([opinion, torch.zeros_like(opinion)], 1))
    speakers = torch.eye(3, 256)
    own, foreign = (
        shared_styles(styles, speakers, log_f0, torch.ones(3), surrogate, foreign=foreign).timbre
        for foreign in (False, True)
    )
    torch.testing.assert_close(
        own, surrogate.find(speakers, log_f0, cleanness=CONVERTED_CLEANNESS, start=opinion), rtol=0, atol=1e-2
    )
    torch.testing.assert_close(
        foreign, surrogate.find(speakers, log_f0, cleanness=CONVERTED_CLEANNESS), rtol=0, atol=1e-2
    )


def test_an_opinion_holds_back_what_voices_hardly_differ_in(
    surrogate: TimbreSurrogate, embeddings: torch.Tensor
) -> None:
    log_f0, opinion = torch.tensor([7.0, 7.3, 7.6]), surrogate.mean.repeat(3, 1)

    def away(nearness: float) -> torch.Tensor:
        return (surrogate.find(embeddings, log_f0, start=opinion, nearness=nearness) - opinion).norm(dim=1)

    assert (away(0.1) < 0.95 * away(0.0)).all()


def test_whitened_timbres_have_the_covariance_of_what_they_were_calibrated_on() -> None:
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(4000, TIMBRE_DIM, generator=generator) @ torch.randn(
        TIMBRE_DIM, TIMBRE_DIM, generator=generator
    )
    surrogate = TimbreSurrogate(members=1)
    surrogate.calibrate(mixed + 3)
    torch.testing.assert_close(surrogate.mean, mixed.mean(0) + 3)
    covariance = torch.cov(mixed.T)
    assert (surrogate.basis @ surrogate.basis.T - covariance).norm() < 0.02 * covariance.norm()


def test_saved_and_loaded(surrogate: TimbreSurrogate, tmp_path: Path) -> None:
    surrogate.save(tmp_path / "timbre.safetensors")
    again = TimbreSurrogate.load(tmp_path / "timbre.safetensors")
    for name, value in surrogate.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    with pytest.raises(UserError, match="no timbre surrogate there"):
        TimbreSurrogate.load(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no" * 50)
    with pytest.raises(UserError, match="not a timbre surrogate"):
        TimbreSurrogate.load(tmp_path / "bad.safetensors")


def test_pieces_of_a_speaker_share_a_voice_and_others_keep_theirs(
    surrogate: TimbreSurrogate, embeddings: torch.Tensor
) -> None:
    one, other = F.one_hot(torch.tensor([3, 9]), 256).float()
    speakers = F.normalize(torch.stack([one, one + 0.2 * other, other, torch.full((256,), torch.nan)]), dim=1)
    styles = torch.randn(4, 256, generator=torch.Generator().manual_seed(1))
    log_f0 = torch.tensor([7.0, torch.nan, 7.8, torch.nan])
    units = torch.tensor([200.0, 100.0, 300.0, 50.0])
    for network, foreign in ((None, False), (surrogate, False), (surrogate, True)):
        shared = shared_styles(Style.from_vector(styles), speakers, log_f0, units, network, foreign=foreign)
        settled = shared.vector
        assert settled.isfinite().all() and settled.shape == (4, 256)
        near, far = (settled[0] - settled[1]).norm(), (settled[0] - settled[2]).norm()
        assert near < 0.2 * far
    assert shared.timbre.std(0).max() < 3 * surrogate.basis.norm(dim=1).max()
    nowhere = torch.full((4, 256), torch.nan)
    silent = shared_styles(Style.from_vector(styles), nowhere, log_f0, units, surrogate).vector
    torch.testing.assert_close(silent[0], units / units.sum() @ styles)
    assert torch.equal(silent[0], silent[3])


def test_the_fit_learns_and_is_the_same_each_time(tmp_path: Path) -> None:
    timbres = torch.cat([random_timbres(np.random.default_rng(k), 10) for k in range(12)])
    generator = torch.Generator().manual_seed(0)
    wanted = F.normalize(torch.relu(timbres @ torch.randn(TIMBRE_DIM, 256, generator=generator)), dim=1)
    quality = torch.full((len(timbres), 3), torch.nan)
    # rough where the first of the voices' directions goes up, and not measured everywhere
    rough = (timbres - timbres.mean(0)) @ torch.randn(TIMBRE_DIM, generator=generator)
    quality[:80, 0], quality[:80, 1] = (rough > 0).float()[:80], rough[:80]
    samples = TimbreSamples(timbres, torch.full((len(timbres),), 7.2), wanted, quality)
    config = TimbreConfig(tmp_path, tmp_path, epochs=60)
    surrogate = fit(samples, config)
    right = (surrogate(timbres, samples.log_f0) * wanted).sum(-1)
    unfitted = (fit(samples, TimbreConfig(tmp_path, tmp_path, epochs=0))(timbres, samples.log_f0) * wanted).sum(-1)
    assert right.mean() > 0.9 > 0.7 > unfitted.mean()
    judged = surrogate.cleanness(timbres, samples.log_f0)
    assert torch.corrcoef(torch.stack([judged[80:], -rough[80:]]))[0, 1] > 0.5
    once, again = (fit(samples, replace(config, epochs=2))(timbres, samples.log_f0) for _ in range(2))
    torch.testing.assert_close(again, once)


def test_the_search_prefers_clean_timbres(surrogate: TimbreSurrogate, embeddings: torch.Tensor) -> None:
    log_f0 = torch.tensor([7.0, 7.3, 7.6])
    careless, clean = (surrogate.find(embeddings, log_f0, cleanness=weight) for weight in (0.0, 0.3))
    assert (surrogate.cleanness(clean, log_f0) > surrogate.cleanness(careless, log_f0) + 0.2).all()


def test_cleanness_is_the_mean_of_what_was_measured() -> None:
    quality = torch.tensor([[0.0, 0.1, 20.0], [1.0, 0.3, 12.0], [torch.nan] * 3])
    torch.testing.assert_close(training.cleanness(quality), torch.tensor([1.0, -1.0, torch.nan]), equal_nan=True)
    quality[:, 2:] = torch.nan
    torch.testing.assert_close(training.cleanness(quality)[:2], torch.tensor([1.0, -1.0]))


def test_quality_of_what_was_spoken_is_measured(clip: Path) -> None:
    wave = audio.read(clip)
    curve = f0(wave, audio.SAMPLE_RATE)
    drop, missed, ratio = training.measure(wave, curve).tolist()
    assert drop == 0 and missed < 0.05
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32) * wave.std() / 2
    assert training.measure(wave + noise, curve)[2] < ratio - 2
    assert training.measure(wave, curve * 2)[0] == 1
    assert training.measure(np.zeros_like(wave), curve)[1] == 1


def test_the_prediction_of_embeddings_can_be_kept(surrogate: TimbreSurrogate, tmp_path: Path) -> None:
    packaged = tmp_path / "packaged.safetensors"
    surrogate.save(packaged)
    timbres = random_timbres(np.random.default_rng(0), 20)
    rough = (timbres[:, :1] > timbres[:, :1].median()).float()
    samples = TimbreSamples(timbres, torch.full((20,), 7.2), torch.zeros(20, 256), rough.expand(-1, 3))
    fitted = fit(samples, TimbreConfig(tmp_path, tmp_path, embeddings=packaged, epochs=20))
    assert fitted(timbres, samples.log_f0).equal(surrogate(timbres, samples.log_f0))
    assert not fitted.cleanness(timbres, samples.log_f0).equal(surrogate.cleanness(timbres, samples.log_f0))


@pytest.mark.slow
def test_training_makes_what_is_missing_and_ends_the_same(
    speak_corpus: Callable[[int], Path], kokoro: Kokoro, tmp_path: Path
) -> None:
    config = TimbreConfig(speak_corpus(1), tmp_path, random=2, rounds=1, per_round=2, per_shard=2, epochs=1)
    weights = training.train(config, kokoro).read_bytes()
    samples = read_samples(tmp_path, 9)
    assert len(samples) == 4 and samples.embedding.norm(dim=1).sub(1).abs().max() < 1e-4
    assert read_samples(tmp_path, 1).timbre.equal(samples.timbre[:2])
    last = tmp_path / "round-1-00000.safetensors"
    before = last.read_bytes()
    last.unlink()
    assert training.train(config, kokoro).read_bytes() == weights
    assert last.read_bytes() == before
    with pytest.raises(UserError, match="no corpus here"):
        training.train(TimbreConfig(tmp_path, tmp_path / "other"))


def test_small_networks_say_together_what_each_says_alone(surrogate: TimbreSurrogate) -> None:
    inputs = torch.randn(5, 129, generator=torch.Generator().manual_seed(0))
    for networks in (surrogate.members, surrogate.clean):
        torch.testing.assert_close(_stacked(networks)(inputs), torch.stack([network(inputs) for network in networks]))
