"""Voices that are kept: what is written, what is read back, where it comes from."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nuanced_speech.core.errors import UserError
from nuanced_speech.voice.prior import distances, near_real
from nuanced_speech.voice.provenance import Source, new_provenance
from nuanced_speech.voice.stock import PACK_SUFFIXES, own_voices, stock_voices, style_of, voice_pack
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice, mix


@pytest.fixture
def me() -> Voice:
    pack = torch.lerp(stock_voices()["af_sky"], stock_voices()["am_adam"], 0.3)
    sources = (Source("a.wav", "0" * 64), Source("b.flac", "1" * 64))
    return Voice("me", pack, new_provenance("clone", language="en", sources=sources, consent='I say "yes" – Zoë'))


def test_every_file_holds_the_voice_in_its_packages_form(me: Voice, tmp_path: Path) -> None:
    files = {path.suffix: path for path in me.save(tmp_path / "new" / "voices")}
    assert {path.name for path in files.values()} == {"me.pt", "me.npz", "me.safetensors"}
    assert {path.name for path in (tmp_path / "new" / "voices").iterdir()} == {"me.pt", "me.npz", "me.safetensors"}
    pack = torch.load(files[".pt"], weights_only=True)
    assert pack.shape == (510, 1, 256) and pack.dtype == torch.float32
    with np.load(files[".npz"], allow_pickle=False) as arrays:
        assert arrays.files == ["me"]
        assert arrays["me"].shape == (510, 1, 256) and np.array_equal(arrays["me"], pack.numpy())
    with safe_open(files[".safetensors"], "pt") as file:
        assert torch.equal(file.get_tensor("voice"), pack)
    for path in files.values():
        assert torch.equal(Voice.load(path).pack, me.pack)
    back = Voice.load(files[".safetensors"])
    assert back.name == "me" and back.provenance == me.provenance


def test_measured_attributes_are_kept_and_may_be_missing(me: Voice, tmp_path: Path) -> None:
    known = replace(me.provenance, kind="described", attributes={"pitch": 7.5, "age": -0.25})
    path = replace(me, provenance=known).save(tmp_path)[PACK_SUFFIXES.index(".safetensors")]
    assert Voice.load(path).provenance == known != me.provenance
    assert len({known, known, me.provenance}) == 2
    with safe_open(path, "pt") as file:
        header, pack = json.loads(file.metadata()["nuanced_speech_voice"]), file.get_tensor("voice")
    del header["attributes"]
    save_file({"voice": pack}, path, {"nuanced_speech_voice": json.dumps(header)})
    assert Voice.load(path).provenance == replace(known, attributes={})


def test_voices_of_a_folder(me: Voice, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    assert own_voices() == {} and own_voices(Path("nowhere")) == {}
    me.save()
    for name in ("other.pt", "af_sky.pt", ".hidden.pt"):
        torch.save(me.pack, f"voices/{name}")
    Path("voices/me-report.json").touch()
    assert own_voices() == {"me": Path("voices/me.safetensors"), "other": Path("voices/other.pt")}
    # by its name, whatever its format
    assert torch.equal(voice_pack("other"), me.pack) and Voice.load("other").provenance.kind == "file"
    with pytest.raises(UserError, match="unknown voice 'othr': did you mean other"):
        voice_pack("othr")
    with pytest.raises(UserError, match="unknown voice 'nobody': choose from me, other, af_alloy"):
        voice_pack("nobody")


def test_kept_voices_are_found_from_everywhere(me: Voice, tmp_path: Path, monkeypatch, run) -> None:  # type: ignore[no-untyped-def]
    for name in ("one", "two", "kept"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("NUANCED_SPEECH_VOICES", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path / "one")
    me.save()
    status, out, err = run("voices", "keep", "me")
    assert status == 0 and len(out.splitlines()) == 3, err
    monkeypatch.chdir(tmp_path / "two")
    assert own_voices() == {"me": tmp_path / "kept" / "me.safetensors"} and torch.equal(voice_pack("me"), me.pack)
    assert Voice.load("me").provenance == me.provenance
    status, _, err = run("voices", "keep", "me")
    assert status == 1 and "is there already" in err
    # the one here comes first, whatever its format
    torch.save(stock_voices()["af_sky"].clone(), "me.pt")
    Path("voices").mkdir()
    Path("me.pt").rename("voices/me.pt")
    assert torch.equal(voice_pack("me"), stock_voices()["af_sky"])


def test_no_voice_is_overwritten_without_force(me: Voice, tmp_path: Path) -> None:
    (tmp_path / "me.npz").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"me\.npz is there already: .*`force`"):
        me.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["me.npz"] and (tmp_path / "me.npz").read_bytes() == b"mine"
    me.save(tmp_path, force=True)
    assert torch.equal(Voice.load(tmp_path / "me.npz").pack, me.pack)


@pytest.mark.parametrize("name", ["", "../me", "a b", "me.pt", "-me", "2me", "me\n", "af_heart", "a" * 101])
def test_what_is_no_name(me: Voice, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        replace(me, name=name).save(tmp_path)
    assert not list(tmp_path.iterdir()) and "\n" not in str(caught.value)


def test_own_voices_are_found_by_name_after_stock_voices(me: Voice, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="unknown voice 'me'"):
        voice_pack("me")
    me.save()
    (tmp_path / "voices" / "me.safetensors").rename(tmp_path / "voices" / "af_bella.safetensors")
    me.save(force=True)
    heart = voice_pack("af_heart")
    assert torch.equal(voice_pack("me"), me.pack)
    assert torch.equal(voice_pack("af_bella"), stock_voices()["af_bella"])
    torch.testing.assert_close(voice_pack("me:1,af_heart:3"), 0.25 * me.pack + 0.75 * heart)
    torch.testing.assert_close(voice_pack("me + (af_heart - me)"), heart)
    assert Voice.load("me").provenance.kind == "clone"
    assert Voice.load("bf_emma").provenance.kind == "stock" and Voice.load("bf_emma").provenance.language == "en"
    mixed = mix("0.5*me + 0.5*ff_siwis", "half")
    assert mixed.provenance.kind == "mix" and mixed.provenance.recipe == "0.5*me + 0.5*ff_siwis"
    # whose voice it was, and that he agreed, is not lost by mixing; the heaviest gives the language
    assert mixed.provenance.cloned and mixed.provenance.consent == me.provenance.consent
    assert mixed.provenance.sources == me.provenance.sources and mixed.provenance.language == "en"
    assert mix("0.4*me + 0.6*ff_siwis", "half").provenance.language == "fr"
    assert "half (clone)" in mixed.mark and "clone" not in mix("af_heart:1,af_sky:1", "x").mark


def test_mixing_in_python(me: Voice) -> None:
    heart = Voice.load("af_heart")
    torch.testing.assert_close(me.mix(heart, 0.25).pack, 0.75 * me.pack + 0.25 * heart.pack)
    both = me.with_prosody_of(heart, "both")
    assert torch.equal(both.pack[:, :128], me.pack[:, :128]) and torch.equal(both.pack[:, 128:], heart.pack[:, 128:])
    assert both.name == "both" and both.provenance.cloned
    with pytest.raises(UserError, match="share"):
        me.mix(heart, 1.5)


def test_the_prior_holds_sums_near_real_voices() -> None:
    for pack in stock_voices().values():
        assert near_real(pack) is not pack and torch.equal(near_real(pack), pack)
    far = voice_pack("af_heart + 3*(af_nicole - af_sarah)")
    near = near_real(far)
    assert min(distances(style_of(far))) > 1.5 and max(distances(style_of(near))) < 1.001
    assert torch.equal(mix("af_heart + 3*(af_nicole - af_sarah)", "x").pack, near)
    assert torch.equal(mix("af_heart + 3*(af_nicole - af_sarah)", "x", prior=False).pack, far)
    # it lies on the way from the mean voice, in every row
    mean = torch.stack(list(stock_voices().values())).mean(0)
    for half in (slice(0, 128), slice(128, 256)):
        share = (near - mean)[:, half].norm() / (far - mean)[:, half].norm()
        torch.testing.assert_close((near - mean)[:, half], share * (far - mean)[:, half], atol=1e-4, rtol=0)


def test_differences_keep_the_pitch_of_real_voices() -> None:
    from nuanced_speech.voice.prior import PITCH_COLUMN, pitch_hz
    from nuanced_speech.voice.stock import stock_styles
    from nuanced_speech.voicemaking.attributes import PITCH

    assert PITCH_COLUMN == PITCH
    lowest = min(pitch_hz(style.prosody) for style in stock_styles())
    assert 75 < lowest < 100
    for expression in ("am_onyx + (af_nicole - af_sarah)", "am_adam + (am_onyx - af_heart)"):
        loose, held = mix(expression, "x", prior=False).pack, Voice.load(expression).pack
        assert torch.equal(held, mix(expression, "x").pack)
        # both are near enough by their distance alone
        assert max(distances(style_of(loose))) < 1
        below, above = (pitch_hz(Style.from_vector(style_of(pack)).prosody) for pack in (loose, held))
        assert below < 60 and above == pytest.approx(lowest, abs=0.5)
    assert torch.equal(Voice.load("0.5*am_onyx + 0.5*af_nicole").pack, voice_pack("am_onyx:1,af_nicole:1"))


def test_a_header_that_is_not_ours_or_damaged(tmp_path: Path) -> None:
    pack = stock_voices()["af_sky"].contiguous()
    save_file({"voice": pack}, tmp_path / "plain.safetensors", {"nuanced_speech_voice": "[1]"})
    assert Voice.load(tmp_path / "plain.safetensors").provenance.kind == "file"
    for header in ("{", '{"name": "x"}', '{"name": "x", "sources": [], "nonsense": 1}'):
        save_file({"voice": pack}, tmp_path / "odd.safetensors", {"nuanced_speech_voice": header})
        with pytest.raises(UserError, match=r"odd\.safetensors"):
            Voice.load(tmp_path / "odd.safetensors")


def test_a_voice_of_ones_own_that_is_far_out_is_not_moved_by_mixing(tmp_path: Path) -> None:
    far = Voice("far", voice_pack("af_heart + 2.5*(af_nicole - af_sarah)"))
    files = far.save(tmp_path)
    assert min(distances(style_of(far.pack))) > 1.2
    assert torch.equal(mix(f"1*{files[0]}", "same").pack, far.pack)
    farther = mix(f"af_sky + 2*({files[0]} - af_sky)", "farther")
    assert distances(style_of(farther.pack)) == pytest.approx(distances(style_of(far.pack)), rel=1e-4)


def test_the_old_way_to_clone_warns_and_works(me: Voice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import nuanced_speech
    from nuanced_speech import deprecated
    from nuanced_speech.voicemaking.cloning import Clone

    calls = []

    def fake(recordings: list[str], name: str, **options: object) -> Clone:
        calls.append((recordings, name, options))
        return Clone(me, [], np.zeros(256), np.zeros(1), [])

    monkeypatch.setattr(deprecated, "clone", fake)
    with pytest.warns(DeprecationWarning, match="clone_voice"):
        voice = nuanced_speech.Voice.clone(["a.wav"], "me", consent="mine", refine=2)
    assert voice is me and calls == [(["a.wav"], "me", {"consent": "mine", "refine": 2})]
    # the public class is the class of every voice
    assert isinstance(voice, nuanced_speech.Voice) and isinstance(nuanced_speech.Voice.load("af_sky"), Voice)
    assert Voice.load(nuanced_speech.Voice("x", me.pack)).name == "x"
    assert nuanced_speech.Voice("x", me.pack).save(tmp_path)


def test_the_new_way_to_clone_passes_everything_on(me: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    import nuanced_speech
    from nuanced_speech.voicemaking import clone_voice as module
    from nuanced_speech.voicemaking.cloning import Clone, CloningConfig

    calls = []

    def fake(*arguments: object, **options: object) -> Clone:
        calls.append((arguments, options))
        return Clone(me, [], np.zeros(256), np.zeros(1), [])

    monkeypatch.setattr(module, "clone", fake)
    assert nuanced_speech.clone_voice(["a.wav"], "me", consent="mine", language="fr", refine=3, seed=4) is me
    options = {"consent": "mine", "language": "fr", "refine": 3, "one_speaker": False, "seed": 4, "progress": None}
    options |= {"decoder": None, "models": None, "config": CloningConfig()}
    assert calls == [((["a.wav"], "me"), options)]


def test_voices_import_neither_models_nor_ways_to_make_them() -> None:
    code = (
        "import sys, nuanced_speech.voice.voice, nuanced_speech.voice.style;"
        "print([m for m in sys.modules if m.startswith(('nuanced_speech.models', 'nuanced_speech.voicemaking'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
