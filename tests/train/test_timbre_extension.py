"""More of a voice than a timbre says: columns for the decoder's adaptive norms, and how they are learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import interrupt_at

from nuanced_speech import Converter, audio
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.speaker_clustering import shared_styles
from nuanced_speech.core.constants import ENERGY_OFFSET, TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.timbre_extension import SIZE, TimbreExtension
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.train import checkpoint
from nuanced_speech.train.configs import TimbreExtensionTraining
from nuanced_speech.train.passages import load_speakers, prepare
from nuanced_speech.train.timbre_extension import train
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.style import Style


@pytest.fixture
def spoken(kokoro: Kokoro) -> Callable[..., torch.Tensor]:
    """Speak a second with a timbre, by this synthesizer or by another."""
    generator = torch.Generator().manual_seed(0)
    content, f0 = torch.randn(1, 512, 40, generator=generator), torch.full((1, 80), 150.0)
    return lambda timbre, other=kokoro: other.decode(content, f0, torch.zeros(1, 80), timbre[None])


@pytest.mark.slow
def test_columns_change_an_extended_timbre_and_no_other(kokoro: Kokoro, spoken: Callable[..., torch.Tensor]) -> None:
    timbre = style_of(stock_voices()["af_heart"])[:TIMBRE_DIM]
    before = spoken(timbre)
    longer = torch.cat([timbre, torch.ones(3)])
    assert torch.equal(spoken(longer, kokoro.extended(torch.zeros(kokoro.gains, 3))), before)
    columns = (0.1 * torch.randn(kokoro.gains, 3, generator=torch.Generator().manual_seed(1))).requires_grad_()
    extended = kokoro.extended(columns)
    changed = spoken(longer, extended)
    assert (changed - before).abs().max() > 0.01
    assert torch.equal(spoken(timbre, extended), before) and torch.equal(spoken(timbre), before)
    changed.square().mean().backward()
    # every norm of the decoder is reached
    assert columns.grad is not None
    assert float((columns.grad.abs().sum(1) > 0).float().mean()) > 0.95


def test_it_begins_as_nothing_and_is_read_as_it_was_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    extension = TimbreExtension(100)
    extension.calibrate(torch.rand(20, 256))
    assert not extension.columns.any()
    torch.nn.init.normal_(extension.columns)
    extension.save(tmp_path / "e.safetensors", steps="3")
    again = TimbreExtension.load(tmp_path / "e.safetensors")
    known = torch.rand(2, 256)
    found = again(known)
    assert found.shape == (2, SIZE)
    assert (found[:, 0] == 1).all()
    assert torch.allclose(found, extension.eval()(known), atol=1e-2)
    assert torch.allclose(again.columns, extension.columns, atol=1e-2)
    with pytest.raises(UserError, match="no style extension there"):
        TimbreExtension.load(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no" * 50)
    with pytest.raises(UserError, match="not a style extension"):
        TimbreExtension.load(tmp_path / "bad.safetensors")


def test_its_numbers_follow_the_prosody_in_a_style() -> None:
    styles = Style.from_vector(torch.randn(2, 256, generator=torch.Generator().manual_seed(0)))
    embeddings = torch.nn.functional.normalize(torch.rand(2, 256, generator=torch.Generator().manual_seed(1)), dim=1)
    extension = TimbreExtension(100, 4).eval()
    arguments = styles, embeddings, torch.full((2,), 7.0), torch.ones(2), TimbreSurrogate.load()
    plain, extended = shared_styles(*arguments), shared_styles(*arguments, extension)
    assert torch.equal(extended.vector[:, :256], plain.vector)
    assert extended.vector.shape == (2, 260)
    assert torch.equal(extended.decoder, torch.cat([plain.timbre, extended.vector[:, 256:]], 1))
    assert torch.equal(plain.decoder, plain.vector[:, :TIMBRE_DIM])


@pytest.mark.slow
@torch.no_grad()
def test_the_packaged_one_makes_a_voice_more_like_its_speaker(converter: Converter, clip: Path) -> None:
    models = converter.models
    item = converter.speakers.assign(converter.analyzer(audio.read(clip)))[0]
    timbre = item.style.decoder
    curves = torch.from_numpy(item.f0)[None], torch.from_numpy(item.energy)[None] + ENERGY_OFFSET
    content = ContentEstimator(models)(item)
    plain, extended = (
        float(models.speaker_encoder.embed_waves(models.kokoro.decode(content, *curves, t[None]))[0] @ own)
        for own in [torch.from_numpy(item.speaker)]
        for t in (timbre[:TIMBRE_DIM], timbre)
    )
    assert extended > plain + 0.02


@pytest.mark.slow
def test_it_is_trained_and_resumed_exactly(speak_corpus: Callable[[int], Path], tmp_path: Path, kokoro: Kokoro) -> None:
    config = TimbreExtensionTraining(
        speak_corpus(2), tmp_path, steps=2, batch_size=1, crossed=1, held_out=1, warmup=1, passage_units=16
    )
    speakers = load_speakers(prepare(config))
    assert len(speakers) == 3 * (speakers[-1].recording + 1)
    for speaker in speakers:
        assert len(speaker.wave) == 600 * speaker.units
        assert len(speaker.f0) == len(speaker.energy) == 2 * speaker.units
    slow = next(s for s in speakers if s.speed < 1)
    assert slow.log_f0 < speakers[0].log_f0
    assert slow.units > speakers[0].units
    whole = TimbreExtension.load(train(config, kokoro=kokoro))
    assert whole.columns.abs().sum() > 0

    (tmp_path / "extension_checkpoint.pt").unlink()
    with pytest.raises(KeyboardInterrupt):
        train(config, interrupt_at("step 1:"), kokoro)
    assert checkpoint.load(tmp_path / "extension_checkpoint.pt")["step"] == 1
    resumed = TimbreExtension.load(train(config, kokoro=kokoro))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    with pytest.raises(UserError, match=r"crossed was 1, now 0"):
        train(replace(config, crossed=0), kokoro=kokoro)


def test_too_few_recordings_say_so(speak_corpus: Callable[[int], Path], tmp_path: Path, kokoro: Kokoro) -> None:
    spoken = speak_corpus(1)
    with pytest.raises(UserError, match="which are held out"):
        train(TimbreExtensionTraining(spoken, tmp_path / "few", passage_units=32), kokoro=kokoro)
    with pytest.raises(UserError, match="50 s long"):
        train(TimbreExtensionTraining(spoken, tmp_path / "short", passage_units=2000), kokoro=kokoro)
