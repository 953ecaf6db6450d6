"""``nuanced-speech say``: text to a file, or to a pipe while it is being made."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuanced_speech.cli.arguments import Device, Dictionary, SynthesisSeed
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nuanced_speech.synthesis.speaking import SpokenSentence
    from nuanced_speech.text.dictionary import Dictionary as Pronunciations


Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[TEXT] OUT",
        help="Text to speak (- for standard input, none with --file) and the file to write: WAV, FLAC or OGG by its "
        "name, or - for WAV on standard output, which begins before the last sentence is made.",
    ),
]
Voice = Annotated[
    str, typer.Option(help="Voice: a stock voice (af_heart), a mix (af_heart:0.7,bm_george:0.3) or a voice pack file.")
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


Ssml = Annotated[bool, typer.Option("--ssml", help="Text in SSML: <speak> with break, say-as, phoneme, sub, prosody.")]
ShowText = Annotated[
    bool,
    typer.Option("--show-text", help="Print the words that would be spoken, a sentence a line, and write no file."),
]


def say(
    words: Words,
    voice: Voice = "af_heart",
    file: Annotated[Path | None, typer.Option(help="Text file (UTF-8) to speak.")] = None,
    speed: Speed = 1.0,
    pause: Pause = 0.4,
    language: Language = None,
    timestamps: Timestamps = None,
    dictionary: Dictionary = None,
    ssml: Ssml = False,
    show_text: ShowText = False,
    like: Like = None,
    fast: Fast = False,
    seed: SynthesisSeed = 0,
    device: Device = "cpu",
) -> None:
    """Say a text of any length with any voice.

    Examples:

      nuanced-speech say "Good morning." hello.wav --voice bf_emma

      nuanced-speech say --file book.txt book.ogg --timestamps book.srt

      nuanced-speech say "[Kokoro](/kˈOkəɹO/) says hello. [pause:1s] Bye." - | aplay

      nuanced-speech say --show-text "It costs $5.2M, at 10:30am."

      nuanced-speech say "I can hardly believe it!" wow.wav --like excited.wav

      echo "Hola, ¿qué tal?" | nuanced-speech say - hola.flac --voice ef_dora --speed 0.9
    """
    text, out = _text([*words, ""] if show_text else words, file)
    # imported here, since torch takes seconds to import and --help does not need it
    if ssml:
        from nuanced_speech.text.ssml import from_ssml

        text = from_ssml(text)
    pronunciations = None
    if dictionary is not None:
        from nuanced_speech.text.dictionary import read_dictionary

        pronunciations = read_dictionary(dictionary)
    if show_text:
        _show(text, voice, language, pronunciations)
        return
    _check_files(out, timestamps, file, (dictionary, like))
    from nuanced_speech.core.device import check_device
    from nuanced_speech.models.bank import shared_bank
    from nuanced_speech.synthesis.delivery import DeliveryAnalyzer
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech, language_of
    from nuanced_speech.text.languages import UNSPACED_LANGUAGES
    from nuanced_speech.voice.voice import Voice as LoadedVoice

    check_device(device)
    chosen = LoadedVoice.load(voice)
    models = shared_bank(device)
    delivery = None if like is None else DeliveryAnalyzer(models)(like)
    sentences = TextToSpeech(models).stream(text, chosen, language, speed, pause, seed, fast, pronunciations, delivery)
    _write(sentences, out, chosen.mark, timestamps, language_of(chosen, language) not in UNSPACED_LANGUAGES)


def _check_files(
    out: str, timestamps: Path | None, text_file: Path | None, others: tuple[Path | None, ...] = ()
) -> None:
    """Find out before anything is loaded whether the results can be written.

    Raises:
        UserError: they cannot, or would overwrite one of the files that are read, or each other.
    """
    from nuanced_speech import audio
    from nuanced_speech.cli.piping import check_output
    from nuanced_speech.cli.work import STANDARD
    from nuanced_speech.synthesis import timestamps as times

    check_output(out)
    if out != STANDARD:
        audio.check_writable(out)
        check_apart(out, text_file, *others)
    if timestamps is not None:
        times.check_writable(timestamps)
        if text_file is not None and timestamps.exists() and timestamps.samefile(text_file):
            raise UserError(f"{timestamps} is the text itself: give the timestamps another name")
        check_apart(timestamps, *others)


def _write(sentences: "Iterator[SpokenSentence]", out: str, mark: str, timestamps: Path | None, spaces: bool) -> None:
    """Write sentences as they are made, and then the times of their words."""
    from nuanced_speech.cli.piping import opened
    from nuanced_speech.synthesis import timestamps as times

    timed: list[SpokenSentence] = []
    with bar("speaking") as advance, opened(out, mark) as writer:
        for sentence in sentences:
            writer.write(sentence.audio)
            if timestamps is not None:
                timed.append(replace(sentence, audio=sentence.audio[:0].copy()))
            advance(sentence.share)
    if timestamps is not None:
        times.write(timestamps, timed, spaces=spaces)


def _show(text: str, voice: str, language: str | None, dictionary: "Pronunciations | None") -> None:
    """Print what is spoken for a text.

    Raises:
        UserError: an unknown voice or language, a text without anything to speak.
    """
    from nuanced_speech.synthesis.text_to_speech import language_of
    from nuanced_speech.text.frontend import spoken_sentences
    from nuanced_speech.voice.stock import iso_639
    from nuanced_speech.voice.voice import Voice as LoadedVoice

    code = iso_639(language_of(LoadedVoice.load(voice), language))
    lines = list(spoken_sentences(text, code, dictionary))
    if not lines:
        raise UserError(f"nothing speakable in the text {text.strip()[:60]!r}: give at least one word")
    print("\n".join(lines))


def _text(words: list[str], file: Path | None) -> tuple[str, str]:
    """The text to speak, and the file to write.

    Raises:
        UserError: too many or too few arguments, a file that is not there or not text, nothing to say.
    """
    if len(words) != 1 + (file is None):
        usage = 'the text and the file to write: nuanced-speech say "Hello." out.wav'
        raise UserError(f"give {'the file to write and no text besides --file' if file else usage}")
    if file is not None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UserError(f"{file} cannot be read: {error.strerror}") from error
        text = _decoded(data, str(file))
    else:
        text = _decoded(sys.stdin.buffer.read(), "standard input") if words[0] == "-" else words[0]
    return text, words[-1]


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not text in UTF-8 (byte {error.start}): save it as UTF-8 plain text") from None
    if "\0" in text:
        raise UserError(f"{name} is not plain text: it holds zero bytes")
    return text
