"""Several recordings, and several texts, at the same time: each is what it is alone."""

from __future__ import annotations

import threading
from copy import copy
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.audio import Recording
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert import segments
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.many import _with_decoder, convert_many
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.jobs import ALONE, Spread
from nuanced_speech.models.batched_decoder import batched
from nuanced_speech.models.decoder import KokoroDecoder
from nuanced_speech.synthesis.resynthesizer import Rendered, Resynthesizer
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.synthesis.text_to_speech import TextToSpeech

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ConversionOptions(voice="af_heart", path="direct")
TEXT = "Yes. [voice:am_michael]No, not now. [voice:bf_emma]Perhaps."


def test_recordings_at_the_same_time_are_what_they_are_alone(quick: Converter, clip: Path) -> None:
    wave, rate = audio.read(clip), audio.SAMPLE_RATE
    parts = [Recording(wave[round(begin * rate) : round(end * rate)], rate) for begin, end in ((1, 1.6), (2, 2.8))]
    alone = [quick.convert(part, OPTIONS).audio for part in parts]
    threads = torch.get_num_threads()
    made = [one.audio for one in convert_many(quick, iter(parts), OPTIONS, Spread(2, threads))]
    assert all(np.array_equal(a, b) for a, b in zip(alone, made, strict=True))
    batched = [one.audio for one in convert_many(quick, parts, OPTIONS, Spread(2, threads, 60))]
    # within what batches may change, and the effects after them amplify
    for one, other in zip(alone, batched, strict=True):
        assert one.shape == other.shape and float(np.abs(one - other).max()) < 1e-3


def test_segments_of_one_recording_at_the_same_time_are_what_they_are_alone(quick: Converter, clip: Path) -> None:
    recording = Recording(audio.read(clip)[24_000:72_000], audio.SAMPLE_RATE)

    def thirds(wave: np.ndarray) -> list[Segment]:
        cuts = [len(wave) // SAMPLES_PER_UNIT * k // 3 for k in range(4)]
        return [Segment(begin, end, begin, end) for begin, end in pairwise(cuts)]

    spread = Spread(3, torch.get_num_threads(), 60)
    converter, several = (
        Converter(quick.models, decoder=quick.decoder, segmenter=thirds, spread=one)  # type: ignore[arg-type]
        for one in (ALONE, spread)
    )
    names, speak = set[str](), several.resynthesizer.from_content

    def named(*arguments: Any) -> Rendered:
        names.add(threading.current_thread().name)
        return speak(*arguments)

    several.resynthesizer.from_content = named  # type: ignore[method-assign]
    one, other = (each.convert(recording, OPTIONS) for each in (converter, several))
    # within what batches may change, and the effects after them amplify
    assert one.audio.shape == other.audio.shape and float(np.abs(one.audio - other.audio).max()) < 1e-3
    assert other.seconds["decode"] > 0 and names and all(name.startswith("job") for name in names)


def test_segments_wait_for_the_equaliser_that_they_need() -> None:
    """Fitted to the second of four."""
    under: list[int] = []

    def speak(number: Any, voice: TargetVoice) -> Rendered:
        under.append(number)
        fitted = replace(voice, equalizer=object()) if number == 1 else voice  # type: ignore[arg-type]
        if number > 1:
            met.wait()
        return Rendered(np.full(2, number, np.float32), fitted)

    met = threading.Barrier(2, timeout=20)
    voice = replace(TargetVoice.own(), speaker=torch.ones(256))
    made = segments.spoken(speak, [0, 1, 2, 3], voice, Spread(4, torch.get_num_threads()))  # type: ignore[list-item]
    assert [next(made)[0], next(made)[0]] == [0, 1] and under == [0, 1]
    assert [wave[0] for wave in made] == [2, 3]


def test_texts_and_utterances_at_the_same_time_are_what_they_are_alone(quick: Converter) -> None:
    threads = torch.get_num_threads()
    alone = TextToSpeech(quick.models, decoder=quick.decoder)
    several = TextToSpeech(quick.models, decoder=quick.decoder, spread=Spread(2, threads))
    sentences, others = ([*speech.stream(TEXT)] for speech in (alone, several))
    assert len(sentences) == len(others) == 3
    for one, other in zip(sentences, others, strict=True):
        assert np.array_equal(one.audio, other.audio) and one.words == other.words and one.after == other.after
    # from where it was broken off
    rest = [*several.stream(TEXT, start=sentences[0].after)]
    assert [part.utterance for part in rest] == [1, 2] and np.array_equal(rest[-1].audio, sentences[-1].audio)
    # a lone text is spread itself
    names = set[str]()

    class Named(KokoroDecoder):
        def __call__(self, *arguments: Any, **others: Any) -> Any:
            names.add(threading.current_thread().name)
            return super().__call__(*arguments, **others)

    [lone] = TextToSpeech(quick.models, decoder=Named(quick.models), spread=Spread(2, threads)).speak_many([TEXT])
    assert len(lone) > 1000 and all(name.startswith("job") for name in names)
    texts = ["Yes.", "No, not now.", "Perhaps."]
    spoken = [*several.speak_many(iter(texts), "af_heart", seed=3)]
    assert all(np.array_equal(a, alone.speak(t, "af_heart", seed=3)) for a, t in zip(spoken, texts, strict=True))
    batches = TextToSpeech(quick.models, decoder=quick.decoder, spread=Spread(3, threads, 60))
    for one, other in zip(spoken, batches.speak_many(texts, "af_heart", seed=3), strict=True):
        assert one.shape == other.shape and float(np.abs(one - other).max()) < 1e-3


def test_what_is_wrong_is_told_at_its_item(quick: Converter, tmp_path: Path) -> None:
    missing = tmp_path / "missing.wav"
    with pytest.raises(UserError, match=r"missing\.wav"):
        [*convert_many(quick, [missing, missing], OPTIONS, Spread(2))]
    spoken = TextToSpeech(quick.models, decoder=quick.decoder, spread=Spread(2)).speak_many(["Yes.", "…"])
    assert len(next(spoken)) > 1000
    with pytest.raises(UserError, match="nothing speakable"):
        next(spoken)


def test_ctrl_c_breaks_all_conversions_off(quick: Converter) -> None:
    begun, ended = threading.Barrier(2, timeout=20), threading.Event()

    def convert(source: str, options: ConversionOptions, progress: Any) -> None:
        begun.wait()
        if source == "first":
            raise KeyboardInterrupt
        try:
            while True:
                progress(0.1)
        finally:
            ended.set()

    converter = copy(quick)
    converter.convert = convert  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        [*convert_many(converter, ["first", "second"], OPTIONS, Spread(2))]
    assert ended.is_set()


def test_another_decoder_leaves_all_else_as_it_was(quick: Converter) -> None:
    own = Resynthesizer(quick.models, cleaner=(0.5,), decoder=quick.decoder)
    converter = Converter(quick.models, resynthesizer=own, reader=lambda *_: np.zeros(9, np.float32))
    decoder = batched(own.decoder, 30)
    other = _with_decoder(converter, decoder)
    assert other.decoder is other.resynthesizer.decoder is decoder and own.decoder is quick.decoder
    assert other.resynthesizer.cleaner == (0.5,) and other.resynthesizer.content is own.content
    assert other.reader is converter.reader and other.voices is converter.voices
    assert converter.resynthesizer is own
