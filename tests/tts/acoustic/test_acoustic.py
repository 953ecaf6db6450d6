"""Acoustic models: they learn, padding changes nothing, attention is what it should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from tts.acoustic.small_models import CALM, small, uneven

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.f0 import f0 as f0_of_wave
from nuanced_speech.dsp.mel import MEL, mel_spectrogram
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.data import Item, collate, read
from nuanced_speech.tts.acoustic.data import trimmed as trimmed_item
from nuanced_speech.tts.acoustic.etts import Etts, EttsConfig, regulate
from nuanced_speech.tts.acoustic.infer import hard_alignment, mel_of, token_ids
from nuanced_speech.tts.acoustic.interface import AcousticModel
from nuanced_speech.tts.acoustic.pitch import comb, combs, grid, track
from nuanced_speech.tts.acoustic.tacotron2 import Tacotron2, off_diagonal, spans
from nuanced_speech.tts.acoustic.tacotron2_layers import MaskedBatchNorm, Tacotron2Config, ZoneoutLSTM


@pytest.fixture(scope="module")
def speech(clip: Path) -> torch.Tensor:
    """The mel ``[frames, 80]`` of real speech."""
    return mel_spectrogram(torch.from_numpy(audio.read(clip, MEL.sample_rate))[None])[0].T


def test_tacotron_has_the_published_sizes() -> None:
    with torch.device("meta"):
        published = Tacotron2(Tacotron2Config(symbols=148, speaker=False))
        here, speakers = Tacotron2(Tacotron2Config(speaker=False)), Tacotron2()

    def count(model: nn.Module) -> int:
        return sum(p.numel() for p in model.parameters())

    # 148 symbols are those of the best-known implementation on LJSpeech, which has as many parameters
    assert count(published) == 28_193_153
    assert count(here) == 28_208_513 and count(speakers) == 30_359_169
    encoder = here.encoder
    assert [layer.conv.weight.shape for layer in encoder.layers] == [(512, 512, 5)] * 3
    assert encoder.lstm.hidden_size == 256 and encoder.lstm.bidirectional
    assert [layer.weight.shape for layer in here.prenet.layers] == [(256, 80), (256, 256)]
    assert here.attention.location.weight.shape == (32, 2, 31) and here.attention.query.weight.shape == (128, 1024)
    assert here.first.width == here.second.width == 1024
    postnet = [tuple(layer.conv.weight.shape) for layer in here.postnet.layers]
    assert postnet == [(512, 80, 5), *[(512, 512, 5)] * 3, (80, 512, 5)]


def test_etts_fits_in_the_package() -> None:
    assert sum(p.numel() for p in Etts().parameters()) < 8_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_a_batch_is_learned_by_heart(name: str, items: list[Item]) -> None:
    batch = collate(uneven(items)[:2])
    settings = {"dropout": 0.0} if name == "etts" else {**CALM, "reduction": 5}
    model = small(name, **settings)
    model.calibrate(torch.cat([item.mel for item in items]))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    first = model.loss(batch)
    for _ in range(100):
        optimizer.zero_grad()
        loss = model.loss(batch)
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert loss.parts["mel"] < 0.2 * first.parts["mel"]
    key = "durations" if name == "etts" else "stop"
    assert loss.parts[key] < 0.1 * first.parts[key]
    model.eval()
    if name == "etts":
        spoken = model.speak(batch.phonemes[0, : batch.lengths[0]], batch.embedding[0])
        assert batch.durations is not None
        torch.testing.assert_close(spoken.durations, batch.durations[0, : batch.lengths[0]], rtol=0, atol=1)


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
@pytest.mark.parametrize("reduction", [1, 3])
def test_padding_changes_nothing(name: str, reduction: int, items: list[Item]) -> None:
    settings: dict[str, object] = {} if name == "etts" else {**CALM, "reduction": reduction}
    model, chosen = small(name, **settings).eval(), uneven(items)
    # weights that start at zero would hide what they multiply
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    together = model.loss(collate(chosen))
    for k, item in enumerate(chosen):
        alone = model.loss(collate([item]))
        torch.testing.assert_close(together.mel[k, : len(item.mel)], alone.mel[0], rtol=1e-4, atol=1e-3)
        if alone.alignment is not None and together.alignment is not None:
            steps, symbols = alone.alignment.shape[1:]
            torch.testing.assert_close(
                together.alignment[k, :steps, :symbols], alone.alignment[0], rtol=1e-4, atol=1e-4
            )
    # the losses of utterances on their own are, weighted by their frames, the loss of all
    frames = torch.tensor([len(item.mel) for item in chosen])
    own = torch.stack([model.loss(collate([item])).parts["mel"] for item in chosen])
    torch.testing.assert_close(together.parts["mel"], (own * frames).sum() / frames.sum(), rtol=1e-3, atol=1e-3)


def test_padding_does_not_move_the_statistics_of_batch_normalisation() -> None:
    x, mask = torch.randn(2, 9, 4) * 3 + 5, length_mask(torch.tensor([9, 5]), 9)
    norm, plain = MaskedBatchNorm(4), nn.BatchNorm1d(4)
    y = norm.over(x, mask)
    torch.testing.assert_close(y[mask], plain(torch.cat([x[0], x[1, :5]])))
    torch.testing.assert_close(norm.running_mean, plain.running_mean)
    assert not y[~mask].any()


def test_attention_sums_to_one_and_leaves_padding_alone(items: list[Item]) -> None:
    model, batch = small("tacotron2"), collate(uneven(items))
    assert isinstance(model, Tacotron2)
    alignment = model(batch).alignment
    torch.testing.assert_close(alignment.sum(2), torch.ones(alignment.shape[:2]))
    beyond = ~length_mask(batch.lengths, alignment.shape[2])
    assert beyond.any() and not alignment.transpose(1, 2)[beyond].any()


def test_the_lstm_is_pytorchs_with_the_same_gradients() -> None:
    torch.manual_seed(0)
    plain, own = nn.LSTM(6, 5, batch_first=True).double(), ZoneoutLSTM(4, 2, 5, zoneout=0.0).double()
    with torch.no_grad():
        own.inputs.weight.copy_(plain.weight_ih_l0[:, :4])
        own.inputs.bias.copy_(plain.bias_ih_l0)
        own.recurrent.weight.copy_(torch.cat([plain.weight_ih_l0[:, 4:], plain.weight_hh_l0], 1))
        own.recurrent.bias.copy_(plain.bias_hh_l0)
    x = torch.randn(3, 7, 6, dtype=torch.double, requires_grad=True)
    wanted = plain(x)[0]
    steps = own.start(x[:, 0])
    outputs = [steps.step(p, x[:, k, 4:]) for k, p in enumerate(steps.project(x[..., :4]).unbind(1))]
    torch.testing.assert_close(torch.stack(outputs, 1), wanted)
    weigh = torch.randn_like(wanted)
    into = torch.autograd.grad((wanted * weigh).sum(), [x, plain.weight_ih_l0, plain.weight_hh_l0, plain.bias_hh_l0])
    (torch.stack(outputs, 1) * weigh).sum().backward()
    assert x.grad is not None and own.recurrent.weight.grad is not None and own.inputs.weight.grad is not None
    torch.testing.assert_close(x.grad, into[0])
    joined = torch.cat([own.inputs.weight.grad, own.recurrent.weight.grad], 1)
    torch.testing.assert_close(joined, torch.cat([into[1], into[2]], 1))
    torch.testing.assert_close(own.recurrent.bias.grad, into[3])


def test_zoneout_keeps_its_share_and_its_mean() -> None:
    torch.manual_seed(0)
    steps = ZoneoutLSTM(1, 0, 1, zoneout=0.1).start(torch.zeros(1, 1))
    old, new = torch.zeros(20000), torch.ones(20000)
    assert float(steps._kept(old, new).mean()) == pytest.approx(0.9, abs=0.01)
    steps.lstm.eval()
    torch.testing.assert_close(steps._kept(old, new), torch.full((20000,), 0.9))


def test_guided_attention_wants_the_diagonal() -> None:
    lengths, steps = torch.tensor([8]), torch.tensor([8])
    diagonal = torch.eye(8)[None]
    assert off_diagonal(diagonal, lengths, steps) == 0
    assert off_diagonal(diagonal.flip(1), lengths, steps) > 0.5


def test_the_guide_fades(items: list[Item]) -> None:
    stays, fades = small("tacotron2", guided_attention=2.0), small("tacotron2", guided_attention=2.0, guide_until=0.5)
    assert isinstance(stays, Tacotron2) and isinstance(fades, Tacotron2)
    assert [stays.guide(done) for done in (0, 0.5, 1)] == [2, 2, 2]
    assert [fades.guide(done) for done in (0, 0.25, 0.375, 0.5, 1)] == [2, 2, 1, 0, 0]
    batch, model = collate(uneven(items)), fades.eval()
    losses = []
    for done in (0.0, 1.0):
        torch.manual_seed(0)
        losses.append(model.loss(batch, done))
    torch.testing.assert_close(losses[0].total - losses[1].total, 2 * losses[0].parts["off_diagonal"])


def test_frames_that_drop_out_are_not_seen(items: list[Item]) -> None:
    batch = collate(uneven(items))
    other = replace(batch, mel=batch.mel + 3.0)

    def differ(model: AcousticModel) -> bool:
        assert isinstance(model, Tacotron2)
        found = []
        for b in (batch, other):
            torch.manual_seed(0)
            found.append(model(b).coarse)
        return not torch.equal(*found)

    blind = small("tacotron2", **CALM, frame_dropout=1.0)
    assert differ(small("tacotron2", **CALM)) and not differ(blind)
    assert differ(blind.eval())
    # and in the share that was asked for, whole frames at a time
    half, fed = small("tacotron2", reduction=1, frame_dropout=0.3), []
    assert isinstance(half, Tacotron2)
    half.prenet.register_forward_pre_hook(lambda _, inputs: fed.append(inputs[0]))
    half(batch)
    seen = fed[0][length_mask(batch.frames, fed[0].shape[1])]
    dropped = (seen == 0).all(1)
    assert bool((seen[~dropped] != 0).any(1).all()) and float(dropped.float().mean()) == pytest.approx(0.3, abs=0.12)


def test_silence_at_the_ends_of_utterances_is_left_out(dummy: Path) -> None:
    whole, cut = read(dummy, durations=True, pitch=True), read(dummy, durations=True, pitch=True, trim=True)
    for before, after in zip(whole, cut, strict=True):
        assert before.durations is not None and after.durations is not None
        # four frames of a silence stay
        ends = before.durations[[0, -1]]
        first, last = (ends - 4).clamp(min=0).tolist()
        torch.testing.assert_close(after.mel, before.mel[first : len(before.mel) - last])
        assert len(after.f0) == len(after.mel) == after.durations.sum()
        assert torch.equal(after.durations[1:-1], before.durations[1:-1])
        assert torch.equal(after.durations[[0, -1]], ends.clamp(max=4))
    assert sum(len(item.mel) for item in cut) < sum(len(item.mel) for item in whole)
    # where more is silent than the silence is said to last, the phonemes beside it lose frames too
    late = replace(cut[0], mel=torch.cat([torch.full((20, 80), -11.5), cut[0].mel[20:]]))
    short = trimmed_item(late)
    assert short.durations is not None and len(short.mel) == len(late.mel) - 16 == short.durations.sum()


def test_durations_as_an_alignment() -> None:
    assert hard_alignment(torch.tensor([1, 0, 2])).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]


def test_durations_are_where_the_attention_looks_most() -> None:
    alignment = torch.tensor([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.5, 0.3], [0, 0.1, 0.9]])
    assert spans(alignment, 4).tolist() == [2, 1, 1]
    assert spans(alignment, 8).tolist() == [4, 2, 2]


def test_the_length_regulator_is_a_loop() -> None:
    torch.manual_seed(0)
    features, durations = torch.randn(2, 4, 3), torch.tensor([[2, 0, 3, 1], [1, 2, 0, 0]])
    spread = regulate(features, durations, 8)
    for row in range(2):
        wanted = [features[row, k] for k in range(4) for _ in range(int(durations[row, k]))]
        places = [(j + 0.5, d - j - 0.5, d) for d in durations[row].tolist() for j in range(d)]
        assert len(wanted) == durations[row].sum()
        torch.testing.assert_close(spread[row, : len(wanted), :3], torch.stack(wanted))
        torch.testing.assert_close(spread[row, : len(wanted), 3:], (torch.tensor(places) + 1).log())
        assert not spread[row, len(wanted) :].any()


def test_etts_speaks_as_long_as_its_durations_say() -> None:
    model = small("etts").eval()
    ids, who = token_ids("həlˈO wˈɜɹld."), torch.rand(256)
    slow, fast = mel_of(model, ids, who, 0.5), mel_of(model, ids, who, 2.0)
    for spoken in (slow, fast):
        assert spoken.mel.shape == (int(spoken.durations.sum()), 80) and len(spoken.durations) == len(ids)
        assert spoken.durations.min() >= 1 and bool(spoken.mel.isfinite().all())
    assert len(slow.mel) > 2 * len(fast.mel)


def test_tacotron_says_when_it_finds_no_end() -> None:
    model = small("tacotron2", longest=7, reduction=2).eval()
    assert isinstance(model, Tacotron2)
    ids, who = token_ids("həlˈO"), torch.rand(256)
    nn.init.constant_(model.to_stop.bias, -50.0)
    with pytest.warns(UserWarning, match="no end"):
        spoken = mel_of(model, ids, who)
    assert spoken.mel.shape == (14, 80) and spoken.durations.sum() == 14
    assert spoken.alignment is not None and spoken.alignment.shape == (7, len(ids))
    nn.init.constant_(model.to_stop.bias, 50.0)
    assert len(mel_of(model, ids, who).mel) == 2


def test_f0_is_read_off_the_mel_of_real_speech(clip: Path, speech: torch.Tensor) -> None:
    wave = audio.read(clip)
    true = f0_of_wave(wave, audio.SAMPLE_RATE)
    cut = speech[: len(speech) // 2].numpy()
    found, first_half = track([speech.numpy(), cut])
    at = ((np.arange(len(found)) + 0.5) * MEL.hop_length / MEL.sample_rate * 80).astype(int).clip(max=len(true) - 1)
    both = (found > 0) & (true[at] > 0)
    assert np.mean((found > 0) == (true[at] > 0)) > 0.75 and both.mean() > 0.3
    assert np.median(np.abs(np.log2(found[both] / true[at][both]))) < 30 / 1200
    # together with a longer one it is what it is alone
    np.testing.assert_array_equal(first_half, track([cut])[0])


def test_the_picture_of_an_f0_has_its_harmonics() -> None:
    table = combs()
    picture = comb(torch.tensor([0.0, 200.0, float(grid()[30])]), table)
    assert not picture[0].any()
    torch.testing.assert_close(picture[2], table[30], rtol=0, atol=1e-2)
    # bands are 37 Hz wide there: the harmonics of 200 Hz are 5.4 bands apart
    low = picture[1, :27]
    tops = [k for k in range(1, 26) if low[k] > low[k - 1] and low[k] >= low[k + 1]]
    assert len(tops) in (4, 5) and np.diff(tops).mean() == pytest.approx(200 / 37.2, abs=0.4)
    assert track([np.full((50, 80), -11.5, np.float32)])[0].shape == (50,)


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_weights_come_back(name: str, tmp_path: Path, items: list[Item]) -> None:
    model = small(name).eval()
    path = tmp_path / "model.safetensors"
    weights.save(path, model)
    again = weights.load(path)
    assert again.config == model.config and type(again) is type(model)
    batch = collate(uneven(items))
    torch.manual_seed(1)
    wanted = model.loss(batch).mel
    torch.manual_seed(1)
    torch.testing.assert_close(again.loss(batch).mel, wanted, rtol=0, atol=0.1)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        weights.load(path)


def test_etts_config_says_how_many_symbols_there_are() -> None:
    assert EttsConfig().symbols == Tacotron2Config().symbols == max(vocabulary().values()) + 1
