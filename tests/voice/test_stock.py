"""Stock voices, mixtures, voice pack files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nuanced_speech.core.errors import UserError
from nuanced_speech.voice.stock import HELD_OUT, read_pack, stock_voices, style_of, voice_pack


def test_all_54_stock_voices_are_there() -> None:
    voices = stock_voices()
    assert len(voices) == 54
    assert {"af_heart", "am_michael", "bf_emma", "bm_george", "ef_dora", "ff_siwis", "zm_yunxi"} <= set(voices)
    for name, pack in voices.items():
        assert name[1:3] in ("f_", "m_")
        assert pack.shape == (510, 256)
        assert pack.dtype == torch.float32
        assert bool(torch.isfinite(pack).all())
    packs = torch.stack(list(voices.values())).flatten(1)
    assert float(torch.pdist(packs).min()) > 1
    assert set(HELD_OUT) <= set(voices)


def test_a_mixture_is_the_weighted_mean() -> None:
    heart, george, siwis = (stock_voices()[name] for name in ("af_heart", "bm_george", "ff_siwis"))
    torch.testing.assert_close(voice_pack("af_heart"), heart)
    torch.testing.assert_close(voice_pack("af_heart:0.7,bm_george:0.3"), 0.7 * heart + 0.3 * george)
    # weights need not sum to 1, and a name alone weighs 1
    torch.testing.assert_close(voice_pack("af_heart:7, bm_george:3"), 0.7 * heart + 0.3 * george)
    torch.testing.assert_close(voice_pack("af_heart,bm_george,ff_siwis:2"), (heart + george + 2 * siwis) / 4)
    torch.testing.assert_close(voice_pack("af_heart:0,bm_george:.5"), george)


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("heart", "unknown voice 'heart': did you mean af_heart"),
        ("bm_geo", "unknown voice 'bm_geo': did you mean bm_george"),
        ("nobody", "unknown voice 'nobody': choose from af_alloy, .*zm_yunyang"),
        ("af_heart:0.5,af_hart:0.5", "unknown voice 'af_hart'"),
        ("af_heart:0.7,", "unknown voice ''"),
        ("", "unknown voice ''"),
        ("af_heart:-0.5,bm_george:1", "the weight '-0.5' of af_heart is not a positive number"),
        ("af_heart:lots", "the weight 'lots' of af_heart is not a positive number"),
        ("af_heart:nan", "the weight 'nan' of af_heart is not a positive number"),
        ("af_heart:0,bm_george:0", "sum to zero"),
        ("no_such.pt", r"no_such\.pt: no such voice pack"),
    ],
)
def test_what_is_not_a_voice(voice: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        voice_pack(voice)
    assert "\n" not in str(caught.value)


def test_the_row_goes_by_the_number_of_phonemes() -> None:
    pack = torch.arange(510.0)[:, None].expand(510, 256)
    assert style_of(pack, 1)[0] == 0
    assert style_of(pack, 100)[0] == 99
    assert style_of(pack, 510)[0] == 509
    assert style_of(pack, 0)[0] == 0
    assert style_of(pack, 9999)[0] == 509
    assert style_of(pack).shape == (256,)
    assert style_of(pack[:1], 100)[0] == 0


def write_pack(path: Path, pack: torch.Tensor) -> None:
    if path.suffix == ".pt":
        torch.save(pack, path)
    elif path.suffix == ".npz":
        np.savez(path, voice=pack.numpy())
    else:
        save_file({"voice": pack.contiguous()}, path)


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
@pytest.mark.parametrize("shape", [(510, 1, 256), (510, 256)])
def test_pack_files_give_back_what_was_written(suffix: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / f"mine{suffix}"
    wanted = stock_voices()["bf_emma"]
    write_pack(path, wanted.reshape(shape))
    assert torch.equal(read_pack(path), wanted)
    assert torch.equal(voice_pack(str(path)), wanted)


def test_half_precision_packs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    write_pack(path, stock_voices()["bf_emma"].half())
    assert read_pack(path).dtype == torch.float32


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
def test_files_that_are_not_a_pack(suffix: str, tmp_path: Path) -> None:
    wanted = stock_voices()["bf_emma"]
    whole = tmp_path / f"whole{suffix}"
    write_pack(whole, wanted)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    text = tmp_path / f"text{suffix}"
    text.write_text("I am a voice, believe me.")
    empty = tmp_path / f"empty{suffix}"
    empty.touch()
    short = tmp_path / f"short{suffix}"
    write_pack(short, wanted[:100])
    narrow = tmp_path / f"narrow{suffix}"
    write_pack(narrow, wanted[:, :100])
    holed = tmp_path / f"holed{suffix}"
    write_pack(holed, torch.where(wanted > 0.5, torch.nan, wanted))
    two = tmp_path / f"two{suffix}"
    if suffix == ".npz":
        np.savez(two, a=wanted.numpy(), b=wanted.numpy())
    else:
        save_file({"a": wanted.clone(), "b": wanted.clone()}, two)
    for path in (two, cut, text, empty, short, narrow, holed):
        with pytest.raises(UserError, match=rf"{path.name}: not a voice pack") as caught:
            read_pack(path)
        assert "\n" not in str(caught.value)


def test_a_pack_cannot_run_code(tmp_path: Path) -> None:
    class Sneaky:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return Path.touch, (tmp_path / "ran",)

    for name, save in (("a.pt", torch.save), ("b.npz", lambda x, path: np.savez(path, voice=np.array([x])))):
        save(Sneaky(), tmp_path / name)
        with pytest.raises(UserError, match="not a voice pack"):
            read_pack(tmp_path / name)
    assert not (tmp_path / "ran").exists()
