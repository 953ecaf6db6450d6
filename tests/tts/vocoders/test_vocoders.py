"""Mel to waveform: the packaged vocoder, and the parts of those that can be trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import SAMPLE
from safetensors.torch import save_file
from tts.vocoders.small_models import SMALL

from nuanced_speech import audio
from nuanced_speech.audio.limiter import true_peak
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.mel import MEL, mel_spectrogram
from nuanced_speech.dsp.pulse_train import pulse_train
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.tts import features
from nuanced_speech.tts.dummy import write_dummy
from nuanced_speech.tts.vocoders import PASSAGE, files, load, speak
from nuanced_speech.tts.vocoders.griffin_lim import GriffinLim, MelInverse
from nuanced_speech.tts.vocoders.hifigan import V1, Discriminators, HiFiGAN
from nuanced_speech.tts.vocoders.source_filter import (
    F0_BINS,
    SourceFilter,
    SourceFilterConfig,
    to_bins,
    to_hertz,
)
from nuanced_speech.tts.vocoders.stft import inverse_stft, stft
from nuanced_speech.tts.vocoders.vocos import VOCOS_MEL, Vocos
from nuanced_speech.tts.vocoders.waveglow import PAPER, InvertibleConv, WaveGlow, WaveGlowConfig


def test_a_loud_mel_gives_no_peak(piece: torch.Tensor) -> None:
    mel = mel_spectrogram(piece[:1])[0].numpy()
    quiet, loud = (true_peak(speak(mel + shift, GriffinLim())) for shift in (-3, 5))
    assert quiet < 0.8 < loud <= 10 ** (-1 / 20)


# The packaged one


@pytest.mark.slow
def test_the_packaged_vocoder_says_what_the_recording_says(wave: np.ndarray, listener: WhisperModel) -> None:
    mel = mel_spectrogram(torch.from_numpy(wave)[None])[0].numpy()
    spoken = speak(mel, load())
    assert len(spoken) == mel.shape[1] * MEL.hop_length and np.abs(spoken).max() <= 1
    original, rebuilt = (listener.transcribe(audio.resample(w, MEL.sample_rate, 16000)).text for w in (wave, spoken))
    assert word_errors(original, rebuilt).wer <= 0.1
    baseline = speak(mel, GriffinLim())
    distances = [
        float(np.abs(mel_spectrogram(torch.from_numpy(w)[None])[0].numpy() - mel).mean()) for w in (spoken, baseline)
    ]
    assert distances[0] < distances[1] < 0.2
    melodies = [track_f0(w, MEL.sample_rate) for w in (wave, spoken)]
    both = (melodies[0] > 0) & (melodies[1] > 0)
    assert both.mean() > 0.8 * (melodies[0] > 0).mean()
    assert np.median(np.abs(1200 * np.log2(melodies[0][both] / melodies[1][both]))) < 15


def test_the_melody_can_be_given(wave: np.ndarray) -> None:
    mel = mel_spectrogram(torch.from_numpy(wave[: 22050 * 3])[None])
    vocoder = load()
    assert isinstance(vocoder, SourceFilter)
    f0 = vocoder.f0(mel)
    same, silent = vocoder(mel, f0=f0), vocoder(mel, f0=torch.zeros_like(f0))
    assert torch.equal(same, vocoder(mel)) and not torch.equal(same, silent)
    assert torch.equal(vocoder(mel, seed=1), vocoder(mel, seed=1))
    assert not torch.equal(vocoder(mel, seed=1), vocoder(mel, seed=2))


def test_passages_join_without_a_seam(wave: np.ndarray) -> None:
    mel = mel_spectrogram(torch.from_numpy(np.tile(wave, 5))[None])[0].numpy()
    vocoder = GriffinLim(4)
    assert mel.shape[1] > PASSAGE
    spoken = speak(mel, vocoder)
    assert len(spoken) == mel.shape[1] * 256
    rebuilt = mel_spectrogram(torch.from_numpy(spoken)[None])[0].numpy()
    errors = np.abs(rebuilt - mel).mean(0)
    assert errors[PASSAGE - 2 : PASSAGE + 2].max() < np.quantile(errors, 0.99) * 2


# Parts


def test_stft_and_inverse_are_a_round_trip(piece: torch.Tensor) -> None:
    assert stft(piece, MEL).shape == (2, 513, 16)
    assert (inverse_stft(stft(piece, MEL), MEL) - piece).abs().max() < 1e-5


def test_magnitudes_have_the_mel_they_were_made_from(piece: torch.Tensor) -> None:
    mel = mel_spectrogram(piece)
    inverse = MelInverse()
    got = inverse(mel, 50)
    assert bool((got >= 0).all())
    assert ((inverse.bank @ got).clamp(min=1e-5).log() - mel).abs().mean() < 0.05
    least_squares = (torch.linalg.pinv(inverse.bank) @ mel.exp()).clamp(min=1e-5)
    truth = stft(piece, MEL).abs()[:, : inverse.covered]
    errors = [(x[:, : inverse.covered] - truth).abs().mean() for x in (got, least_squares)]
    assert errors[0] < errors[1]


def test_pulses_come_at_the_pitch_and_are_equally_loud() -> None:
    f0 = torch.tensor([[100.0] * 80, [220.0] * 80, [0.0] * 80])
    pulses = pulse_train(f0, MEL.hop_length, MEL.sample_rate)
    assert pulses[2].abs().max() == 0
    assert torch.allclose(pulses[:2].square().mean(1), torch.ones(2), atol=0.1)
    spectrum = torch.fft.rfft(pulses[0]).abs()
    hertz = torch.fft.rfftfreq(pulses.shape[1], 1 / MEL.sample_rate)
    loudest = hertz[spectrum.topk(100).indices] / 100
    assert (loudest - loudest.round()).abs().max() < 0.02 and bool(pulses.isfinite().all())
    glide = pulse_train(torch.linspace(80, 400, 80)[None], MEL.hop_length, MEL.sample_rate)
    assert bool(glide.isfinite().all()) and 0.7 < float(glide.square().mean()) < 1.3


def test_pitch_classes_are_a_round_trip() -> None:
    f0 = torch.tensor([[0.0, 60.0, 123.4, 440.0, 800.0]])
    scores = torch.nn.functional.one_hot(to_bins(f0), F0_BINS + 1).float().transpose(1, 2) * 30
    back = to_hertz(scores)
    assert back[0, 0] == 0 and (1200 * (back[0, 1:] / f0[0, 1:]).log2()).abs().max() <= 10


def test_a_rotation_is_undone() -> None:
    conv = InvertibleConv(8)
    x = torch.randn(2, 8, 50)
    there, log_det = conv(x)
    assert (conv.inverse(there) - x).abs().max() < 1e-4 and abs(log_det.item()) < 1e-4


def test_waveglow_is_inverted_and_its_likelihood_is_exact(piece: torch.Tensor) -> None:
    torch.manual_seed(0)
    model = WaveGlow(WaveGlowConfig(flows=4, layers=2, channels=16))
    for net in model.nets:
        torch.nn.init.normal_(net.end.weight, 0, 0.02)
    mel = mel_spectrogram(piece)
    noise, log_det = model.encode(piece, mel)
    assert noise.shape == (2, 8, 512) and bool((log_det != 0).all())
    assert (model.decode(noise, mel) - piece).abs().max() < 1e-4
    # the log determinant against the Jacobian itself, of a short piece
    short, short_mel = piece[:1, :256], mel[:1, :, :1]
    jacobian = torch.autograd.functional.jacobian(lambda w: model.encode(w, short_mel)[0].flatten(), short)
    expected = torch.linalg.slogdet(jacobian.reshape(256, 256)).logabsdet
    assert torch.allclose(model.encode(short, short_mel)[1][0], expected, atol=1e-2)
    nats = -torch.distributions.Normal(0, 1).log_prob(noise).sum((1, 2))
    assert torch.allclose(model.negative_log_likelihood(piece, mel), ((nats - log_det) / 4096).mean(), atol=1e-5)


def test_sizes_are_those_of_the_papers() -> None:
    def count(model: torch.nn.Module) -> int:
        """Without weight norm's magnitudes, which go when training is over."""
        return sum(p.numel() for name, p in model.named_parameters() if not name.endswith("original0"))

    assert count(HiFiGAN(V1)) == pytest.approx(13.92e6, rel=0.01)
    assert count(HiFiGAN()) == pytest.approx(0.92e6, rel=0.02)
    assert count(WaveGlow(PAPER)) == pytest.approx(87.9e6, rel=0.02)
    discriminators = Discriminators()
    assert count(discriminators.periods) == pytest.approx(41.1e6, rel=0.01)
    assert count(discriminators.scales) == pytest.approx(29.6e6, rel=0.01)


@pytest.mark.parametrize("make", [lambda: HiFiGAN(SMALL), lambda: SourceFilter(SourceFilterConfig(32, 1, 32, 1))])
def test_what_comes_later_in_a_mel_changes_nothing_long_before(make) -> None:  # type: ignore[no-untyped-def]
    model = make().eval()
    mel = torch.randn(1, 80, 120)
    longer = torch.cat([mel, torch.randn(1, 80, 40)], 2)
    with torch.no_grad():
        if isinstance(model, SourceFilter):
            assert torch.allclose(model.f0(longer)[:, :100], model.f0(mel)[:, :100])
        else:
            assert torch.allclose(model(longer)[:, : 60 * 256], model(mel)[:, : 60 * 256], atol=1e-5)


def test_files_of_all_models_are_a_round_trip(piece: torch.Tensor, tmp_path: Path) -> None:
    mel = mel_spectrogram(piece)
    for model in (
        HiFiGAN(SMALL),
        WaveGlow(WaveGlowConfig(4, layers=2, channels=16)),
        SourceFilter(SourceFilterConfig(16, 1, 16, 1, 2)),
    ):
        path = tmp_path / "v.safetensors"
        files.save(path, model)  # type: ignore[arg-type]
        back = load(path)
        assert type(back) is type(model) and back.config == model.config  # type: ignore[union-attr]
        with torch.no_grad():
            assert torch.allclose(back(mel), model.eval()(mel), atol=0.05)
        state = model.state_dict()
        assert all(torch.allclose(state[n], v, atol=2e-3) for n, v in back.state_dict().items())  # type: ignore[union-attr]


def test_vocos_reads_the_published_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Vocos()
    state = model.state_dict() | {
        "feature_extractor.mel_spec.mel_scale.fb": torch.zeros(513, 100),
        "head.istft.window": torch.zeros(1024),
    }
    torch.save(state, tmp_path / "pytorch_model.bin")
    back = Vocos.load(tmp_path / "pytorch_model.bin")
    mel = mel_spectrogram(torch.randn(1, 256 * 20) * 0.1, VOCOS_MEL)
    with torch.no_grad():
        assert back(mel).shape == (1, 256 * 20) and torch.equal(back(mel), model.eval()(mel))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(13.5e6, rel=0.01)
    (tmp_path / "text.bin").write_text("nothing")
    with pytest.raises(UserError, match="not the weights of Vocos"):
        Vocos.load(tmp_path / "text.bin")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="cannot be had from the hub"):
        load("vocos")


# Commands


def test_vocode_speaks_recordings_and_mels(wave: np.ndarray, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    assert run("tts", "vocode", SAMPLE, tmp_path / "a.wav")[0] == 0
    assert len(audio.read(tmp_path / "a.wav", 22050)) == len(wave) // 256 * 256
    mel = mel_spectrogram(torch.from_numpy(wave[:22050])[None])[0].numpy()
    np.save(tmp_path / "mel.npy", mel.T)
    assert run("tts", "vocode", tmp_path / "mel.npy", tmp_path / "b.flac", "--vocoder", "griffin-lim")[0] == 0
    assert len(audio.read(tmp_path / "b.flac", 22050)) == mel.shape[1] * 256
    write_dummy(tmp_path / "dummy", 1)
    (path,) = features.find(tmp_path / "dummy")
    assert run("tts", "vocode", path, tmp_path / "c.wav")[0] == 0


def test_what_vocode_refuses(tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    np.save(tmp_path / "wide.npy", np.zeros((10, 100), np.float32))
    np.save(tmp_path / "none.npy", np.zeros((0, 80), np.float32))
    np.save(tmp_path / "loud.npy", np.full((10, 80), 100, np.float32))
    (tmp_path / "text.npy").write_text("nothing")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    out = tmp_path / "out.wav"
    for arguments, message in (
        ((tmp_path / "missing.wav", out), "does not exist"),
        ((tmp_path / "wide.npy", out), "a mel is finite floats of shape (frames, 80)"),
        ((tmp_path / "text.npy", out), "not an .npy file"),
        ((tmp_path / "none.npy", out), "a mel is finite floats of shape (frames, 80)"),
        ((tmp_path / "loud.npy", out), "no natural logarithms"),
        ((SAMPLE, out, "--vocoder", "wavernn"), "no vocoder 'wavernn'"),
        ((SAMPLE, out, "--vocoder", tmp_path / "other.safetensors"), "not a vocoder of this version"),
        ((SAMPLE, out, "--vocoder", tmp_path / "none.safetensors"), "no vocoder there"),
        ((SAMPLE, SAMPLE), "same file"),
        ((SAMPLE, tmp_path / "out.xyz"), ".xyz"),
    ):
        code, _, error = run("tts", "vocode", *arguments)
        assert code == 1 and message in error and error.count("\n") == 1, (arguments, error)
    assert not out.exists()
