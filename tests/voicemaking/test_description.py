"""A voice from a description, the folder of own voices, and the commands for both."""

from __future__ import annotations

import re
import xml.dom.minidom
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from matplotlib.image import imread

from nuanced_speech import audio
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.provenance import new_provenance
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking import description, profile
from nuanced_speech.voicemaking.attributes import NAMES, stock_attributes
from nuanced_speech.voicemaking.description import make_voice, nearest_stock_voices, target_attributes
from nuanced_speech.voicemaking.description_vocabulary import parse_description
from nuanced_speech.voicemaking.profile import SENTENCES
from nuanced_speech.voicemaking.voice_map import HEIGHT, WIDTH, MappedVoice, voice_map


def wanted(description: str, name: str) -> float:
    return float(target_attributes(parse_description(description), stock_attributes())[NAMES.index(name)])


def test_low_is_low_for_the_sex() -> None:
    assert wanted("high woman", "pitch") > wanted("low woman", "pitch") > wanted("low man", "pitch") + 0.5
    assert wanted("woman", "sex") > 0 > wanted("man", "sex")
    assert np.isnan(wanted("woman", "pitch"))
    assert wanted("extremely low", "pitch") < wanted("low", "pitch")


def test_voices_to_begin_with() -> None:
    stock = stock_attributes()
    assert all(
        name.startswith("bf_") for name in nearest_stock_voices(parse_description("old British woman"), stock, 4)
    )
    assert nearest_stock_voices(parse_description("whispering woman, American"), stock, 1) == ["af_nicole"]
    assert {name[0] for name in nearest_stock_voices(parse_description("man"), stock, 8)} <= {"a", "b"}
    # there is no Frenchman among them
    assert nearest_stock_voices(parse_description("french man"), stock, 2) == ["ff_siwis"]
    assert nearest_stock_voices(parse_description("deep man"), stock, 5, seed=1) == nearest_stock_voices(
        parse_description("deep man"), stock, 5, seed=1
    )
    assert len({tuple(nearest_stock_voices(parse_description("man"), stock, 5, seed=k)) for k in range(4)}) > 1


def test_a_described_voice_is_as_described_and_speaks(
    kokoro: Kokoro, encoder: SpeakerEncoder, listener: WhisperModel
) -> None:
    made = make_voice(parse_description("very deep, fast man, American"), "am_michael", kokoro, encoder)
    stock = stock_attributes()
    before = stock.values[stock.names.index("am_michael")]
    asked = np.isfinite(made.targets)
    assert list(np.array(NAMES)[asked]) == ["sex", "pitch", "pace"]
    missed = np.abs(made.profile.attributes - made.targets)[asked] / stock.spread[asked]
    assert missed.max() < 0.4
    assert made.profile.attributes[2] < before[2] - 0.15 and made.profile.attributes[4] > before[4] + 0.03
    assert made.pack.shape == (510, 256)
    said = listener.transcribe(audio.resample(made.profile.sample.audio, 24000, 16000), "en").text
    heard = re.findall("[a-z]+", said.lower())
    truth = re.findall("[a-z]+", SENTENCES.lower())
    assert len(set(truth) & set(heard)) >= len(set(truth)) - 1


def boxes(page: str) -> list[tuple[float, float, float, float]]:
    """Where the labels of a map are."""
    found = []
    for x, y, size, name in re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" font-size="(\d+)" font-weight[^>]*>([^<]+)', page
    ):
        half, tall = len(name) * int(size) * 0.29, int(size) * 0.45
        found.append((float(x) - half, float(y) - tall, float(x) + half, float(y) + tall))
    return found


def test_the_map_is_readable(tmp_path: Path) -> None:
    stock = stock_attributes()
    mean = stock.embeddings[:2].mean(0)
    drawn = voice_map(stock, [MappedVoice('<me> & "you"', mean, stock.values[0], marked=True)], ["af_heart"])
    places = {point.name: (point.x, point.y) for point in drawn.points}
    assert len(places) == 55 and all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in places.values())
    np.testing.assert_allclose(
        places['<me> & "you"'], (np.array(places["af_alloy"]) + np.array(places["af_aoede"])) / 2, atol=0.1
    )
    assert {point.name for point in drawn.points if point.kind == "marked"} == {"af_heart", '<me> & "you"'}
    drawn.save(tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    svg = xml.dom.minidom.parseString(page[page.index("<svg") : page.index("</svg>") + 6])
    shown = [group.getAttribute("aria-label") for group in svg.getElementsByTagName("g")]
    assert any(label.startswith('<me> & "you": female') and "pitch: " in label for label in shown)
    assert "http" not in page and "<me>" not in page
    labels = boxes(page)
    assert len(labels) == 55
    hidden = sum(
        max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
        for k, a in enumerate(labels)
        for b in labels[:k]
    )
    assert hidden < 0.01 * sum((a[2] - a[0]) * (a[3] - a[1]) for a in labels)
    drawn.save(tmp_path / "map.png")
    picture = imread(tmp_path / "map.png")
    assert picture.shape[:2] == (1500, 2250) and picture[..., :3].std() > 0.02


@pytest.mark.slow
def test_commands(monkeypatch, models: ModelBank, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    # the synthesizer is loaded already
    monkeypatch.setattr("nuanced_speech.models.bank.shared_bank", lambda device: models)
    monkeypatch.setattr("nuanced_speech.synthesis.text_to_speech.shared_bank", lambda device: models)
    # what it sounds like is another test's matter: less to say
    phonemes = phonemize("We were away a year ago.")
    for module in (profile, description):
        monkeypatch.setattr(module, "sentence_phonemes", lambda british=False, sentences="": phonemes)
    monkeypatch.chdir(tmp_path)
    arguments = ("describe", "cheerful purple woman, low", "--name", "sunny", "--text", "We were away.")
    status, said, err = run(*arguments)
    assert status == 0, err
    assert "not understood: purple" in err
    assert re.search(r"pitch\s*│ low … high\s*│ \d+ Hz\s*│ \d+ Hz", said), said
    spoken = soundfile.info("voices/sunny.wav")
    assert spoken.samplerate == 24000 and 0.4 < spoken.duration < 3
    assert "described" in (audio.synthetic_mark("voices/sunny.wav") or "")
    voice = Voice.load("sunny")
    known = voice.provenance
    assert known.kind == "described" and known.language == "en" and set(known.attributes) == set(NAMES)
    assert re.fullmatch(rf"[ab]f_\w+, seed 0: {arguments[1]}", known.recipe)

    before = Path("voices/sunny.wav").stat().st_mtime_ns
    status, _, err = run(*arguments)
    assert status == 1 and "is there already" in err and Path("voices/sunny.wav").stat().st_mtime_ns == before

    # voices of every kind, and none that hides behind a stock voice's name
    Voice("me", voice.pack, new_provenance("clone", language="pt", consent="my own")).save()
    torch.save(voice.pack, "voices/bare.pt")
    torch.save(voice.pack, "voices/bf_emma.pt")
    Path("voices/noise.npz").write_bytes(b"noise")
    status, said, err = run("voices", "list")
    assert "left out: voices/noise.npz: not a voice pack" in err
    assert status == 0 and all(said.count(f"│ {name} ") == 1 for name in ["sunny", "me", "bare", *stock_voices()])
    assert said.index("sunny") < said.index("af_alloy")
    assert re.search(r"me +│ clone +│ Brazilian", said) and re.search(r"bare +│ file", said)
    # and of another folder
    Path("voices/me.safetensors").rename("me.safetensors")
    status, said, _ = run("voices", "show", "me", "--voices", ".")
    assert status == 0 and "kind: clone" in said and "consent: my own" in said
    Path("me.safetensors").unlink()
    status, said, _ = run("voices", "show", "sunny")
    assert status == 0 and "cheerful purple woman" in said and f"recipe: {known.recipe}" in said
    assert re.search(r"sounds most like: \w+ 0\.\d\d, ", said)
    status, said, _ = run("voices", "sample", "ff_siwis", "siwis.flac", "--text", "Bonjour.")
    assert status == 0 and 0.4 < soundfile.info("siwis.flac").duration < 3
    status, said, _ = run("voices", "map", "map.html", "--mark", "sunny")
    page = Path("map.html").read_text(encoding="utf-8")
    assert status == 0 and all(f'aria-label="{name}: ' in page for name in ("sunny", "me", "bare"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("describe", "high bass voice", "--name", "x"), "contradict"),
        (("describe", "purple", "--name", "x"), "nothing understood"),
        (("describe", "woman", "--name", "../x"), "cannot be a voice's name"),
        (("describe", "woman", "--name", "af_heart"), "stock voice"),
        (("describe", "french woman", "--name", "x", "--candidates", "2"), "only 1"),
        (("describe", "woman", "--name", "x", "--out", "file/x"), "cannot make this folder"),
        (("voices", "show", "af_hart"), "did you mean af_heart"),
        (("voices", "show", "nothing.pt"), "no such voice pack"),
        (("voices", "sample", "af_heart", "out.xyz"), "xyz"),
        (("voices", "sample", "nobody", "out.wav"), "unknown voice"),
        (("voices", "map", "out.gif"), ".png or .html"),
        (("voices", "map", "out.png", "--mark", "nobody"), "unknown voice"),
        (("voices", "map", "nowhere/out.png"), "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, arguments, says, run
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    status, _, err = run(*arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err
    assert {path.name for path in tmp_path.rglob("*")} <= {"file", "voices"}


def test_help_teaches(run) -> None:  # type: ignore[no-untyped-def]
    for command, words in ((["describe"], ("--candidates", "storyteller")), (["voices", "map"], ("--mark", ".html"))):
        status, said, _ = run(*command, "--help")
        assert status == 0 and all(word in said for word in words)
