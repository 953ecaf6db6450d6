"""``nuanced-speech say``: text to a file, or to a pipe while it is being made."""

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, BinaryIO, Protocol

import numpy as np
import typer

from nuanced_speech import audio
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError


class _Writer(Protocol):
    def write(self, chunk: np.ndarray) -> None: ...


def say(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[TEXT] OUT",
            help="What to say (- reads standard input; leave it out with --file) and the file to write: WAV, FLAC or "
            "OGG by its name, or - for WAV on standard output, which begins before the last sentence is made.",
        ),
    ],
    voice: Annotated[
        str, typer.Option(help="A stock voice (af_heart), a mix (af_heart:0.7,bm_george:0.3) or a voice pack file.")
    ] = "af_heart",
    file: Annotated[Path | None, typer.Option(help="Say what is in this text file (UTF-8).")] = None,
    speed: Annotated[float, typer.Option(help="0.5 to 2.")] = 1.0,
    pause: Annotated[
        float, typer.Option(metavar="SECONDS", help="Between sentences; paragraphs get twice as much.")
    ] = 0.4,
    language: Annotated[
        str | None,
        typer.Option(help="en-us, en-gb, es, fr, hi, it, pt-br, ja or zh; without it, the language of the voice."),
    ] = None,
    timestamps: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="When each word (.json) or sentence (.srt, .vtt) is said."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Decoder in bfloat16: faster on newer processors, slightly less exact.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the synthesizer's noise: the same seed gives the same file.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
) -> None:
    """Say a text of any length with any voice.

    Examples:

      nuanced-speech say "Good morning." hello.wav --voice bf_emma

      nuanced-speech say --file book.txt book.ogg --timestamps book.srt

      nuanced-speech say "[Kokoro](/kˈOkəɹO/) says hello." - | aplay

      echo "Hola, ¿qué tal?" | nuanced-speech say - hola.flac --voice ef_dora --speed 0.9
    """
    text, out = _text(words, file)
    if out != "-":
        audio.check_writable(out)
    elif sys.stdout.isatty():
        raise UserError("standard output is a terminal: pipe it to a player, or name a file to write")
    if timestamps is not None:
        from nuanced_speech.synthesis import timestamps as times

        times.check_writable(timestamps)
        if file is not None and timestamps.exists() and timestamps.samefile(file):
            raise UserError(f"{timestamps} is the text itself: give the timestamps another name")
    # torch takes seconds to import: not for --help
    from nuanced_speech.core.device import check_device
    from nuanced_speech.synthesis.text_to_speech import Spoken, language_of, stream
    from nuanced_speech.voice.voice import Voice

    check_device(device)
    chosen = Voice.load(voice)
    spoken = stream(text, chosen, language, speed, pause, seed, device, fast)
    said: list[Spoken] = []
    with bar("saying") as advance, _writer(out, chosen.mark) as writer:
        for sentence in spoken:
            writer.write(sentence.audio)
            if timestamps is not None:
                said.append(replace(sentence, audio=sentence.audio[:0].copy()))
            advance(sentence.share)
    if timestamps is not None:
        times.write(timestamps, said, spaces=language_of(chosen, language) not in ("ja", "zh"))


def _text(words: list[str], file: Path | None) -> tuple[str, str]:
    """What to say and where to.

    Raises:
        UserError: too many or too few arguments, a file that is not there or not text, nothing to say.
    """
    if len(words) != 1 + (file is None):
        wanted = 'the text and the file to write: nuanced-speech say "Hello." out.wav'
        raise UserError(f"give {'the file to write and no text besides --file' if file else wanted}")
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


@contextmanager
def _writer(out: str, comment: str) -> Iterator[_Writer]:
    if out != "-":
        with audio.AudioWriter(out, comment=comment) as writer:
            yield writer
        return
    try:
        yield _PipedWav(sys.stdout.buffer, comment)
    except BrokenPipeError:
        # the player was closed: nothing can be flushed to it at exit either
        sys.stdout = None
        raise typer.Exit(1) from None


class _PipedWav:
    """WAV of unknown length: sizes at their largest, as players take for "until the end"."""

    def __init__(self, pipe: BinaryIO, comment: str) -> None:
        self.pipe = pipe
        rate, unknown = audio.SAMPLE_RATE, 0xFFFFFFFF
        form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        size = struct.pack("<I", unknown)
        text = comment.encode() + b"\0"
        text += b"\0" * (len(text) % 2)
        info = b"INFOICMT" + struct.pack("<I", len(text)) + text
        marked = b"LIST" + struct.pack("<I", len(info)) + info
        pipe.write(b"RIFF" + size + b"WAVEfmt " + form + marked + b"data" + size)
        pipe.flush()

    def write(self, chunk: np.ndarray) -> None:
        self.pipe.write(audio.to_int16(chunk).astype("<i2").tobytes())
        self.pipe.flush()
