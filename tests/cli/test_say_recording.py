"""A recording as the voice of ``say``: with the consent of its speaker, made for the moment, and kept nowhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import soundfile
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.adapt.prosody_fit import ProsodyFitConfig
from nuanced_speech.convert.converter import Converter
from nuanced_speech.models.speaker_encoder import SAME_SPEAKER, SpeakerEncoder
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voicemaking import cloning

CONSENT = "read by a volunteer of LibriVox, public domain"


@pytest.mark.slow
def test_say_speaks_in_the_voice_of_a_recording(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    converter: Converter,
    encoder: SpeakerEncoder,
    run,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nuanced_speech.models.bank.shared_bank", lambda device: converter.models)
    # the search for the prosody half among two voices, in three steps
    prosody = ProsodyFitConfig(steps=3, left_out=frozenset(set(stock_voices()) - {"af_heart", "am_adam"}))
    small = partial(cloning.clone, config=cloning.CloningConfig(prosody=prosody, sentences=("Yes.",)))
    monkeypatch.setattr("nuanced_speech.voicemaking.cloning.clone", small)
    status, _, err = run("say", "The bell rang twice, and then nobody came.", "out.wav", "--voice", CLIP,
                         "--i-have-consent", CONSENT)  # fmt: skip
    assert status == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    assert 1.5 < soundfile.info("out.wav").duration < 6
    assert (audio.synthetic_mark("out.wav") or "").startswith(f"{audio.SYNTHETIC}; voice: recording (clone)")
    spoken, own, other = (
        encoder.embed(wave, audio.SAMPLE_RATE) for wave in (audio.read("out.wav"), audio.read(CLIP), _other(converter))
    )
    assert spoken is not None and own is not None and other is not None
    assert spoken @ own > SAME_SPEAKER - 0.1
    assert spoken @ own > spoken @ other + 0.1


def _other(converter: Converter):  # type: ignore[no-untyped-def]
    """Speech of a stock voice that the recording's is not like."""
    from nuanced_speech.synthesis.text_to_speech import speak

    return speak("The bell rang twice.", "af_heart", models=converter.models)
