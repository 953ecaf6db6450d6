"""The style encoder: pooling, the region it stays in, and its file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.style_encoder import REACH, StyleEncoder
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of

STYLES = torch.stack([style_of(pack) for voice, pack in stock_voices().items() if voice not in HELD_OUT])


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    encoder = StyleEncoder(24)
    encoder.calibrate(3 + 2 * noise(50, 24), STYLES)
    return encoder


def test_padding_does_not_matter(encoder: StyleEncoder) -> None:
    long, short = noise(1, 40, 24, seed=1), noise(1, 15, 24, seed=2)
    padded = torch.full((1, 40, 24), float("nan"))
    padded[:, :15] = short
    mask = torch.arange(40)[None] < torch.tensor([[40], [15]])
    together = encoder(torch.cat([long, padded]), mask)
    torch.testing.assert_close(together, torch.cat([encoder(long), encoder(short)]))
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_order_in_time_does_not_matter(encoder: StyleEncoder) -> None:
    features = noise(1, 30, 24, seed=3)
    torch.testing.assert_close(encoder(features.flip(1)), encoder(features))


def test_layers_are_those_of_the_recipe() -> None:
    shapes = [tuple(parameter.shape) for parameter in StyleEncoder(384).parameters()]
    assert shapes == [(512, 384), (512,), (512, 512), (512,), (256, 512), (256,)]


def test_starts_at_the_average_voice_and_stays_in_reach(encoder: StyleEncoder) -> None:
    mean, std = STYLES.mean(0), STYLES.std(0)
    at_first = (encoder(noise(8, 20, 24) * 2 + 3) - mean) / std
    assert at_first.abs().mean() < 0.1
    with torch.no_grad():
        encoder.mlp[-1].weight.mul_(1e4)
    later = (encoder(noise(8, 20, 24) * 2 + 3) - mean) / std
    assert later.abs().max() <= REACH + 1e-4 and later.abs().max() > 0.9 * REACH


def test_every_stock_voice_is_in_reach() -> None:
    styles = torch.stack([style_of(pack) for pack in stock_voices().values()])
    assert ((styles - STYLES.mean(0)) / STYLES.std(0)).abs().max() < REACH


def test_round_trip_through_the_file(encoder: StyleEncoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    encoder.metadata = {"whisper": "tiny.en"}
    encoder.save(path, {"epoch": "3"})
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    loaded = StyleEncoder.load(path)
    assert loaded.metadata == {"whisper": "tiny.en", "epoch": "3"} and not loaded.training
    assert (loaded.input_dim, loaded.style_dim) == (24, 256)
    features = noise(2, 9, 24)
    assert torch.equal(loaded(features), encoder(features))


def test_an_interrupted_save_leaves_the_earlier_file(
    encoder: StyleEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "encoder.safetensors"
    encoder.save(path)
    before = path.read_bytes()

    write = Path.write_bytes

    def half(file: Path, content: bytes) -> None:
        write(file, content[:1000])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        encoder.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_files_that_hold_no_encoder_are_refused(encoder: StyleEncoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    with pytest.raises(UserError, match="no style encoder there"):
        StyleEncoder.load(path)
    encoder.save(path)
    state = load_file(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        StyleEncoder.load(path)
    save_file(state, path)
    with pytest.raises(UserError, match="not a style encoder"):
        StyleEncoder.load(path)
