"""The decoders behind one protocol: Kokoro's to the last bit, and the fast one by its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import KokoroDecoder, load_decoder
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.models.fast_decoder import FastDecoder

UNITS = 8


@pytest.fixture(scope="module")
def features() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    f0 = torch.full((1, 2 * UNITS), 140.0)
    return (
        torch.randn(1, 512, UNITS, generator=generator),
        f0,
        torch.randn(1, 2 * UNITS, generator=generator),
    )


def test_kokoros_own_decoder_is_unchanged(models: ModelBank, features) -> None:
    timbre = torch.randn(128, generator=torch.Generator().manual_seed(2)) * 0.1
    decoder = load_decoder("kokoro", models)
    assert isinstance(decoder, KokoroDecoder) and decoder.digest == "kokoro"
    with torch.no_grad():
        wave = decoder(*features, DecoderVoice.single(timbre, torch.ones(256)), 5)
        assert torch.equal(wave, models.kokoro.decode(*features, timbre[None], seed=5))


def test_a_fast_decoder_is_read_and_known_by_its_weights(
    models: ModelBank, fast_decoder: FastDecoder, features, tmp_path: Path
) -> None:
    path = tmp_path / "fast.safetensors"
    fast_decoder.save(path)
    again, other = load_decoder(path, models), FastDecoder(fast_decoder.config)
    assert again.digest == fast_decoder.digest != other.digest
    assert again.uses_recordings and not again.drops_octaves
    wave = again(*features, DecoderVoice.single(torch.zeros(128)))
    assert wave.shape == (1, 600 * UNITS) and bool(wave.isfinite().all())
    with pytest.raises(UserError, match="nowhere"):
        load_decoder(tmp_path / "nowhere.safetensors", models)


def test_the_fast_decoder_leaves_the_extension_of_a_timbre_out(fast_decoder: FastDecoder, features) -> None:
    timbre = torch.randn(128, generator=torch.Generator().manual_seed(2))
    plain, extended = (DecoderVoice.single(x) for x in (timbre, torch.cat([timbre, torch.ones(64)])))
    assert torch.equal(fast_decoder(*features, plain), fast_decoder(*features, extended))
    assert not torch.equal(fast_decoder(*features, plain), fast_decoder(*features, DecoderVoice.single(timbre + 1)))


def test_the_fast_decoder_computes_in_float32_inside_bfloat16(fast_decoder: FastDecoder, features) -> None:
    voice = DecoderVoice.single(torch.zeros(128))
    with torch.autocast("cpu", torch.bfloat16):
        wave = fast_decoder(*features, voice)
    assert torch.equal(wave, fast_decoder(*features, voice))
