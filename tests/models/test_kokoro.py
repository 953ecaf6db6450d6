"""The synthesizer against the installed package's own forward pass, batches against single items, gradients."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech.core.constants import SAMPLE_RATE, TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import CONFIG, Kokoro, SynthesizedBatch, spread
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.weights.catalog import find

# The longest is not the first, so that an order by length would show.
PHONEMES = ("jˈɛs.", "wi wˌɜɹ əwˈA.", "həlˈO wˈɜɹld!")
VOICES = ("af_heart", "bm_george", "jf_alpha")
# Half the time to compute.
SPEED = 2.0


@pytest.fixture(scope="module")
def ids(kokoro: Kokoro) -> list[Tensor]:
    return [kokoro.tokens(phonemes) for phonemes in PHONEMES]


@pytest.fixture(scope="module")
def styles() -> Tensor:
    return torch.stack([style_of(stock_voices()[v], len(p)) for v, p in zip(VOICES, PHONEMES, strict=True)])


@pytest.fixture(scope="module")
@torch.no_grad()
def alone(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> list[SynthesizedBatch]:
    """Each item spoken by itself."""
    return [kokoro(item[None], style[None], speed=SPEED, seed=7) for item, style in zip(ids, styles, strict=True)]


@pytest.fixture(scope="module")
def batch(ids: list[Tensor]) -> tuple[Tensor, Tensor]:
    """All items' ids ``[B, P]``, zero-padded, and their lengths."""
    return pad_sequence(ids, batch_first=True), torch.tensor([len(item) for item in ids])


def log_mel(wave: Tensor) -> Tensor:
    """Log mel spectrogram of a wave ``[T]``."""
    from transformers.audio_utils import mel_filter_bank

    bank = torch.from_numpy(mel_filter_bank(513, 80, 0.0, 12000.0, SAMPLE_RATE, norm="slaney", mel_scale="slaney"))
    power = torch.stft(wave, 1024, 256, window=torch.hann_window(1024), return_complex=True).abs().square()
    return torch.log(bank.float().T @ power + 1e-5)


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@pytest.fixture(scope="module")
def package_model() -> nn.Module:
    """The package's model built by its own constructor; only the weights come from our file."""
    from kokoro import KModel

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    model = KModel(repo_id="hexgrad/Kokoro-82M", config=config, model=nothing).eval()
    for module in model.modules():
        if hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
    missing, unknown = model.load_state_dict(load_file(find("kokoro")), strict=False)
    # what a checkpoint need not hold: norms that are the identity, and a part of ALBERT that is not used
    assert not unknown
    assert all(".norm." in name or "bert.pooler" in name or name.endswith("_ids") for name in missing), missing
    return model


def test_it_says_what_the_package_says(
    package_model: nn.Module, alone: list[SynthesizedBatch], ids: list[Tensor], styles: Tensor
) -> None:
    torch.manual_seed(7)
    audio, durations = package_model.forward_with_tokens(ids[1][None], styles[1:2], speed=SPEED)
    ours = alone[1]
    assert torch.equal(ours.prosody.durations[0], durations)
    assert ours.audio.shape == (1, len(audio))
    assert correlation(log_mel(ours.audio[0]), log_mel(audio)) >= 0.99
    assert correlation(ours.audio[0], audio) >= 0.99


def test_speed_divides_durations(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> None:
    text = kokoro.encode_text(ids[0][None])
    quick, plain = (kokoro.predict(text, styles[:1], speed=speed) for speed in (1.7, 1.0))
    torch.testing.assert_close(quick.soft_durations * 1.7, plain.soft_durations)
    assert torch.equal(quick.durations, quick.soft_durations.round().clamp(min=1).long())


def test_a_batch_predicts_what_the_items_do_alone(
    kokoro: Kokoro, batch: tuple[Tensor, Tensor], styles: Tensor, ids: list[Tensor], alone: list[SynthesizedBatch]
) -> None:
    text = kokoro.encode_text(*batch)
    prosody = kokoro.predict(text, styles, SPEED)
    for k, (item, speech) in enumerate(zip(ids, alone, strict=True)):
        one, length, frames = kokoro.encode_text(item[None]), len(item), speech.prosody.f0.shape[1]
        torch.testing.assert_close(text.content[k, :, :length], one.content[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(text.prosody[k, :, :length], one.prosody[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            prosody.soft_durations[k, :length], speech.prosody.soft_durations[0], atol=1e-3, rtol=1e-3
        )
        assert torch.equal(prosody.durations[k, :length], speech.prosody.durations[0])
        assert prosody.units[k] == speech.prosody.units[0]
        torch.testing.assert_close(prosody.f0[k, :frames], speech.prosody.f0[0], atol=0.05, rtol=1e-3)
        torch.testing.assert_close(prosody.energy[k, :frames], speech.prosody.energy[0], atol=1e-3, rtol=1e-3)
        for beyond in (prosody.durations[k, length:], prosody.soft_durations[k, length:]):
            assert not beyond.any()
        assert not prosody.f0[k, frames:].any()
        assert not prosody.energy[k, frames:].any()


def test_a_batch_sounds_as_the_items_do_alone(
    kokoro: Kokoro, batch: tuple[Tensor, Tensor], styles: Tensor, alone: list[SynthesizedBatch]
) -> None:
    """The same curves are forced: a hundredth of a cent in F0 would add up to another phase within a second."""
    forced = {
        name: pad_sequence([getattr(speech.prosody, name)[0] for speech in alone], batch_first=True)
        for name in ("durations", "f0", "energy")
    }
    with torch.no_grad():
        together = kokoro(batch[0], styles, batch[1], seed=7, **forced)
    for audio, speech in zip(together.audio, alone, strict=True):
        samples = speech.audio.shape[1]
        assert float((audio[:samples] - speech.audio[0]).abs().max()) < 1e-4
        assert not audio[samples:].any()


@torch.no_grad()
def test_what_lies_beyond_an_items_end_changes_nothing(kokoro: Kokoro, styles: Tensor) -> None:
    """Content and curves in the padding may be anything, and no item need be as long as the tensors."""
    ids = kokoro.tokens("mɑm")[None]
    timbre = styles[:1, :TIMBRE_DIM]
    content = spread(kokoro.encode_text(ids).content, torch.tensor([[1, 2, 4, 3, 2]]))
    f0, energy = torch.full((1, 24), 150.0), torch.full((1, 24), 5.0)
    short = kokoro.decode(content[:, :, :8], f0[:, :16], energy[:, :16], timbre)
    assert short.shape == (1, 8 * 600)
    longer = kokoro.decode(
        torch.cat([content, content]), f0.repeat(2, 1), energy.repeat(2, 1), timbre.repeat(2, 1), torch.tensor([8, 12])
    )
    torch.testing.assert_close(longer[:1, : 8 * 600], short, atol=1e-5, rtol=0)
    assert not longer[0, 8 * 600 :].any()
    assert longer[1, 8 * 600 :].any()
    cropped = kokoro.decode(content, f0, energy, timbre, torch.tensor([8]))
    assert torch.equal(cropped, short)


def test_gradients_from_prosody_reach_the_prosody_half(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> None:
    style = styles[:1].clone().requires_grad_()
    prosody = kokoro.predict(kokoro.encode_text(ids[0][None]), style)
    for curve in (prosody.soft_durations, prosody.f0, prosody.energy):
        (gradient,) = torch.autograd.grad(curve.square().mean().sqrt(), style, retain_graph=True)
        assert bool(torch.isfinite(gradient).all())
        assert float(gradient[:, TIMBRE_DIM:].abs().max()) > 1e-4
        assert not gradient[:, :TIMBRE_DIM].any()


def test_cudnn_is_left_out_where_gradients_are_wanted(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> None:
    """Its LSTM cannot go back in evaluation mode, which only a GPU would tell."""
    used: set[bool] = set()
    layers = [layer for layer in kokoro.model.predictor.modules() if isinstance(layer, torch.nn.LSTM)]
    hooks = [layer.register_forward_hook(lambda *_: used.add(torch.backends.cudnn.enabled)) for layer in layers]
    text, style = kokoro.encode_text(ids[0][None]), styles[:1]
    asked = replace(text, prosody=text.prosody.detach().clone().requires_grad_())
    try:
        for words, voice in ((text, style.clone().requires_grad_()), (asked, style)):
            kokoro.predict(words, voice)
            assert used == {False}
            used.clear()
        with torch.no_grad():
            kokoro.predict(asked, style)
        kokoro.predict(text, style)
        assert used == {True}
    finally:
        for hook in hooks:
            hook.remove()


def test_gradients_of_durations_are_the_true_slopes(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> None:
    text = kokoro.encode_text(ids[1][None])
    style = styles[1:2].clone().requires_grad_()
    total = kokoro.predict(text, style).soft_durations.sum()
    (gradient,) = torch.autograd.grad(total, style)
    step = 0.02 * gradient / gradient.norm()
    with torch.no_grad():
        up, down = (kokoro.predict(text, style + sign * step).soft_durations.sum() for sign in (1, -1))
    torch.testing.assert_close(up - down, 2 * (gradient * step).sum(), rtol=0.05, atol=0.0)


def test_gradients_from_audio_are_the_true_slopes(
    kokoro: Kokoro, ids: list[Tensor], styles: Tensor, alone: list[SynthesizedBatch]
) -> None:
    wanted = log_mel(alone[0].audio[0])
    prosody = alone[0].prosody
    content = spread(kokoro.encode_text(ids[0][None]).content, prosody.durations)
    timbre = styles[2:, :TIMBRE_DIM].clone().requires_grad_()

    def loss(timbre: Tensor) -> Tensor:
        audio = kokoro.decode(content, prosody.f0, prosody.energy, timbre, seed=7)
        return (log_mel(audio[0]) - wanted).square().mean()

    (gradient,) = torch.autograd.grad(loss(timbre), timbre)
    # in a direction of its own: along a gradient that lacks a part, the slope would not show it
    direction = torch.randn(1, TIMBRE_DIM, generator=torch.Generator().manual_seed(0))
    step = 0.03 * direction / direction.norm()
    with torch.no_grad():
        measured = loss(timbre + step) - loss(timbre - step)
    assert float(gradient.norm()) > 0.1
    torch.testing.assert_close(measured, 2 * (gradient * step).sum(), rtol=0.15, atol=0.0)
    assert not any(weight.requires_grad or weight.grad is not None for weight in kokoro.parameters())


def test_audio_reaches_the_prosody_half_through_energy(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> None:
    style = styles[:1].clone().requires_grad_()
    durations = torch.ones(1, len(ids[0]), dtype=torch.long)
    kokoro(ids[0][None], style, durations=durations).audio.square().mean().backward()
    assert style.grad is not None
    assert style.grad[:, :TIMBRE_DIM].any()
    assert style.grad[:, TIMBRE_DIM:].any()


def pitch(wave: Tensor) -> float:
    """Hz, by the highest peak of the autocorrelation between 80 and 400 Hz."""
    spectrum = torch.fft.rfft(wave, 2 * len(wave)).abs().square()
    shortest, longest = SAMPLE_RATE // 400, SAMPLE_RATE // 80
    lag = int(torch.fft.irfft(spectrum)[shortest:longest].argmax()) + shortest
    return SAMPLE_RATE / lag


@torch.no_grad()
def test_forced_durations_f0_and_energy_are_obeyed(kokoro: Kokoro, styles: Tensor) -> None:
    ids = kokoro.tokens("mˈɑmɑ")[None]
    # the stress mark takes no time of its own
    durations = torch.tensor([[1, 3, 0, 8, 2, 7, 1]])
    units = int(durations.sum())
    levels: dict[float, float] = {}
    for hertz, level in ((120.0, 3.0), (210.0, 7.0)):
        f0, energy = torch.full((1, 2 * units), hertz), torch.full((1, 2 * units), level)
        spoken = kokoro(ids, styles[:1], durations=durations, f0=f0, energy=energy)
        assert spoken.audio.shape == (1, 600 * units)
        assert torch.equal(spoken.prosody.durations, durations)
        assert spoken.prosody.f0 is f0
        assert spoken.prosody.energy is energy
        vowel = spoken.audio[0, 600 * 5 : 600 * 11]
        assert pitch(vowel) == pytest.approx(hertz, rel=0.04)
        levels[level] = float(10 * vowel.square().mean().log10())
    assert levels[7.0] > levels[3.0] + 3


@torch.no_grad()
def test_one_curve_can_be_forced_and_the_other_predicted(kokoro: Kokoro, ids: list[Tensor], styles: Tensor) -> None:
    text = kokoro.encode_text(ids[0][None])
    free = kokoro.predict(text, styles[:1], SPEED)
    f0, energy = torch.full_like(free.f0, 150.0), torch.full_like(free.energy, 5.0)
    melody, loudness = (kokoro.predict(text, styles[:1], SPEED, **x) for x in ({"f0": f0}, {"energy": energy}))
    assert torch.equal(melody.f0, f0) and torch.equal(melody.energy, free.energy)
    assert torch.equal(loudness.f0, free.f0) and torch.equal(loudness.energy, energy)


@torch.no_grad()
def test_the_seed_alone_decides_the_noise(kokoro: Kokoro, ids: list[Tensor], alone: list[SynthesizedBatch]) -> None:
    prosody = alone[0].prosody
    content = spread(kokoro.encode_text(ids[0][None]).content, prosody.durations)
    timbre = style_of(stock_voices()["af_heart"], len(PHONEMES[0]))[None, :TIMBRE_DIM]
    torch.manual_seed(1)
    state = torch.get_rng_state()
    again = kokoro.decode(content, prosody.f0, prosody.energy, timbre, seed=7)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(again, alone[0].audio)
    other = kokoro.decode(content, prosody.f0, prosody.energy, timbre, seed=8)
    assert float((other - again).abs().max()) > 1e-3
    assert correlation(log_mel(other[0]), log_mel(again[0])) > 0.9


def test_no_weight_norm_is_left(kokoro: Kokoro) -> None:
    names = [name for name, _ in kokoro.named_parameters()]
    assert len(names) > 400
    assert not [name for name in names if name.endswith(("weight_g", "weight_v")) or "parametrizations" in name]
    assert not [name for name, module in kokoro.named_modules() if module._forward_pre_hooks]
    assert all(bool(torch.isfinite(weight).all()) for weight in kokoro.parameters())


def test_tokens(kokoro: Kokoro) -> None:
    assert kokoro.tokens("a").tolist() == [0, kokoro.vocab["a"], 0]
    assert kokoro.tokens("a☃b").tolist() == [0, kokoro.vocab["a"], kokoro.vocab["b"], 0]
    assert len(kokoro.tokens("a" * 510)) == 512


@pytest.mark.parametrize(
    ("phonemes", "message"),
    [
        ("", "no phoneme in '' is in Kokoro's vocabulary"),
        ("☃☃", "no phoneme in '☃☃' is in Kokoro's vocabulary"),
        ("a" * 511, "511 phonemes in one piece, Kokoro takes at most 510: split the text"),
    ],
)
def test_strings_that_cannot_be_spoken(kokoro: Kokoro, phonemes: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        kokoro.tokens(phonemes)


def test_files_that_are_not_kokoro(tmp_path: Path) -> None:
    other, text, missing = (tmp_path / f"{name}.safetensors" for name in ("other", "text", "missing"))
    save_file({"weight": torch.zeros(3)}, other)
    text.write_text("not weights")
    shapes = tmp_path / "shapes.safetensors"
    with safe_open(find("kokoro"), "pt") as file:
        save_file({name: torch.zeros(1) for name in file.keys()}, shapes)  # noqa: SIM118
    for path in (other, text, missing, shapes):
        with pytest.raises(UserError, match=path.name):
            Kokoro(path)


def test_spread_and_masks() -> None:
    features = torch.tensor([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 0.0]]])
    durations = torch.tensor([[2, 0, 3], [1, 1, 0]])
    assert spread(features, durations).tolist() == [[[1, 1, 3, 3, 3]], [[4, 5, 0, 0, 0]]]
    assert length_mask(torch.tensor([2, 0, 3]), 3).tolist() == [[True, True, False], [False] * 3, [True] * 3]
