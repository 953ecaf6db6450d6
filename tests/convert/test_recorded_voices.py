"""Voices of a conversion from files and recordings."""

import numpy as np
import pytest
import torch
from helpers import OTHER_SPEAKER, SAMPLE

from nuanced_speech import Converter, audio
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.speaker_clustering import SpeakerClustering
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate.systems import say
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.synthesis.resynthesizer import Resynthesizer
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.voice.stock import stock_voices


@pytest.mark.slow
def test_voices_from_files_give_what_their_names_give(quick, wave, tmp_path):
    short = wave[: audio.SAMPLE_RATE]
    pack = stock_voices()["bm_george"]
    torch.save(pack[:, None], tmp_path / "own.pt")
    np.savez(tmp_path / "own.npz", voice=pack.numpy())
    named, *others = (
        quick.convert(short, sample_rate=24000, voice=voice, path="direct").audio
        for voice in ("bm_george", tmp_path / "own.pt", tmp_path / "own.npz")
    )
    assert all(np.allclose(other, named, atol=1e-4) for other in others)


class Noting(Resynthesizer):
    """A resynthesizer that notes the voices it was given and those it gave back."""

    def __init__(self, models: ModelBank, decoder: Decoder) -> None:
        super().__init__(models, decoder=decoder)
        self.voices: list[tuple[TargetVoice, TargetVoice]] = []

    def finish(self, wave, features, reference, voice):  # type: ignore[no-untyped-def]
        rendered = super().finish(wave, features, reference, voice)
        self.voices.append((voice, rendered.voice))
        return rendered


@pytest.mark.slow
def test_a_recording_serves_as_voice(converter, packaged_decoder, wave, clip):
    short, noting = wave[: 4 * audio.SAMPLE_RATE], Noting(converter.models, packaged_decoder)
    chain = Converter(converter.models, resynthesizer=noting, decoder=packaged_decoder)
    assert np.isfinite(chain.convert(short, sample_rate=24000, voice=clip).audio).all()
    # it is equalised like its speaker, which nothing else is unless it is refined
    own = converter.models.speaker_encoder.embed(wave, audio.SAMPLE_RATE)
    ((given, fitted),) = noting.voices
    assert float(given.speaker @ torch.from_numpy(own)) > 0.99
    assert given.equalizer is None and fitted.equalizer is not None
    for voice in (None, "am_onyx"):
        chain.convert(short[: audio.SAMPLE_RATE], sample_rate=24000, voice=voice, path="direct")
    assert len(noting.voices) == 3 and all(voice.equalizer is None for _, voice in noting.voices[1:])


class NotingSpeakers(SpeakerClustering):
    """Speaker clustering that notes what it returns."""

    def __init__(self, models: ModelBank) -> None:
        super().__init__(models)
        self.assigned: list[list[SegmentFeatures]] = []

    def assign(self, features, foreign=False):  # type: ignore[no-untyped-def]
        self.assigned.append(super().assign(features, foreign))
        return self.assigned[-1]


@pytest.mark.slow
def test_further_recordings_of_a_voice_make_it_better_known(converter, packaged_decoder, wave, clip):
    short, speakers = wave[: 2 * audio.SAMPLE_RATE], NotingSpeakers(converter.models)
    chain = Converter(converter.models, speakers=speakers, decoder=packaged_decoder)
    outputs = [chain.convert(short, sample_rate=24000, path="direct", more=more).audio for more in ((), (clip,))]
    chain.voices.target(ConversionOptions(voice=clip), {"more": audio.read(clip)})
    alone, together, _ = speakers.assigned
    assert [len(x) for x in speakers.assigned] == [1, 2, 2]
    assert len(outputs[0]) == len(outputs[1]) == len(short)
    # the same speaker: one style for both, and not what the short one alone would have
    torch.testing.assert_close(together[0].style.vector, together[1].style.vector, atol=1e-3, rtol=1e-3)
    assert (together[0].style.vector - alone[0].style.vector).abs().max() > 0.01
    with pytest.raises(UserError, match="more"):
        converter.convert(short, sample_rate=24000, voice="af_heart", more=(clip,))


class Counting(Analyzer):
    """An analyzer that notes the length of each recording that it is given."""

    def __init__(self, models: ModelBank) -> None:
        super().__init__(models)
        self.lengths: list[int] = []

    def __call__(self, recording, *arguments, **options):  # type: ignore[no-untyped-def]
        self.lengths.append(len(recording))
        return super().__call__(recording, *arguments, **options)


def test_a_voice_that_serves_again_is_not_analysed_again(converter, wave, tmp_path):
    counting = Counting(converter.models)
    voices = Converter(converter.models, counting).voices
    path, second = tmp_path / "voice.wav", audio.SAMPLE_RATE
    audio.write(path, wave[: 2 * second])
    options = ConversionOptions(voice=path)
    one, again = (voices.target(options) for _ in range(2))
    assert again is one and counting.lengths == [2 * second]
    # but what it is known by has changed
    audio.write(path, wave[second : 3 * second])
    assert not torch.equal(voices.target(options).pack.vector, one.pack.vector)
    voices.target(options, {"more.wav": wave[:second]})
    assert counting.lengths == [2 * second, 2 * second, 2 * second, second]


def test_further_recordings_that_serve_again_are_not_analysed_again(converter, wave):
    counting = Counting(converter.models)
    chain = Converter(converter.models, counting)
    own, other = chain.analyzer(wave[: 2 * audio.SAMPLE_RATE]), {"other.wav": wave[2 * audio.SAMPLE_RATE :]}
    first = chain.voices.further(own, other, False)
    styles = [item.style for item in first]
    chain.speakers.assign([*own, *first])
    seen = len(counting.lengths)
    again = chain.voices.further(own, other, False)
    assert len(counting.lengths) == seen
    assert all(torch.equal(item.style.vector, style.vector) for item, style in zip(again, styles, strict=True))
    chain.voices.further(own, other, True)
    assert len(counting.lengths) == seen + 1


def test_another_speakers_recording_is_left_out(converter, wave, caplog):
    (own,) = converter.analyzer(wave)
    stranger = say(converter.models.kokoro, "Good morning, my dear, how do you do?", "en", "af_heart")
    kept = converter.voices.further([own], {"stranger.wav": stranger, "own.wav": wave}, False)
    assert [item.units for item in kept] == [own.units]
    assert "stranger.wav is left out" in caplog.text


@pytest.mark.slow
def test_a_short_second_speaker_keeps_an_own_voice(quick):
    """Six seconds of one speaker and two and a half of another are not one voice."""
    begin = 6 * SAMPLE_RATE
    both = np.concatenate([audio.read(SAMPLE)[:begin], audio.read(OTHER_SPEAKER)])
    out = quick.convert(both, sample_rate=SAMPLE_RATE, path="direct").audio
    embed = quick.models.speaker_encoder.embed
    first, second = (embed(wave, SAMPLE_RATE) for wave in (both[:begin], both[begin:]))
    spoken = embed(out[begin:], SAMPLE_RATE)
    assert spoken @ second > spoken @ first + 0.05
