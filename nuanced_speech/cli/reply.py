"""``nuanced-speech reply``: a spoken question to a spoken answer in its tone."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nuanced_speech.cli.arguments import STANDARD, Consent, Decoder, Device, SynthesisSeed, Whisper
from nuanced_speech.cli.language_model import LlmModel, LlmUrl, chosen_language_model
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.dialogue.conversation import Conversation
    from nuanced_speech.dialogue.replier import Replier
    from nuanced_speech.voice.voice import Voice as LoadedVoice

console = Console(stderr=True)
# Share of the bar that a spoken sentence leaves.
LEFT_AFTER_SENTENCE = 0.8

Question = Annotated[
    Path,
    typer.Argument(metavar="IN", help="Recording of the question, in any format and rate, or - for standard input."),
]
Answer = Annotated[
    str,
    typer.Argument(
        metavar="OUT",
        help="File to write (WAV, FLAC, OGG, Opus, MP3 or M4A by its name), or - for WAV on standard output, which "
        "begins before the answer is complete.",
    ),
]
Voice = Annotated[
    str | None,
    typer.Option(
        help="Answering voice: a stock voice (af_heart), a mix (af_heart:0.7,bm_george:0.3), a voice pack file, or a "
        "recording with --i-have-consent. The speaker's own if omitted."
    ),
]
Talk = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="JSON file that keeps the turns between calls. A missing one is made."),
]
System = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Role of the language model. That of the conversation if omitted.")
]
Language = Annotated[str | None, typer.Option(help="Language of the question (en, fr, …). Detected if omitted.")]
Show = Annotated[
    bool, typer.Option("--show", help="Transcript of the question, words for its delivery, and the answer, printed.")
]
Fast = Annotated[
    bool, typer.Option("--fast", help="Decoder in bfloat16: faster on newer processors, slightly less exact.")
]


def reply(
    question: Question,
    answer: Answer,
    voice: Voice = None,
    i_have_consent: Consent = None,
    show: Show = False,
    conversation: Talk = None,
    system: System = None,
    llm_url: LlmUrl = None,
    llm_model: LlmModel = None,
    language: Language = None,
    whisper: Whisper = "base",
    fast: Fast = False,
    decoder: Decoder = "kokoro",
    seed: SynthesisSeed = 0,
    device: Device = "cpu",
) -> None:
    """Answer a spoken question aloud, in the tone of the question.

    Examples:

      nuanced-speech reply question.wav answer.wav --show

      nuanced-speech reply question.wav answer.wav --voice af_heart --conversation talk.json

      nuanced-speech reply question.wav - --llm-url http://127.0.0.1:11434/v1 --llm-model llama3.2 | aplay

      arecord -f S16_LE -r 24000 -d 5 | nuanced-speech reply - - | aplay
    """
    _check_files(question, answer, conversation, voice)
    # imported here, since torch takes seconds to import and --help does not need it
    from nuanced_speech import audio
    from nuanced_speech.cli.checks import find_models
    from nuanced_speech.cli.piping import standard_input
    from nuanced_speech.cli.speech import check_voice, voice_of
    from nuanced_speech.core.device import check_device
    from nuanced_speech.dialogue.replier import Replier, ReplyConfig
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import load_decoder
    from nuanced_speech.models.whisper import check_language, check_size
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech

    check_device(device)
    check_size(whisper)
    if language is not None:
        check_language(language)
    turns = _conversation(conversation, system)
    if voice is not None:
        check_voice(voice, i_have_consent)
    model = chosen_language_model(llm_url, llm_model)
    find_models(whisper)
    with standard_input() if str(question) == STANDARD else nullcontext(question) as recording:
        wave = audio.read(recording)
    models = ModelBank(device, whisper)
    speech = TextToSpeech(models, decoder=load_decoder(decoder, models))
    chosen = None if voice is None else voice_of(voice, i_have_consent, device, models)
    replier = Replier(models, model, text_to_speech=speech, config=ReplyConfig(fast=fast))
    after = _answer(replier, wave, answer, turns, chosen, language, seed, show)
    if conversation is not None:
        after.write(conversation)


def _answer(
    replier: "Replier",
    wave: "np.ndarray",
    out: str,
    turns: "Conversation",
    voice: "LoadedVoice | None",
    language: str | None,
    seed: int,
    show: bool,
) -> "Conversation":
    """Speak the answer into a file, and return the conversation with it."""
    from nuanced_speech.cli.piping import opened
    from nuanced_speech.core.constants import SAMPLE_RATE
    from nuanced_speech.dialogue.replier import AnswerEvent, QuestionEvent, SpeechEvent

    with bar("listening") as advance:
        events = replier.reply(wave, turns, voice, language, seed, advance)
        first = next(events)
    assert isinstance(first, QuestionEvent)
    answering = voice or first.question.voice
    assert answering is not None
    if show:
        _print("heard", first.question.text)
        _print("delivery", first.question.tone or "plain")
    samples, left = 0, 1.0
    with bar("answering") as advance, opened(out, answering.mark) as writer:
        for event in events:
            if isinstance(event, SpeechEvent):
                writer.write(event.sentence.audio)
                # nobody knows how long the answer will be
                samples, left = samples + len(event.sentence.audio), left * LEFT_AFTER_SENTENCE
                advance(1.0 - left, samples / SAMPLE_RATE)
            elif isinstance(event, AnswerEvent):
                turns = event.conversation
    if show:
        _print("answer", turns.turns[-1].answer)
    return turns


def _print(name: str, text: str) -> None:
    console.print(f"{name}: {text}", markup=False, highlight=False, soft_wrap=True)


def _check_files(question: Path, answer: str, conversation: Path | None, voice: str | None) -> None:
    """Find out before anything is loaded whether the results can be written.

    Raises:
        UserError: they cannot, or would overwrite the question, the recording of the voice, or each other.
    """
    from nuanced_speech import audio
    from nuanced_speech.cli.piping import check_output
    from nuanced_speech.core.files import check_apart, check_replaceable

    check_output(answer)
    if answer != STANDARD:
        audio.check_writable(answer)
        check_apart(answer, question, voice, conversation)
    if conversation is not None:
        check_replaceable(conversation)
        check_apart(conversation, question, voice)


def _conversation(file: Path | None, system: str | None) -> "Conversation":
    """The conversation so far, with the role that was asked for.

    Raises:
        UserError: the file cannot be read, or the role is empty or too long.
    """
    from dataclasses import replace

    from nuanced_speech.dialogue.conversation import LONGEST_SYSTEM, Conversation

    turns = Conversation.read(file) if file is not None and file.exists() else Conversation()
    if system is None:
        return turns
    if not 0 < len(system.strip()) <= LONGEST_SYSTEM:
        raise UserError(f"system: give a role of 1 to {LONGEST_SYSTEM} characters")
    return replace(turns, system=system.strip())
