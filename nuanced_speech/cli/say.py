"""``nuanced-speech say``: text to a file, or to a pipe while it is being made."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuanced_speech.cli.arguments import (
    STANDARD,
    BatchSeconds,
    Consent,
    Decoder,
    Device,
    Dictionary,
    Jobs,
    Loudness,
    SynthesisSeed,
    lufs,
    pronunciations_of,
)
from nuanced_speech.cli.checks import check_speech_room
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nuanced_speech.cli.book import Outputs
    from nuanced_speech.cli.speech import TextSpeaker
    from nuanced_speech.core.jobs import Spread
    from nuanced_speech.synthesis.speaking import SpokenSentence
    from nuanced_speech.text.book import Book
    from nuanced_speech.text.dictionary import Dictionary as Pronunciations


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TEXT] OUT",
        help="Text to speak (- for standard input, none with --file), or a book (.epub), and the file to write: WAV, "
        "FLAC, OGG, Opus, MP3 or M4A by its name, an audiobook (.m4b), or - for WAV on standard output, which begins "
        "before the last sentence is made.",
    ),
]
Voice = Annotated[
    str,
    typer.Option(
        help="Voice: a stock voice (af_heart), one of your own, a mix (af_heart:0.7,bm_george:0.3), a voice pack file, "
        "or a recording with --i-have-consent."
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        help="Speed, 0.5 to 3. Kokoro speaks at 0.8 to 1.3 itself. Beyond, its speech is stretched or shortened, and "
        "the pitch stays."
    ),
]
Pause = Annotated[float, typer.Option(metavar="SECONDS", help="Pause between sentences. Paragraphs get twice as much.")]
Language = Annotated[
    str | None,
    typer.Option(
        help="Language: en-us, en-gb, es, fr, hi, it, pt-br, ja, zh, or one of those that Kokoro speaks with an accent "
        "(de, nl, ru, ko, …: docs/languages.md). That of the voice if omitted."
    ),
]
Timestamps = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File for the times of the words (.json) or of the sentences (.srt, .vtt)."),
]
Like = Annotated[
    Path | None,
    typer.Option(
        metavar="RECORDING", help="Recording of speech whose melody range, pace, loudness and tone the text takes on."
    ),
]
Fast = Annotated[
    bool, typer.Option("--fast", help="Decoder in bfloat16: faster on newer processors, slightly less exact.")
]


Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Keeping of finished sentences in OUT.work until the output is whole: the same command goes on where it "
        "was broken off. A book and an audiobook are always kept.",
    ),
]
Chapters = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for a file of each chapter of a book, besides OUT or alone.")
]
ChapterFormat = Annotated[
    str, typer.Option("--format", metavar="wav|flac|ogg|…", help="Format of the files of chapters.")
]


Ssml = Annotated[bool, typer.Option("--ssml", help="Text in SSML: <speak> with break, say-as, phoneme, sub, prosody.")]
ShowText = Annotated[
    bool,
    typer.Option("--show-text", help="Print the words that would be spoken, a sentence a line, and write no file."),
]


def say(
    words: Words = None,
    voice: Voice = "af_heart",
    i_have_consent: Consent = None,
    file: Annotated[Path | None, typer.Option(help="Text file (UTF-8), or book (.epub), to speak.")] = None,
    speed: Speed = 1.0,
    pause: Pause = 0.4,
    language: Language = None,
    timestamps: Timestamps = None,
    dictionary: Dictionary = None,
    ssml: Ssml = False,
    show_text: ShowText = False,
    like: Like = None,
    loudness: Loudness = "-23",
    resume: Resume = False,
    chapters: Chapters = None,
    format: ChapterFormat = "wav",
    fast: Fast = False,
    jobs: Jobs = None,
    batch_seconds: BatchSeconds = None,
    decoder: Decoder = "kokoro",
    seed: SynthesisSeed = 0,
    device: Device = "cpu",
) -> None:
    """Say a text of any length with any voice.

    Examples:

      nuanced-speech say "Good morning." hello.wav --voice bf_emma

      nuanced-speech say --file book.txt book.ogg --timestamps book.srt

      nuanced-speech say book.epub book.m4b --voice bm_george

      nuanced-speech say "[Kokoro](/kˈOkəɹO/) says hello. [pause:1s] Bye." - | aplay

      nuanced-speech say --show-text "It costs $5.2M, at 10:30am."

      nuanced-speech say "I can hardly believe it!" wow.wav --like excited.wav

      echo "Hola, ¿qué tal?" | nuanced-speech say - hola.flac --voice ef_dora --speed 0.9
    """
    from nuanced_speech.cli.texts import book_file, given, is_audiobook

    ssml_language = _ssml_language(voice, language) if ssml else None
    book, out = given([*(words or []), ""] if show_text else words, file, ssml_language, chapters is not None)
    entries = pronunciations_of(dictionary)
    if show_text:
        _show("\n\n".join(chapter.text for chapter in book.chapters), voice, language, entries)
        return
    kept = resume or chapters is not None or book_file(words, file) is not None or is_audiobook(out)
    read = (book_file(words, file) or file, dictionary, like, Path(voice))
    outputs = _outputs(book, out, kept, chapters, format, timestamps, read)
    from nuanced_speech.cli.speech import SpeechOptions, TextSpeaker, check_voice, voice_of

    check_voice(voice, i_have_consent)
    spread = _spread(device, kept, jobs, batch_seconds, out == STANDARD)
    options = SpeechOptions(language, speed, pause, seed, fast, like, entries, device, lufs(loudness), decoder, spread)
    _speak(book, TextSpeaker(voice_of(voice, i_have_consent, device), options), outputs, out or "", timestamps)


def _spread(device: str, kept: bool, jobs: int | None, batch_seconds: float | None, piped: bool = False) -> "Spread":
    """How the utterances of a text are spread that is kept while it is spoken, or not, or goes to standard output.

    Raises:
        UserError: a device that is not usable; numbers that are not possible.
    """
    from nuanced_speech.core.device import check_device
    from nuanced_speech.core.jobs import spread_of, spread_of_one

    check_device(device)
    # somebody waits for the first clause: sixteen at a time would make it the last of a batch
    if piped and jobs is None and not batch_seconds:
        jobs = 1
    return (spread_of if kept else spread_of_one)(device, jobs, batch_seconds)


def _speak(book: "Book", speaker: "TextSpeaker", outputs: "Outputs | None", out: str, timestamps: Path | None) -> None:
    """Speak into outputs that are kept while they are made, or straight into one file or pipe."""
    if outputs is None:
        sentences = speaker.stream(book.chapters[0].text, soon=out == STANDARD)
        _write(sentences, out, speaker.voice.mark, timestamps, speaker.spaces)
        return
    from nuanced_speech.cli.book import speak_book

    speak_book(book, outputs, speaker)


def _outputs(
    book: "Book",
    out: str | None,
    kept: bool,
    chapters: Path | None,
    format: str,
    timestamps: Path | None,
    read: tuple[Path | None, ...],
) -> "Outputs | None":
    """What a text that is kept while it is spoken is written to; None for another text. All files are checked.

    Raises:
        UserError: one cannot be written, or would overwrite one of the files that are read.
    """
    _check_files(None if kept else out, book, timestamps, read)
    if not kept:
        return None
    from nuanced_speech.cli.book import Outputs

    outputs = Outputs(_file_of(out), chapters, f".{format.lower()}", timestamps)
    outputs.check(book, read)
    return outputs


def _file_of(out: str | None) -> Path | None:
    """The file of a text that is kept while it is spoken.

    Raises:
        UserError: standard output.
    """
    if out == "-":
        raise UserError("a text that is kept while it is spoken goes into a file: name one")
    return None if out is None else Path(out)


def _check_files(
    out: str | None,
    book: "Book",
    timestamps: Path | None,
    read: tuple[Path | None, ...] = (),
) -> None:
    """Find out before anything is loaded whether the results can be written.

    Raises:
        UserError: they cannot, would overwrite one of the files that are read, or each other, or the disk has too
            little room.
    """
    from nuanced_speech import audio
    from nuanced_speech.cli.piping import check_output
    from nuanced_speech.synthesis import timestamps as times

    if out is not None:
        check_output(out)
    if out is not None and out != STANDARD:
        audio.check_writable(out)
        check_apart(out, *read)
        check_speech_room(out, (chapter.text for chapter in book.chapters))
    if timestamps is not None:
        times.check_writable(timestamps)
        check_apart(timestamps, *read)


def _write(sentences: "Iterator[SpokenSentence]", out: str, mark: str, timestamps: Path | None, spaces: bool) -> None:
    """Write sentences as they are made, and then the times of their words."""
    from nuanced_speech.cli.piping import opened
    from nuanced_speech.core.constants import SAMPLE_RATE
    from nuanced_speech.synthesis import timestamps as times

    timed: list[SpokenSentence] = []
    samples = 0
    with bar("speaking") as advance, opened(out, mark) as writer:
        for sentence in sentences:
            writer.write(sentence.audio)
            samples += len(sentence.audio)
            if timestamps is not None:
                timed.append(replace(sentence, audio=sentence.audio[:0].copy()))
            advance(sentence.share, samples / SAMPLE_RATE)
    if timestamps is not None:
        times.write(timestamps, timed, spaces=spaces)


def _show(text: str, voice: str, language: str | None, dictionary: "Pronunciations | None") -> None:
    """Print what is spoken for a text.

    Raises:
        UserError: an unknown voice or language, a text without anything to speak.
    """
    from nuanced_speech.text.frontend import spoken_sentences

    lines = list(spoken_sentences(text, _language_code(voice, language), dictionary))
    if not lines:
        raise UserError(f"nothing speakable in the text {text.strip()[:60]!r}: give at least one word")
    print("\n".join(lines))


def _language_code(voice: str, language: str | None) -> str:
    """The language of a text, ISO 639-1: the given one, or the voice's.

    Raises:
        UserError: an unknown voice or language.
    """
    from nuanced_speech.synthesis.text_to_speech import language_of
    from nuanced_speech.voice.stock import iso_639
    from nuanced_speech.voice.voice import Voice as LoadedVoice

    return iso_639(language_of(LoadedVoice.load(voice), language))


def _ssml_language(voice: str, language: str | None) -> str:
    """The language of SSML, ISO 639-1: the given one, or the voice's; English if a recording gives it, which is read
    later.

    Raises:
        UserError: an unknown voice or language.
    """
    from nuanced_speech.convert.options import is_recording
    from nuanced_speech.synthesis.text_to_speech import check_language
    from nuanced_speech.voice.stock import iso_639

    if language is not None:
        return iso_639(check_language(language))
    return "en" if is_recording(voice) else _language_code(voice, None)
