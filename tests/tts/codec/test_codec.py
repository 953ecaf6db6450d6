"""Codecs: round trips, padding, learning, resuming, files, pictures and the command line."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.mel import MelConfig, mel_spectrogram
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.train.discriminators import Discriminators
from nuanced_speech.train.losses import discriminator_loss
from nuanced_speech.tts.codec import codes as files
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec import train as training
from nuanced_speech.tts.codec.encodec import EnCodec
from nuanced_speech.tts.codec.model import CodecConfig, SpeechCodec
from nuanced_speech.tts.codec.quantise import ResidualVectorQuantiser, perplexity
from nuanced_speech.tts.codec.train import CodecTrainConfig, train
from nuanced_speech.tts.waveforms import collect

TINY = CodecConfig(width=32, encoder_blocks=1, decoder_blocks=1, fine_blocks=1, codebooks=3, entries=16, dim=8)


@pytest.fixture(scope="module")
def wave(clip: Path) -> torch.Tensor:
    """Two seconds of speech ``[T]`` at 16 kHz."""
    return torch.from_numpy(audio.read(clip, 16000))[8000:40000]


@pytest.fixture
def tiny() -> SpeechCodec:
    torch.manual_seed(0)
    return SpeechCodec(TINY).eval()


@pytest.fixture
def encodec(tmp_path: Path) -> Path:
    """A folder with a tiny EnCodec model."""
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    config = EncodecConfig(
        target_bandwidths=[1.0, 2.0], sampling_rate=16000, num_filters=4, hidden_size=8, codebook_size=16,
        codebook_dim=8, upsampling_ratios=[8, 8], num_lstm_layers=1, num_residual_layers=1,
    )  # fmt: skip
    model = EncodecModel(config)
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_()
    model.save_pretrained(tmp_path / "encodec")
    return tmp_path / "encodec"


def test_shapes_and_prefixes(tiny: SpeechCodec, wave: torch.Tensor) -> None:
    codes = tiny.encode(torch.stack([wave, -wave])[:, :31999])
    assert codes.shape == (2, 3, 100) and codes.dtype == torch.int64 and codes.min() >= 0 and codes.max() < 16
    assert tiny.decode(codes).shape == tiny.decode(codes[:, :1]).shape == (2, 32000)
    assert not torch.equal(tiny.decode(codes), tiny.decode(codes[:, :1]))
    for bad in (codes.float(), codes[0], torch.cat([codes, codes], 1), codes + 16, codes - 100, codes[..., :0]):
        with pytest.raises(ValueError, match="codes"):
            tiny.decode(bad)


def test_padding_changes_neither_codes_nor_sound(tiny: SpeechCodec, wave: torch.Tensor) -> None:
    alone = tiny.encode(wave[None, :10000])
    rubbish = torch.randn(20000)
    batch = torch.stack([torch.cat([wave[:10000], rubbish]), wave[:30000]])
    lengths = torch.tensor([10000, 30000])
    padded = tiny.encode(batch, lengths)
    assert torch.equal(padded[:1, :, :32], alone) and not padded[0, :, 32:].any()
    decoded = tiny.decode(padded, torch.tensor([32, 94]))
    assert torch.allclose(decoded[0, : 32 * 320], tiny.decode(alone)[0], atol=1e-5)
    assert not decoded[0, 33 * 320 :].any()


def test_long_recordings_go_piece_by_piece_without_seams(tiny: SpeechCodec, wave: torch.Tensor) -> None:
    long = wave.repeat(3)[:90001]
    whole = tiny.encode(long[None])[0]
    sound = tiny.decode(whole[None])[0]
    pieces = interface.encode(tiny, long, chunk_seconds=1)
    assert pieces.shape == whole.shape and (pieces == whole).float().mean() > 0.999
    assert torch.allclose(interface.decode(tiny, whole, chunk_seconds=1), sound, atol=1e-4)


def test_overlap_add_inverts_the_windowed_frames(tiny: SpeechCodec, wave: torch.Tensor) -> None:
    decoder, hop = tiny.decoder, TINY.hop_length // 2
    edge = (TINY.n_fft - hop) // 2
    frames = torch.nn.functional.pad(wave[None], (edge, edge)).unfold(1, TINY.n_fft, hop)
    rebuilt = decoder.overlap_add(frames * decoder.window.square())
    assert rebuilt.shape == (1, len(wave))
    assert torch.allclose(rebuilt[0, edge:-edge], wave[edge:-edge], atol=1e-5)


def test_each_codebook_leaves_less_over() -> None:
    torch.manual_seed(0)
    quantiser = ResidualVectorQuantiser(4, 32, 6, decay=0.8)
    vectors = torch.randn(8, 50, 6)
    for _ in range(30):
        quantiser(vectors)
    quantiser.eval()
    codes = quantiser(vectors).codes
    errors = [float((vectors - quantiser.lookup(codes[:, :k])).square().mean()) for k in range(5)]
    assert all(after < 0.75 * before for before, after in pairwise(errors))
    assert torch.allclose(quantiser(vectors).vectors, quantiser.lookup(codes), atol=1e-5)


def test_dead_entries_come_back_to_life() -> None:
    torch.manual_seed(0)
    quantiser = ResidualVectorQuantiser(1, 32, 4)
    quantiser(torch.randn(4, 50, 4))
    # all but one entry far away from anything
    quantiser.entries[0, 1:] = quantiser.sums[0, 1:] = 100.0
    quantiser.counts[0, 1:] = 1e-6
    for _ in range(5):
        codes = quantiser(torch.randn(4, 50, 4)).codes
    assert perplexity(codes, 32)[0] > 10


def test_quantiser_dropout_uses_a_prefix_and_the_gradient_goes_straight_through() -> None:
    torch.manual_seed(0)
    quantiser = ResidualVectorQuantiser(3, 8, 4).eval()
    vectors = torch.randn(2, 5, 4, requires_grad=True)
    out = quantiser(vectors, used=torch.tensor([1, 3]))
    assert torch.allclose(out.vectors[0], quantiser.lookup(out.codes[:1, :1])[0], atol=1e-5)
    assert torch.allclose(out.vectors[1], quantiser.lookup(out.codes[1:])[0], atol=1e-5)
    weights = torch.randn(2, 5, 4)
    (out.vectors * weights).sum().backward()
    assert torch.allclose(vectors.grad, weights)


def test_one_batch_is_learned_by_heart(wave: torch.Tensor) -> None:
    torch.manual_seed(0)
    codec = SpeechCodec(replace(TINY, width=64, entries=64, dim=16)).train()
    optimizer = torch.optim.AdamW(codec.parameters(), 3e-3)
    loss_of = MultiResolutionSTFTLoss((1024, 256), (256, 64), (1024, 256), 40, 16000)
    batch = wave[8000:18240].reshape(2, -1)
    padded, mask = codec.padded(batch)
    losses = []
    for _ in range(60):
        quantised = codec.quantiser(codec.encoder(padded, mask))
        spectral = loss_of(codec.decoder(quantised.vectors, mask), padded).total
        optimizer.zero_grad()
        (spectral + 0.25 * quantised.commitment).backward()
        optimizer.step()
        losses.append(spectral.item())
    assert losses[-1] < 0.5 * losses[0]


def test_discriminators_learn_to_tell_speech_from_noise(wave: torch.Tensor) -> None:
    torch.manual_seed(0)
    judges = Discriminators((256, 512), channels=4)
    optimizer = torch.optim.AdamW(judges.parameters(), 2e-3)
    real, fake = wave[None, :8000], 0.05 * torch.randn(1, 8000)
    losses = []
    for _ in range(40):
        loss = discriminator_loss(judges(real)[0], judges(fake)[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    scores, features = judges(real)
    assert len(scores) == 2 and [len(layers) for layers in features] == [3, 3]


@pytest.fixture
def recordings(tmp_path: Path, wave: torch.Tensor) -> Path:
    """Three clips, one in stereo at 8 kHz, and a file that is no audio."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    audio.write(folder / "a.wav", wave.numpy(), 16000)
    audio.write(folder / "b.flac", wave.numpy()[::-1].copy(), 16000)
    stereo = np.stack([wave.numpy()[::2]] * 2, 1)
    soundfile.write(folder / "c.wav", stereo, 8000)
    (folder / "d.wav").write_text("not audio")
    return folder


def test_an_interrupted_training_ends_as_an_uninterrupted_one(recordings: Path, tmp_path: Path) -> None:
    config = CodecTrainConfig(
        (recordings,), tmp_path / "whole", steps=4, batch_size=2, crop_frames=16, adversarial_from=0.5,
        checkpoint_every=2, precision="float32",
    )  # fmt: skip
    whole = train(config, TINY)
    parted = replace(config, out=tmp_path / "parted")

    class Killed(Exception):
        pass

    steps = training._Run.step

    def dying(self, step, waveforms):  # type: ignore[no-untyped-def]
        if step == 3:
            raise Killed
        return steps(self, step, waveforms)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training._Run, "step", dying)
        train(parted, TINY)
    resumed = train(parted, TINY)
    one, other = SpeechCodec.load(whole).state_dict(), SpeechCodec.load(resumed).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert list((tmp_path / "parted" / "tensorboard").iterdir())
    with pytest.raises(UserError, match="lr was 0.001, now 0.1"):
        train(replace(parted, lr=0.1), TINY)


def test_waveforms_are_kept_and_crops_stay_inside_their_clip(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = collect([recordings], 16000, tmp_path / "out")
    assert len(found) == 3 and abs(len(found.clip(2)) - 32000) <= 2
    assert np.abs(found.clip(0) - audio.read(recordings / "a.wav", 16000)).max() < 1e-4
    crop = found.crop(5000, np.random.default_rng(0))
    assert crop.shape == (5000,) and np.square(crop).mean() > 1e-6
    (recordings / "e.wav").write_bytes((recordings / "a.wav").read_bytes())
    with pytest.raises(UserError, match="other recordings"):
        collect([recordings], 16000, tmp_path / "out")


def test_weights_on_disk(tiny: SpeechCodec, wave: torch.Tensor, tmp_path: Path) -> None:
    tiny.save(tmp_path / "codec.safetensors")
    loaded = interface.load(str(tmp_path / "codec.safetensors"))
    assert isinstance(loaded, SpeechCodec) and loaded.config == TINY
    assert (loaded.encode(wave[None]) == tiny.encode(wave[None])).float().mean() > 0.9
    with pytest.raises(UserError, match="no codec there"):
        interface.load(str(tmp_path / "none.safetensors"))
    (tmp_path / "bad.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="not a codec"):
        interface.load(str(tmp_path / "bad.safetensors"))


def test_the_shipped_codec_keeps_speech(wave: torch.Tensor) -> None:
    codec = interface.load()
    assert (codec.sample_rate, codec.hop_length, codec.codebooks, codec.entries) == (16000, 320, 8, 1024)
    mel = MelConfig(16000, 1024, 256, 80, 0.0, 8000.0)
    codes = interface.encode(codec, wave)
    distances = []
    for used in (1, 2, 4, 8):
        rebuilt = interface.decode(codec, codes[:used])[: len(wave)]
        difference = mel_spectrogram(rebuilt[None], mel) - mel_spectrogram(wave[None], mel)
        distances.append(float(difference.abs().mean()))
    assert distances == sorted(distances, reverse=True) and distances[0] < 0.8 and distances[-1] < 0.5
    assert interface.decode(codec, interface.encode(codec, torch.zeros(8000))).abs().max() < 1e-3


def test_encodec_behind_the_same_interface(encodec: Path, wave: torch.Tensor) -> None:
    codec = EnCodec.load(str(encodec))
    assert (codec.sample_rate, codec.hop_length, codec.codebooks, codec.entries) == (16000, 64, 2, 16)
    codes = interface.encode(codec, wave[:6401])
    assert codes.shape == (2, 101) and interface.decode(codec, codes).shape == (101 * 64,)
    assert EnCodec.load(str(encodec), 1.0).codebooks == 1
    with pytest.raises(UserError, match="choose from 1, 2"):
        EnCodec.load(str(encodec), 7.0)
    with pytest.raises(UserError, match="unset HF_HUB_OFFLINE"):
        EnCodec.load("facebook/no-such-encodec")


def test_round_trip_by_command(encodec: Path, clip: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    coded, out = tmp_path / "codes.npz", tmp_path / "out.wav"
    assert run("tts", "codec", "encode", clip, coded, "--codec", encodec)[0] == 0
    assert run("tts", "codec", "decode", coded, out, "--codebooks", 1)[0] == 0
    said, rate = soundfile.read(out)
    assert rate == 16000 and len(said) == len(audio.read(clip, 16000)) and audio.synthetic_mark(out)
    found = files.load(coded)
    codec = EnCodec.load(str(encodec))
    assert found.codes.shape[0] == 2 and found.fingerprint == interface.fingerprint(codec)
    expected = interface.decode(codec, torch.from_numpy(found.codes[:1]))[: found.samples]
    assert np.allclose(said, expected.numpy(), atol=1e-3)
    picture = tmp_path / "codec.png"
    assert run("tts", "codec", "plot", clip, picture, "--codec", encodec)[0] == 0
    from matplotlib.image import imread

    assert imread(picture).std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "none.wav", "x.npz", "--codec", "TINY"], "does not exist"),
        (["encode", "CLIP", "x.txt"], "written as .npz"),
        (["encode", "CLIP", "no/x.npz"], "does not exist"),
        (["encode", "CLIP", "x.npz", "--codec", "nobody/encodec"], "unset HF_HUB_OFFLINE"),
        (["encode", "CLIP", "x.npz", "--codec", "none.safetensors"], "no codec there"),
        (["encode", "BAD", "x.npz", "--codec", "TINY"], "not audio"),
        (["decode", "none.npz", "x.wav"], "does not exist"),
        (["decode", "BAD", "x.wav"], "not a file of codes"),
        (["decode", "CODES", "x.mp4"], "cannot write the suffix"),
        (["decode", "CODES", "x.wav", "--codebooks", "9"], "give 1 to 3"),
        (["decode", "CODES", "x.wav", "--codec", "OTHER"], "another codec"),
        (["plot", "CLIP", "x.gif"], ".png or .svg"),
        (["train", "none", "--out", "x"], "no such folder"),
        (["train", "EMPTY", "--out", "x"], "no recordings"),
        (["train", "EMPTY", "--out", "x", "--device", "abacus"], "abacus"),
        (["train", "EMPTY", "--out", "BAD"], "cannot make this folder"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    arguments, says, tiny, clip, wave, tmp_path, monkeypatch, empty_cache, run
) -> None:  # type: ignore[no-untyped-def]
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    tiny.save(tmp_path / "tiny.safetensors")
    other = SpeechCodec(TINY)
    other.save(tmp_path / "other.safetensors")
    (tmp_path / "bad").write_text("bad")
    (tmp_path / "empty").mkdir()
    loaded = interface.load(str(tmp_path / "tiny.safetensors"))
    coded = files.Codes(
        interface.encode(loaded, wave).numpy(), len(wave), 16000, str(tmp_path / "tiny.safetensors"),
        interface.fingerprint(loaded),
    )  # fmt: skip
    files.save(tmp_path / "codes.npz", coded)
    names = {
        "CLIP": clip,
        "BAD": tmp_path / "bad",
        "EMPTY": tmp_path / "empty",
        "CODES": tmp_path / "codes.npz",
        "TINY": tmp_path / "tiny.safetensors",
        "OTHER": tmp_path / "other.safetensors",
    }
    status, _, err = run("tts", "codec", *(names.get(part, part) for part in arguments))
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err
    assert not [path for path in place.rglob("*") if path.is_file()]
