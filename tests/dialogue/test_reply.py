"""Spoken answers: real recording, real language model, real voice; and what is refused."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from helpers import CLIP_WORDS, SAMPLE, Ended

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import Conversation, Message, Turn
from nuanced_speech.dialogue.language_model import Sampling
from nuanced_speech.dialogue.listener import Listener, Question
from nuanced_speech.dialogue.local_model import LocalModel
from nuanced_speech.dialogue.replier import AnswerEvent, Replier, ReplyConfig, SpeechEvent, TextEvent
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.sentences import split_sentences
from nuanced_speech.voice.voice import Voice

if TYPE_CHECKING:
    from nuanced_speech.convert.converter import Converter

Run = Callable[..., Ended]


class Prepared:
    """A language model with an answer that is known, given word by word."""

    name = "prepared"

    def __init__(self, answer: str, endless: bool = False) -> None:
        self.answer, self.endless, self.asked = answer, endless, list[Sequence[Message]]()
        self.closed = threading.Event()

    def load(self) -> None: ...

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str]:
        self.asked.append(messages)
        try:
            yield from (f"{word} " for word in self.answer.split(" "))
            while self.endless:
                time.sleep(0.01)
                yield "more "
        finally:
            self.closed.set()


def replier(converter: Converter, model: Prepared | LocalModel) -> Replier:
    models = converter.models
    listener = Listener(models, converter.analyzer, converter.speakers)
    return Replier(
        models, model, listener, TextToSpeech(models, decoder=converter.decoder), ReplyConfig(Sampling(tokens=12))
    )


@pytest.fixture(scope="session")
def question(quick: Converter, clip: Path) -> Question:
    """The clip of the tests as it was heard."""
    return Listener(quick.models, quick.analyzer, quick.speakers)(audio.read(clip))


@pytest.mark.slow
def test_a_real_question_is_heard_answered_and_spoken_in_its_own_voice(
    quick: Converter, question: Question, small_model: LocalModel
) -> None:
    assert question.text.lower().rstrip(".") == CLIP_WORDS and question.language == "en"
    assert question.voice is not None and len(question.voice.pack) == 1 and question.voice.provenance.cloned
    answering = replier(quick, small_model)
    events = list(answering.answer(question, Conversation("Answer with one short sentence.")))
    spoken = [event.sentence for event in events if isinstance(event, SpeechEvent)]
    text = "".join(event.text for event in events if isinstance(event, TextEvent)).strip()
    assert isinstance(events[-1], AnswerEvent)
    (turn,) = events[-1].conversation.turns
    assert turn == Turn(question.text, question.tone, turn.answer)
    assert turn.answer and " ".join(text.split()).startswith(turn.answer)
    heard = quick.models.transcriber.transcribe(
        audio.resample(np.concatenate([s.audio for s in spoken]), audio.SAMPLE_RATE, 16_000)
    )
    words = {word.strip(".,!?").lower() for word in heard.text.split()}
    first = next(split_sentences(turn.answer)).lower().split()
    assert sum(word.strip(".,!?") in words for word in first) >= 0.5 * len(first)


@pytest.mark.slow
def test_the_first_sentence_is_spoken_before_the_last_is_written(quick: Converter, question: Question) -> None:
    """Closing the answer stops the language model; what it was asked has the delivery in brackets."""
    model = Prepared("Yes. Good. And", endless=True)
    talk = Conversation("Be brief.", (Turn("Hello?", "", "Hello."),))
    calm = Question("Who is there?", "en", question.delivery, "slow, quiet", None)
    events = replier(quick, model).answer(calm, talk, Voice.load("af_heart"))
    times = []
    for event in events:
        if isinstance(event, SpeechEvent):
            times.append(event.sentence.words[0].start)
            if len(times) == 2:
                break
    events.close()  # type: ignore[attr-defined]
    assert len(times) == 2 and model.closed.wait(20)
    assert [m.content for m in model.asked[0]] == ["Be brief.", "Hello?", "Hello.", "Who is there? (slow, quiet)"]
    # the second sentence after the first one and a pause
    assert times[1] > times[0] + 0.5


def test_an_answer_without_words_is_refused(quick: Converter, question: Question) -> None:
    with pytest.raises(UserError, match="gave no answer that can be spoken"):
        list(replier(quick, Prepared("*** ...")).answer(question, Conversation(), Voice.load("af_heart")))


def test_a_recording_without_a_voice_is_refused(quick: Converter) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, audio.SAMPLE_RATE).astype(np.float32)
    with pytest.raises(UserError, match="^question: there is no voice in the recording"):
        next(replier(quick, Prepared("Yes.")).reply(noise))


def test_only_the_speech_of_a_question_is_heard(quick: Converter, clip: Path) -> None:
    heard: list[np.ndarray] = []

    def transcribe(wave: np.ndarray, language: str | None, **options: Any) -> Transcript:
        heard.append(wave)
        return quick.models.transcriber.transcribe(wave, language, **options)

    speech = audio.read(clip)
    noise = np.random.default_rng(0).normal(0, 0.1, 5 * audio.SAMPLE_RATE).astype(np.float32)
    models = ModelBank(loaded={"feature_extractor": SimpleNamespace(name="base", transcribe=transcribe)})
    listener = Listener(models, quick.analyzer, quick.speakers)
    shares: list[float] = []
    asked = listener(np.concatenate([noise, speech, noise]), "en", own_voice=False, progress=shares.append)
    assert asked.text.lower().rstrip(".") == CLIP_WORDS
    (wave,) = heard
    assert shares == sorted(shares) and len(shares) >= 2 and shares[-1] == pytest.approx(1.0)
    assert len(wave) / audio.WHISPER_SAMPLE_RATE < len(speech) / audio.SAMPLE_RATE + 1


@pytest.mark.slow
def test_the_command_keeps_the_conversation(
    quick: Converter, run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuanced_speech.models.bank.ModelBank", lambda *_: quick.models)
    monkeypatch.setattr("nuanced_speech.dialogue.choice.LocalModel", lambda file: Prepared("Good day."))
    out, talk = tmp_path / "answer.wav", tmp_path / "talk.json"
    options = ("--voice", "af_heart", "--conversation", talk, "--system", "Say one word.", "--whisper", "tiny.en")
    ended = run("reply", clip, out, "--show", *options)
    assert ended.status == 0, ended.err
    assert (
        f"heard: {CLIP_WORDS}" in ended.err.lower() and "delivery: " in ended.err and "answer: Good day." in ended.err
    )
    assert len(audio.read(out)) > 0.3 * audio.SAMPLE_RATE
    assert "af_heart" in (audio.synthetic_mark(out) or "")
    (turn,) = Conversation.read(talk).turns
    assert Conversation.read(talk).system == "Say one word." and turn.answer == "Good day."


@pytest.mark.slow
def test_the_command_answers_in_the_voice_of_a_recording(
    quick: Converter, run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its speaker's consent, as ``say``; the models are those of the command. The question comes out of a pipe."""
    made: list[tuple[object, ...]] = []

    def clone(recordings: list[str], name: str, consent: str, models: object, progress: object) -> SimpleNamespace:
        made.append((recordings, name, consent, models))
        return SimpleNamespace(voice=replace(Voice.load("af_heart"), name=name))

    monkeypatch.setattr("nuanced_speech.voicemaking.cloning.clone", clone)
    monkeypatch.setattr("nuanced_speech.models.bank.ModelBank", lambda *_: quick.models)
    monkeypatch.setattr("nuanced_speech.dialogue.choice.LocalModel", lambda file: Prepared("Good day."))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(clip.read_bytes())))
    options = ("--voice", SAMPLE, "--i-have-consent", "read for LibriVox", "--whisper", "tiny.en", "--decoder", "fast")
    ended = run("reply", "-", tmp_path / "answer.wav", *options)
    assert ended.status == 0, ended.err
    assert made == [([str(SAMPLE)], "recording", "read for LibriVox", quick.models)]
    assert (audio.synthetic_mark(tmp_path / "answer.wav") or "").startswith(f"{audio.SYNTHETIC}; voice: recording")


@pytest.mark.slow
def test_a_failing_endpoint_leaves_no_file(
    quick: Converter, run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuanced_speech.models.bank.ModelBank", lambda *_: quick.models)
    options = ("--llm-url", "http://127.0.0.1:9/v1", "--llm-model", "any", "--conversation", tmp_path / "talk.json")
    ended = run("reply", clip, tmp_path / "answer.wav", *options, "--voice", "af_heart")
    assert ended.status == 1 and not list(tmp_path.iterdir())
    assert ended.err.startswith("error: --llm-url: http://127.0.0.1:9/v1 cannot be reached")
    assert len(ended.err.splitlines()) == 1


def test_wrong_files_are_refused_before_anything_is_loaded(run: Run, clip: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.wav"
    (tmp_path / "talk.json").write_text("[]", encoding="utf-8")
    for arguments, message in (
        ((clip, tmp_path / "none" / "a.wav"), "cannot write"),
        ((clip, answer, "--conversation", tmp_path), "is a folder"),
        ((clip, answer, "--conversation", tmp_path / "talk.json"), "not a conversation"),
        ((clip, answer, "--system", " "), "--system: give a role"),
        ((clip, answer, "--voice", "af_hearth"), "did you mean af_heart"),
        ((clip, answer, "--voice", clip), "is a recording: say who agreed to its voice"),
        ((clip, answer, "--llm-url", "localhost"), "--llm-url: 'localhost' is no address"),
        ((clip, answer, "--llm-model", "none.gguf"), "none.gguf: no such file"),
        ((clip, answer, "--language", "xx"), "unknown language 'xx'"),
    ):
        ended = run("reply", *arguments)
        assert ended.status == 1 and message in ended.err, ended.err
    assert not answer.exists()


def test_the_server_refuses_a_language_model_that_is_none_before_it_starts(run: Run) -> None:
    for options, message in (
        (("--llm-url", "localhost"), "--llm-url: 'localhost' is no address"),
        (("--llm-model", "none.gguf"), "none.gguf: no such file"),
    ):
        ended = run("serve", "--port", 0, *options)
        assert ended.status == 1 and message in ended.err, ended.err
