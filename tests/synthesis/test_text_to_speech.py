"""Text to speech: loudness, pauses, words in time, languages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.audio.loudness import BROADCAST_LUFS, loudness
from nuanced_speech.core import precision
from nuanced_speech.core.constants import MAX_PHONEMES, SAMPLE_RATE, SAMPLES_PER_UNIT, SECONDS_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.synthesis.sample import SENTENCES, sentence_for
from nuanced_speech.synthesis.speaking import Levelling, SpokenSentence, TimedText, gain_db
from nuanced_speech.synthesis.speaking_config import Pauses, SpeakingConfig
from nuanced_speech.synthesis.speeds import SpeedRange
from nuanced_speech.synthesis.text_to_speech import TextToSpeech, language_of, speak
from nuanced_speech.synthesis.utterances import UTTERANCES, UtteranceConfig, phoneme_strings, text_parts, utterances
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.pronunciation import pronounce
from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639
from nuanced_speech.voice.voice import Provenance, Voice

if TYPE_CHECKING:
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import Decoder
    from nuanced_speech.models.whisper import WhisperModel

TEXT = "The old clock stopped at noon. Nobody noticed, because dinner was late.\n\nThen the bell rang twice."


@pytest.fixture(scope="module")
def spoken(models: ModelBank) -> list[SpokenSentence]:
    """``TEXT`` in a stock voice."""
    return list(TextToSpeech(models).stream(TEXT, "af_heart"))


@pytest.fixture(scope="module")
def wave(spoken: list[SpokenSentence]) -> np.ndarray:
    return np.concatenate([part.audio for part in spoken])


def test_runs_of_kokoro_follow_one_another_at_one_loudness(models: ModelBank, packaged_decoder: Decoder) -> None:
    """A run is made louder or quieter no more than it takes, so that its gain does not drift."""
    assert gain_db(None, -30.0) == 0.0
    assert [gain_db(-20.0, level) for level in (-20.5, -22.9, -17.1)] == pytest.approx([0.0, 2.0, -2.0])
    # one that is silent is not made a roar, nor does it silence the next
    assert gain_db(-20.0, -100.0) == 6.0 and gain_db(-100.0, -20.0) == -6.0
    parts = list(TextToSpeech(models, Levelling(step_db=0.05), decoder=packaged_decoder).stream(TEXT, "af_heart"))
    assert len({part.utterance for part in parts}) == 3
    levels = [audio.active_level_db(part.audio, 24000) for part in parts]
    assert all(abs(step) < 0.1 for step in np.diff(levels)), levels


def test_stock_voices_are_equally_loud_and_keep_below_full_scale(models: ModelBank, packaged_decoder: Decoder) -> None:
    synthesis = TextToSpeech(models, decoder=packaged_decoder)
    quiet, loud = (synthesis.speak("Good morning.", name) for name in ("af_nicole", "am_adam"))
    assert loudness(quiet) == pytest.approx(BROADCAST_LUFS, abs=0.5)
    assert loudness(loud) == pytest.approx(BROADCAST_LUFS, abs=0.5)
    shouted = TextToSpeech(models, Levelling(target_lufs=-5.0), decoder=packaged_decoder).speak(
        "Good morning.", "af_nicole"
    )
    assert 0.8 < np.abs(shouted).max() <= 0.89


def test_every_word_has_its_phonemes() -> None:
    words = pronounce('"Really?" he asked [Kokoro](/kˈOkəɹO/) for $3.50.')
    assert [w.text for w in words] == ['"Really?"', "he", "asked", "Kokoro", "for", "$3.50."]
    assert [w.phonemes.strip() for w in words][:4] == ["“ɹˈiᵊli?”", "hi", "ˈæskt", "kˈOkəɹO"]
    assert words[5].phonemes.startswith("θɹˈi dˈɑləɹz")
    spanish = pronounce("Hola, [Kokoro](/kokˈoɾo/) y Ana.", "es")
    assert [w.text for w in spanish] == ["Hola,", "Kokoro", "y", "Ana."]
    assert spanish[1].phonemes == "kokˈoɾo "


def test_words_that_are_run_together_are_told_apart() -> None:
    words = pronounce("L'été, qu'est-ce que c'est ? J'ai 25 ans.", "fr")
    assert [w.text for w in words] == ["L'été,", "qu'est-ce", "que", "c'est", "?", "J'ai", "25", "ans."]
    assert "".join(w.phonemes for w in words).strip() == phonemize("L'été, qu'est-ce que c'est ? J'ai 25 ans.", "fr")
    assert [w.phonemes.strip() for w in words][:4] == ["letˈe,", "kɛs", "kˌə", "sˈɛ"]
    assert words[6].phonemes.startswith("vɛ̃t")


def test_utterances_fit_into_kokoros_context_and_lose_nothing() -> None:
    text = f"Short one. {'and on it went, ' * 60}until it ended. {'never stopping ' * 60}\n\n{'x' * 10_000}"
    parts = list(text_parts(text, "en", False))
    groups = list(utterances(parts[0], iter(parts[1:])))
    assert [part for group in groups for part in group] == parts
    assert max(sum(len(part.phonemes) + 1 for part in group) for group in groups) <= MAX_PHONEMES
    assert max(len(part.phonemes) for part in parts) <= UTTERANCES.longest
    words = " ".join(w.text for part in parts for w in part.words)
    assert re.sub(r"\s", "", words) == re.sub(r"\s", "", text)
    marks = list(text_parts("Stop" + "!?" * 300 + " Go.", "en", False))
    assert all(any(p.isalpha() for p in word.phonemes) for part in marks for word in part.words)
    # cut after a mark where there is one
    assert parts[1].end == "part" and parts[1].words[-1].text == "went,"
    assert len(groups[0]) == 1
    small = list(text_parts(text[:200], "en", False, config=UtteranceConfig(longest=50)))
    assert 40 < max(len(part.phonemes) for part in small) <= 50


def test_speech_says_the_words_and_stops_where_it_should(listener: WhisperModel, wave: np.ndarray) -> None:
    heard = listener.transcribe(audio.resample(wave, 24000, 16000)).text
    plain = re.sub(r"[^a-z ]", "", heard.lower())
    assert plain == re.sub(r"[^a-z ]", "", TEXT.replace("\n\n", " ").lower())
    assert np.abs(wave).max() < 1
    # neither a click at the ends, nor more silence than was asked for
    assert abs(wave[0]) < 1e-4 and abs(wave[-1]) < 1e-4
    loud = np.abs(wave) > 0.003
    assert np.argmax(loud) < 0.1 * 24000 and np.argmax(loud[::-1]) < 0.1 * 24000


def test_pauses_are_those_that_were_asked_for(
    models: ModelBank, packaged_decoder: Decoder, spoken: list[SpokenSentence]
) -> None:
    ends = [part.words[-1].end for part in spoken]
    starts = [part.words[0].start for part in spoken]
    assert [part.sentence for part in spoken] == [0, 1, 2]
    for before, after, wanted in ((0, 1, 0.4), (1, 2, 0.8)):
        # 50 ms of the silence on each side are kept
        assert starts[after] - ends[before] == pytest.approx(wanted + 0.1, abs=0.051)
    synthesis = TextToSpeech(models, decoder=packaged_decoder)
    longer = [part.audio for part in synthesis.stream("Oh no. Not me.", "af_heart", pause=1.0)]
    assert not longer[1][:24000].any() and longer[1][24000 : 24000 + 2400].any()
    halved = TextToSpeech(models, decoder=packaged_decoder, config=SpeakingConfig(pauses=Pauses(sentence=0.5)))
    shorter = [part.audio for part in halved.stream("Oh no. Not me.", "af_heart", pause=1.0)]
    assert np.array_equal(shorter[1], longer[1][12000:])


def test_words_are_said_when_the_times_say_so(
    listener: WhisperModel, spoken: list[SpokenSentence], wave: np.ndarray
) -> None:
    words = [word for part in spoken for word in part.words]
    assert " ".join(w.text for w in words) == TEXT.replace("\n\n", " ")
    flat = [t for w in words for t in (w.start, w.end)]
    assert flat == sorted(flat) and flat[-1] <= len(wave) / 24000
    assert all(w.end - w.start >= 0.025 for w in words)
    assert all(abs(t * 40 - round(t * 40)) < 1e-6 for t in flat)
    heard = [w for s in listener.transcribe(audio.resample(wave, 24000, 16000), words=True).segments for w in s.words]
    assert len(heard) == len(words)
    # the smallest Whisper's word times are about a tenth of a second off themselves
    assert np.median([abs(a.start + a.end - b.start - b.end) / 2 for a, b in zip(words, heard, strict=True)]) < 0.15
    # outside the words there is next to nothing to hear
    outside = np.ones(len(wave), bool)
    for word in words:
        outside[round(word.start * 24000) : round(word.end * 24000)] = False
    assert np.square(wave[outside]).sum() < 0.02 * np.square(wave).sum()


@pytest.fixture(scope="module")
def short(models: ModelBank) -> np.ndarray:
    return TextToSpeech(models).speak("Come in.", "bf_emma")


def test_the_same_seed_says_the_same_and_speed_is_speed(models: ModelBank, short: np.ndarray) -> None:
    synthesis = TextToSpeech(models)
    np.testing.assert_array_equal(short, synthesis.speak("Come in.", "bf_emma"))
    np.testing.assert_array_equal(short, speak("Come in.", "bf_emma", models=models))
    assert not np.array_equal(short, synthesis.speak("Come in.", "bf_emma", seed=1))
    assert len(synthesis.speak("Come in.", "bf_emma", speed=2.0)) < 0.8 * len(short)


@pytest.mark.parametrize(("speed", "own"), [(0.5, 0.8), (0.8, 0.8), (1.0, 1.0), (1.3, 1.3), (3.0, 1.3)])
def test_kokoro_speaks_at_its_own_speeds_only(speed: float, own: float) -> None:
    kokoros, factor = SpeedRange(0.8, 1.3).split(speed)
    assert kokoros == own
    assert kokoros * factor == pytest.approx(speed)


def test_words_keep_their_places_where_speech_is_stretched(models: ModelBank, packaged_decoder: Decoder) -> None:
    """Half and twice as fast as Kokoro speaks: the same words, and half or twice the audio, within a unit.

    The times are twice those where speech is slower. Where it is faster, they are where the words are heard.
    """
    synthesis = TextToSpeech(models, kokoro_speeds=lambda _: SpeedRange(1.0, 1.0), decoder=packaged_decoder)
    slow, whole, fast = (list(synthesis.stream("Come in.", "bf_emma", speed=speed)) for speed in (0.5, 1.0, 2.0))
    for slower, before, faster in zip(slow, whole, fast, strict=True):
        assert len(slower.audio) == pytest.approx(len(before.audio) * 2, abs=SAMPLES_PER_UNIT)
        assert len(faster.audio) == pytest.approx(len(before.audio) / 2, abs=SAMPLES_PER_UNIT)
        assert [word.text for word in slower.words] == [word.text for word in before.words]
        assert [word.text for word in faster.words] == [word.text for word in before.words]
        for long, word, short in zip(slower.words, before.words, faster.words, strict=True):
            assert long.start == pytest.approx(word.start * 2, abs=SECONDS_PER_UNIT)
            assert long.end == pytest.approx(word.end * 2, abs=SECONDS_PER_UNIT)
            # by Kokoro's own places, each word is the same sound: its loudness is
            levels = [
                20 * np.log10(np.sqrt(np.square(one.audio[slice(*at)]).mean()))
                for one, at in ((before, _samples(word)), (faster, _samples(short)))
            ]
            assert levels[1] == pytest.approx(levels[0], abs=2.5)
            assert 0.2 * (word.end - word.start) < short.end - short.start < 0.8 * (word.end - word.start)


def _samples(word: TimedText) -> tuple[int, int]:
    return round(word.start * SAMPLE_RATE), round(word.end * SAMPLE_RATE)


def test_fast_sounds_the_same(models: ModelBank, short: np.ndarray) -> None:
    """In bfloat16 where the processor computes that faster, else in float32 as ever."""
    fast = TextToSpeech(models).speak("Come in.", "bf_emma", fast=True)
    assert fast.shape == short.shape
    assert np.array_equal(short, fast) == (precision.fast_dtype() == torch.float32)
    assert audio.active_level_db(fast, 24000) == pytest.approx(audio.active_level_db(short, 24000), abs=0.3)
    assert np.corrcoef(short, fast)[0, 1] > 0.9


def test_the_language_is_the_voices() -> None:
    assert language_of(Voice.load("bm_george")) == "en-gb"
    assert language_of(Voice.load("ef_dora:0.5,af_heart:0.5")) == "es"
    mine = replace(Voice.load("bm_george"), name="mine")
    assert language_of(mine) == "en-us"
    assert language_of(replace(mine, provenance=Provenance(language="fr"))) == "fr"
    assert language_of(replace(mine, provenance=Provenance(language="sw"))) == "sw"
    assert language_of(replace(mine, provenance=Provenance(language="ha"))) == "en-us"
    assert language_of(replace(mine, provenance=Provenance(recipe="bm_george:0.5,me:0.5"))) == "en-gb"
    assert language_of(Voice.load("zf_xiaoxiao"), "EN_GB") == "en-gb"
    assert language_of(Voice.load("af_heart"), "pt") == "pt-br"
    assert language_of(Voice.load("af_heart"), "DE") == "de"


def test_a_language_that_kokoro_did_not_learn(models: ModelBank, packaged_decoder: Decoder) -> None:
    """The same letters, read as German."""
    parts = list(text_parts("Die rote Rose? Ja!", "de", False))
    assert [word.text for word in parts[0].words] == ["Die", "rote", "Rose?"]
    assert parts[0].phonemes == "diː ʁˈoːtə ʁˈoːzə? "
    said = list(TextToSpeech(models, decoder=packaged_decoder).stream("Die rote Rose?", "af_heart", "de"))
    assert [word.text for word in said[0].words] == ["Die", "rote", "Rose?"]
    assert 0.5 < len(said[0].audio) / 24000 < 2.5


def test_words_that_are_run_together_are_spoken_so() -> None:
    parts = list(text_parts("Qu'est-ce que c'est ?\n\nVoilà.", "fr", False))
    for part in parts:
        assert len(part.words) == 1 or not all(word.phonemes.endswith(" ") for word in part.words[:-1])
    assert "".join(phoneme_strings(parts)) == " ".join(part.phonemes.strip() for part in parts)


def test_a_word_of_ten_thousand_letters_is_taken_apart() -> None:
    parts = list(text_parts("a" * 10_000, "en", False))
    assert len(parts) > 10
    assert sum(len(word.text) for part in parts for word in part.words) == 10_000


def test_a_voice_is_tried_in_its_language_where_that_is_installed(monkeypatch) -> None:
    assert sentence_for(Voice.load("bm_george")) == (SENTENCES["en"], "en-gb")
    assert sentence_for(Voice.load("pf_dora")) == (SENTENCES["pt"], "pt-br")
    assert set(SENTENCES) == {iso_639(language) for language in VOICE_LANGUAGES.values()}
    monkeypatch.setattr("nuanced_speech.text.languages.find_spec", lambda module: None)
    assert sentence_for(Voice.load("jf_alpha")) == (SENTENCES["en"], "en-us")
    monkeypatch.setattr("nuanced_speech.text.languages.find_spec", lambda module: module)
    assert sentence_for(Voice.load("jf_alpha")) == (SENTENCES["ja"], "ja")


def test_voices_in_the_text_are_found_as_the_caller_says(models: ModelBank) -> None:
    asked = []

    def find(name: str) -> Voice:
        asked.append(name)
        raise UserError(f"{name}: not here")

    with pytest.raises(UserError, match="not here"):
        TextToSpeech(models).stream("Yes. [voice:am_michael] No.", find_voice=find)
    assert asked == ["am_michael"]
