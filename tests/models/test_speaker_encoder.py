"""The speaker encoder, against the package that its weights come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.models.speaker_encoder import WINDOW, SpeakerEncoder


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    return audio.read(CLIP, audio.WHISPER_SAMPLE_RATE)


def test_mel_and_embeddings_are_resemblyzers(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    resemblyzer = pytest.importorskip("resemblyzer")
    from resemblyzer.audio import wav_to_mel_spectrogram

    mel = encoder.mel(torch.from_numpy(wave)[None])[0]
    torch.testing.assert_close(mel.numpy(), wav_to_mel_spectrogram(wave), rtol=1e-3, atol=1e-6)
    windows = mel[: 3 * WINDOW].unflatten(0, (3, WINDOW))
    with torch.no_grad():
        theirs = resemblyzer.VoiceEncoder("cpu", verbose=False)(windows)
    assert (encoder(windows) * theirs).sum(1).min() > 0.9999


def test_an_embedding_tells_voices_apart_at_any_level_and_rate(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    half = len(wave) // 2
    one, other = (encoder.embed(part, audio.WHISPER_SAMPLE_RATE) for part in (wave[:half], wave[half:]))
    assert one is not None and other is not None
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5) and one.min() >= 0
    assert one @ other > 0.7
    # formants and pitch half as high again: somebody else

    stranger = encoder.embed(audio.resample(wave, 3, 2), audio.WHISPER_SAMPLE_RATE)
    assert one @ stranger < one @ other - 0.1
    quiet = encoder.embed(0.01 * wave[:half], audio.WHISPER_SAMPLE_RATE)
    assert one @ quiet > 0.9999
    upsampled = audio.resample(wave[:half], audio.WHISPER_SAMPLE_RATE, audio.SAMPLE_RATE)
    assert one @ encoder.embed(upsampled, audio.SAMPLE_RATE) > 0.99


def test_pauses_do_not_count(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    rate = audio.WHISPER_SAMPLE_RATE
    silence = 1e-4 * np.random.default_rng(0).standard_normal(4 * rate).astype(np.float32)
    speech = wave[: 4 * rate]
    plain, among = encoder.embed(speech, rate), encoder.embed(np.concatenate([silence, speech, silence]), rate)
    assert plain is not None and among is not None
    assert plain @ among > 0.95


def test_silence_and_scraps(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    assert encoder.embed(np.zeros(16_000, np.float32), 16_000) is None
    for length in (1, 500, 5_000):
        embedding = encoder.embed(wave[16_000 : 16_000 + length], 16_000)
        assert embedding is not None and np.isfinite(embedding).all()


def test_gradients_reach_the_waveform(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    speech = torch.from_numpy(wave[:32_000])[None].requires_grad_()
    encoder(encoder.mel(speech)[:, :WINDOW]).sum().backward()
    assert speech.grad is not None and speech.grad.abs().max() > 0


def test_embedding_with_gradients_is_the_encoders(encoder: SpeakerEncoder) -> None:
    wave = audio.read(CLIP)[:72_000]
    heard = encoder.embed(wave, audio.SAMPLE_RATE)
    waves = torch.from_numpy(np.stack([wave, np.roll(wave, 9_000) * np.float32(0.3)]))
    with torch.no_grad():
        found = encoder.embed_waves(waves)
        assert float(found[0] @ torch.from_numpy(heard)) > 0.93
        # a batch gives what its items give alone
        torch.testing.assert_close(found[1], encoder.embed_waves(waves[1:])[0])
