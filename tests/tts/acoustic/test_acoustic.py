"""Acoustic models: they learn, padding changes nothing, attention is what it should be, training resumes exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.f0 import f0 as f0_of_wave
from nuanced_speech.dsp.mel import MEL, mel_spectrogram
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.train import checkpoint
from nuanced_speech.tts.acoustic import train as training
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.data import Batch, Item, batches, collate, item_of, read, split
from nuanced_speech.tts.acoustic.data import trimmed as trimmed_item
from nuanced_speech.tts.acoustic.etts import Etts, EttsConfig, regulate
from nuanced_speech.tts.acoustic.infer import hard_alignment, mel_of, pieces_of, stream, token_ids, trimmed
from nuanced_speech.tts.acoustic.interface import AcousticModel, Loss
from nuanced_speech.tts.acoustic.pitch import comb, combs, grid, track
from nuanced_speech.tts.acoustic.speakers import embedding_of
from nuanced_speech.tts.acoustic.tacotron2 import Tacotron2, off_diagonal, spans
from nuanced_speech.tts.acoustic.tacotron2_layers import MaskedBatchNorm, Tacotron2Config, ZoneoutLSTM
from nuanced_speech.tts.acoustic.train import BEST, CHECKPOINT, LAST, train
from nuanced_speech.tts.configs import AcousticTrainConfig
from nuanced_speech.tts.dummy import write_dummy
from nuanced_speech.tts.features import find, load
from nuanced_speech.tts.vocoders.griffin_lim import GriffinLim

ETTS = {
    "channels": 32,
    "hidden": 64,
    "speaker": 8,
    "encoder": 2,
    "pitch": 1,
    "durations": 1,
    "decoder": 2,
    "postnet": 16,
}
TACOTRON = {"channels": 32, "prenet": 32, "attention": 16, "decoder": 64, "postnet": 32, "location_filters": 4}
CALM = {"dropout": 0.0, "prenet_dropout": 0.0, "zoneout": 0.0}


@pytest.fixture(scope="module")
def dummy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dummy")
    write_dummy(folder, 10)
    return folder


@pytest.fixture(scope="module")
def items(dummy: Path) -> list[Item]:
    return [item_of(load(path)) for path in find(dummy)]


@pytest.fixture(scope="module")
def speech(clip: Path) -> torch.Tensor:
    """The mel ``[frames, 80]`` of real speech."""
    return mel_spectrogram(torch.from_numpy(audio.read(clip, MEL.sample_rate))[None])[0].T


def small(name: str, **settings: object) -> AcousticModel:
    torch.manual_seed(0)
    return weights.build(name, {**(ETTS if name == "etts" else TACOTRON), **settings})


def uneven(items: list[Item], count: int = 3) -> list[Item]:
    """Utterances of different lengths, an odd one among them, with some F0."""
    chosen = sorted(items, key=lambda item: len(item.mel))[:: len(items) // count][:count]
    assert len({len(item.mel) for item in chosen}) > 1 and any(len(item.mel) % 2 for item in chosen)
    return [replace(item, f0=torch.linspace(-100, 200, len(item.mel)).clamp(min=0)) for item in chosen]


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


def test_training_tells_the_model_how_far_it_is(dummy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, told = Tacotron2.loss, []

    def listen(self: Tacotron2, batch: Batch, done: float = 0.0) -> Loss:
        told.append((self.training, done))
        return loss(self, batch, done)

    monkeypatch.setattr(Tacotron2, "loss", listen)
    train(config("tacotron2", dummy, tmp_path, steps=4))
    assert [done for learning, done in told if learning] == [0, 0.25, 0.5, 0.75]
    # losses of all times are compared with each other
    assert {done for learning, done in told if not learning} == {1.0}


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


def test_every_utterance_is_in_an_epoch_once_beside_others_of_its_length(items: list[Item]) -> None:
    epoch = batches(items, 3, seed=1, epoch=2)
    assert sorted(k for batch in epoch for k in batch) == list(range(len(items)))
    assert epoch == batches(items, 3, 1, 2) != batches(items, 3, 1, 3)
    spread = [max(len(items[k].mel) for k in b) - min(len(items[k].mel) for k in b) for b in epoch]
    whole = max(len(i.mel) for i in items) - min(len(i.mel) for i in items)
    assert max(spread) < whole
    learned, held_out = split(items)
    assert len(held_out) == 1 and len(learned) == len(items) - 1
    assert split(items[::-1])[1][0].name == held_out[0].name
    with pytest.raises(UserError, match="one utterance is not enough"):
        split(items[:1])


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


def config(name: str, data: Path, out: Path, **changes: object) -> AcousticTrainConfig:
    settings = ETTS if name == "etts" else {**TACOTRON, "reduction": 3, "guided_attention": 1.0}
    made = AcousticTrainConfig(data, name, out, settings, steps=6, batch_size=4, evaluate=2, device="cpu")
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    name: str, dummy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config(name, dummy, tmp_path / "whole"))
    evaluate, calls = training.evaluate, 0

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(config(name, dummy, tmp_path / "parts"))
    monkeypatch.undo()
    assert checkpoint.load(tmp_path / "parts" / CHECKPOINT)["step"] == 2
    train(config(name, dummy, tmp_path / "parts", resume=True, minutes=1e-9))
    train(config(name, dummy, tmp_path / "parts", resume=True))
    whole, parts = (checkpoint.load(tmp_path / part / CHECKPOINT) for part in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 6 and whole["best"] == parts["best"]
    for key, value in whole["model"].items():
        assert torch.equal(value, parts["model"][key]), key
    best, again = (weights.load(tmp_path / part / BEST).state_dict() for part in ("whole", "parts"))
    assert all(torch.equal(value, again[key]) for key, value in best.items())
    assert any((tmp_path / "parts" / "tensorboard").iterdir())

    # neither is overwritten, nor continued with something else
    with pytest.raises(UserError, match="go on with resume"):
        train(config(name, dummy, tmp_path / "whole"))
    with pytest.raises(UserError, match="lr was"):
        train(config(name, dummy, tmp_path / "whole", resume=True, lr=0.1))


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_a_training_that_runs_out_of_time_leaves_its_weights(name: str, dummy: Path, tmp_path: Path) -> None:
    minutes, lines = count(), list[str]()
    train(config(name, dummy, tmp_path, evaluate=100, minutes=3.5), lines.append, lambda: 60.0 * next(minutes))
    assert "minutes are over after step 3: total" in "\n".join(lines)
    state, last = checkpoint.load(tmp_path / CHECKPOINT), weights.load(tmp_path / LAST)
    assert state["step"] == 3
    for key, value in last.state_dict().items():
        torch.testing.assert_close(value, state["model"][key], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_a_model_is_fine_tuned(name: str, dummy: Path, tmp_path: Path) -> None:
    before, path = small(name), tmp_path / "before.safetensors"
    before.calibrate(torch.randn(100, 80) - 7)
    weights.save(path, before)
    settings = {**(ETTS if name == "etts" else TACOTRON)}
    tuned = config(name, dummy, tmp_path / "out", settings=settings, start_from=path, lr=1e-12)
    train(tuned)
    after = weights.load(tmp_path / "out" / LAST)
    assert torch.equal(after.mean, weights.load(path).mean) and torch.equal(after.scale, before.scale)
    for key, value in weights.load(path).named_parameters():
        torch.testing.assert_close(after.get_parameter(key), value, rtol=0, atol=1e-6)
    # training goes on, and from its own weights
    train(replace(tuned, start_from=None, resume=True, steps=8))
    assert checkpoint.load(tmp_path / "out" / CHECKPOINT)["step"] == 8
    with pytest.raises(UserError, match="leave out start_from"):
        train(replace(tuned, resume=True))

    again = replace(tuned, out=tmp_path / "other")
    other = "tacotron2" if name == "etts" else "etts"
    with pytest.raises(UserError, match=f"is of {name}, not {other}: give {name} as model"):
        train(replace(again, model=other, settings={}))
    with pytest.raises(UserError, match=r"of another size \(channels is 32, not 64\)"):
        train(replace(again, settings=settings | {"channels": 64}))
    with pytest.raises(UserError, match="no acoustic model there"):
        train(replace(again, start_from=tmp_path / "nowhere.safetensors"))


def test_fine_tuning_that_only_makes_it_worse_keeps_what_was(dummy: Path, tmp_path: Path) -> None:
    train(config("etts", dummy, tmp_path / "first", steps=40, evaluate=40, lr=5e-3))
    best = tmp_path / "first" / BEST
    train(config("etts", dummy, tmp_path / "second", start_from=best, lr=0.3, evaluate=6))
    kept = weights.load(tmp_path / "second" / BEST)
    for key, value in weights.load(best).named_parameters():
        assert torch.equal(kept.get_parameter(key), value), key


def test_training_stops_when_it_gets_no_better(dummy: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    train(config("etts", dummy, tmp_path / "out", steps=50, patience=2, evaluate=1, lr=1e-12), lines.append)
    assert "no better for 2 evaluations" in "\n".join(lines)


@pytest.mark.slow
def test_text_is_spoken_sentence_by_sentence_with_pauses() -> None:
    pieces = pieces_of("Hello there. How are you?\n\nFine!", pause=0.5)
    assert [piece.pause for piece in pieces] == [0.5, 1.0, 1.0] and pieces[0].phonemes.startswith("həl")
    assert all(len(piece.phonemes) <= 200 for piece in pieces_of("and so on " * 100))
    model, vocoder, who = small("etts").eval(), GriffinLim(iterations=1), torch.rand(256)
    said = list(stream(pieces, model, vocoder, who))
    assert len(said) == 3 and not said[2].audio[: MEL.sample_rate].any() and said[0].mel.shape[1] == 80


def test_silence_at_the_ends_is_cut_and_faded() -> None:
    rate = MEL.sample_rate
    tone = np.sin(np.arange(rate) / 10).astype(np.float32)
    silence = np.zeros(rate, np.float32)
    cut = trimmed(np.concatenate([silence, tone, silence]))
    assert rate <= len(cut) <= 1.15 * rate and cut[0] == 0 and abs(cut[-1]) < 1e-3
    assert len(trimmed(silence)) == rate


def test_a_speaker_is_a_recording_a_voice_or_an_utterance(clip: Path, dummy: Path, tmp_path: Path) -> None:
    embedding = embedding_of(str(clip))
    assert embedding.shape == (256,) and float(embedding.norm()) == pytest.approx(1, abs=1e-3)
    path = find(dummy)[0]
    np.testing.assert_allclose(embedding_of(str(path)).numpy(), load(path).embedding, rtol=1e-6)
    with pytest.raises(UserError, match="does not exist"):
        embedding_of("nobody.wav")
    with pytest.raises(UserError, match="unknown voice"):
        embedding_of("nobody")


def test_phonemes_that_do_not_exist_are_named() -> None:
    known = vocabulary()
    assert token_ids("aQ€b").tolist() == [0, known["a"], known["Q"], known["b"], 0]
    with pytest.raises(UserError, match="€"):
        token_ids("a€b", strict=True)
    with pytest.raises(UserError, match="nothing speakable"):
        token_ids("...")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--data", "nowhere"], "no such folder"),
        (["train", "--data", "."], "no .npz file"),
        (["train", "--data", ".", "--model", "wavenet"], "no model 'wavenet'"),
        (["train", "--data", ".", "--steps", "0"], "steps is 0"),
        (["train", "--data", ".", "--batch-size", "0"], "batch_size is 0"),
        (["train", "--data", ".", "--lr", "nan"], "lr is nan"),
        (["train", "--data", ".", "--minutes", "-1"], "minutes is -1"),
        (["train", "--data", ".", "--seed", "-1"], "seed is -1"),
        (["train", "--data", ".", "--device", "abacus"], "abacus"),
        (["train", "--data", ".", "--device", "cpu", "--precision", "float16"], "needs a GPU"),
        (["train", "--data", ".", "--precision", "int8"], "choose auto"),
        (["train", "--data", ".", "--guided-attention"], "for --model tacotron2"),
        (["train", "--data", ".", "--model", "tacotron2", "--reduction", "0"], "--reduction is 0"),
        (["train", "--data", ".", "--vocoder", "gramophone"], "gramophone"),
        (["train", "--data", ".", "--model", "tacotron2", "--frame-dropout", "2"], "--frame-dropout is 2"),
        (["train", "--data", ".", "--model", "tacotron2", "--guide-until", "nan"], "--guide-until is nan"),
        (["train", "--data", ".", "--frame-dropout", "0.2"], "for --model tacotron2"),
        (["train", "--data", ".", "--resume"], "no checkpoint to resume"),
        (["train", "--data", ".", "--resume", "--start-from", "packaged"], "leave out start_from"),
        (["train", "--data", ".", "--start-from", "none.safetensors"], "no acoustic model there"),
        (["train", "--data", ".", "--start-from", "packaged", "--model", "tacotron2"], "is of etts, not tacotron2"),
        (["infer", "a.wav"], "give the text and the file to write"),
        (["infer", "a", "b", "a.wav"], "give the text and the file to write"),
        (["infer", "a", "a.wav", "--phonemes", "a"], "no text besides --phonemes"),
        (["infer", "a", "a.mp7"], "cannot write the suffix"),
        (["infer", "a", "a.wav", "--mel", "a.png"], ".npy"),
        (["infer", "a", "a.wav", "--alignment", "a.txt"], ".png"),
        (["infer", "a", "a.wav", "--checkpoint", "none.safetensors"], "no acoustic model there"),
        (["infer", "a", "a.wav", "--device", "abacus"], "abacus"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], says: str, run
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    status, _, err = run("tts", *arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err
    assert not list(tmp_path.rglob("*.*"))


def test_train_and_infer_on_the_command_line(monkeypatch: pytest.MonkeyPatch, dummy: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "model.safetensors"
    weights.save(model, small("etts"))
    who = find(dummy)[0]
    say = ["--checkpoint", model, "--speaker", who, "--vocoder", "griffin-lim"]
    status, _, err = run("tts", "infer", "Hello there.", "a.wav", "--mel", "a.npy", "--alignment", "a.png", *say)
    assert status == 0, err
    wave, mel = audio.read(tmp_path / "a.wav", MEL.sample_rate), np.load(tmp_path / "a.npy")
    assert len(wave) > 1000 and mel.shape[1] == 80
    assert audio.synthetic_mark(tmp_path / "a.wav")
    assert (tmp_path / "a.png").read_bytes()[1:4] == b"PNG"
    for wrong, says in (
        (["...", "b.wav"], "nothing speakable"),
        (["a", "b.wav", "--speed", "9"], "speed of 9"),
        (["a", "b.wav", "--pause", "99"], "pause of 99"),
        (["a", "b.wav", "--language", "xx"], "no phonemes for the language"),
        (["b.wav", "--phonemes", "€"], "€"),
        (["a", "b.wav", "--speaker", "nobody"], "unknown voice"),
        (["a", "b.wav", "--checkpoint", who], "not a acoustic model"),
    ):
        status, _, err = run("tts", "infer", *say, *wrong)
        assert status == 1 and says in err and not (tmp_path / "b.wav").exists()

    out = tmp_path / "run"
    status, _, err = run("tts", "train", "--data", dummy, "--out", out, "--steps", 1, "--batch-size", 2, "--minutes", 5)
    assert status == 0, err
    assert (out / BEST).is_file() and (out / CHECKPOINT).is_file()


def test_durations_are_asked_for_where_they_are_needed(tmp_path: Path, dummy: Path) -> None:
    from nuanced_speech.tts.features import save

    for path in find(dummy)[:2]:
        save(tmp_path / path.name, replace(load(path), durations=None))
    with pytest.raises(UserError, match="no durations"):
        read(tmp_path, durations=True, pitch=False)
    loaded = read(tmp_path, durations=False, pitch=True)
    assert collate(loaded).durations is None and len(loaded[0].f0) == len(loaded[0].mel)
    batch: Batch = collate(loaded)
    assert bool(small("tacotron2").loss(batch).total.isfinite())


def test_etts_config_says_how_many_symbols_there_are() -> None:
    assert EttsConfig().symbols == Tacotron2Config().symbols == max(vocabulary().values()) + 1
