"""The command line: ``nuanced-speech`` and the names in ``COMMANDS``.

The module of a command is imported when its name is given: all of them together take a third of a second.
"""

import logging
import sys
import warnings
from collections.abc import Callable, Collection
from contextlib import suppress
from errno import EPIPE
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from nuanced_speech.cli.options import translating_errors, with_threads
from nuanced_speech.cli.signals import Terminated, drop_output, ending_in_order, flush_output
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import NO_ROOM
from nuanced_speech.core.threads import let_idle_threads_sleep
from nuanced_speech.core.version import __version__

# Commands and groups of commands, as --help lists them, with their modules.
COMMANDS = {
    "convert": "convert",
    "say": "say",
    "live": "live",
    "reply": "reply",
    "serve": "serve",
    "clone": "clone",
    "mix": "clone",
    "describe": "describe",
    "voices": "voices",
    "detect": "clone",
    "evaluate": "evaluate",
    "plot": "plot",
    "tts": "tts.app",
    "train": "train",
    "export": "export",
    "models": "models",
}
# First paragraphs of their help, which the list of commands shows without the import of all modules.
SUMMARIES = {
    "convert": "Speak a recording again: its words, melody, rhythm and loudness, in its own voice or another.",
    "say": "Say a text of any length with any voice.",
    "live": "Convert a voice while it speaks, from the microphone to the speaker. Ctrl-C ends it.",
    "reply": "Answer a spoken question aloud, in the tone of the question.",
    "serve": "Serve speech, transcripts, conversion and voices over HTTP, for clients of OpenAI and ElevenLabs.",
    "clone": "Make a voice from recordings of a speaker who agreed to it: NAME.pt, NAME.npz and NAME.safetensors.",
    "mix": "Make a voice from others: mixtures, sums and differences.",
    "describe": "Make a voice from a description, and print the requested and the measured attributes.",
    "voices": "Voices: list them, show one, let one speak, draw a map.",
    "detect": "Print the mark of synthetic audio in the metadata of files.",
    "evaluate": "Convert a folder of recordings with several systems and measure words, voice, melody, loudness, "
    "quality, speed.",
    "plot": "Draw a recording: waveform, spectrogram, mel spectrogram and F0, against seconds and hertz.",
    "tts": "Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    "train": "Make the training data and train the networks.",
    "export": "Write the text-free conversion for machines without PyTorch.",
    "models": "Model files: list them, download them ahead of time, check them.",
}
# Exit status after Ctrl-C.
INTERRUPTED = 130
# Groups that compute nothing, and so have no use for --threads.
_WITHOUT_THREADS = ("models",)


class _Group(TyperGroup):
    def get_help_option(self, ctx: Any) -> Any:
        # of an option without a value, typer checks that with pydantic, whose import takes a third of the start
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


class _InOrder(_Group):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=list(COMMANDS).index)


console = Console(stderr=True)


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version of this program.")
    ] = False,
) -> None:
    pass


def _complete(command: Callable[..., None], threads: bool) -> Callable[..., None]:
    """A command with what ``cli.options`` has for all."""
    command = translating_errors(command)
    return with_threads(command) if threads else command


def _complete_group(group: typer.Typer, threads: bool) -> None:
    """The same for all commands of a group, and of the groups below it."""
    group.info.cls = _Group
    for command in group.registered_commands:
        if command.callback is not None:
            command.callback = _complete(command.callback, threads)
    for below in group.registered_groups:
        if below.typer_instance is not None:
            _complete_group(below.typer_instance, threads)


@cache
def _load(name: str) -> typer.Typer | Callable[..., None]:
    """A command or a group of commands, complete."""
    module, threads = import_module(f"nuanced_speech.cli.{COMMANDS[name]}"), name not in _WITHOUT_THREADS
    if not hasattr(module, "app"):
        return _complete(getattr(module, name), threads)
    _complete_group(module.app, threads)
    return module.app


def _listed() -> None:
    """Stands for a command in the list of commands."""


def make_app(names: Collection[str] = tuple(COMMANDS), listed: bool = False) -> typer.Typer:
    """The command line with these commands; all by default.

    Args:
        names: names of commands.
        listed: the commands are only listed, so that none is imported.
    """
    app = typer.Typer(
        cls=_InOrder,
        help="Speech to speech: another voice or other words, with the melody, rhythm and loudness of a recording. "
        "Start with: nuanced-speech convert in.wav out.wav",
        no_args_is_help=True,
        add_completion=len(names) > 1,
        pretty_exceptions_enable=False,
    )
    app.callback()(_main)
    for name in names:
        if listed:
            app.command(name, help=SUMMARIES[name])(_listed)
            continue
        loaded = _load(name)
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name)
        else:
            app.command(name)(loaded)
    return app


def main() -> None:
    """Run the command line; whatever ends it early is one line on standard error.

    The exit status is 1 after most of a user's mistakes or where output cannot be written, 130 after Ctrl-C, 143 after
    SIGTERM.
    """
    let_idle_threads_sleep()
    logging.getLogger("nuanced_speech").setLevel(logging.INFO)
    # log messages appear above a bar: unlike a handler of our own, this one asks for standard error each time
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.INFO)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch|whisper|spacy|transformers")
    asked = sys.argv[1:2]
    status = 0
    with ending_in_order() as ending:
        try:
            make_app(asked if asked and asked[0] in COMMANDS else tuple(COMMANDS), listed=sys.argv[1:] == ["--help"])()
        except Terminated as stop:
            status = int(str(stop.code))
            _tell("stopped: no half-written file was left behind", "default")
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
            if status == INTERRUPTED:
                _tell("interrupted: no half-written file was left behind", "default")
        except KeyboardInterrupt:
            status = INTERRUPTED
            _tell("interrupted: no half-written file was left behind", "default")
        except Exception as error:
            # a signal inside a library's code is often an error of that library
            status = _failed(error) if ending.number is None else 128 + ending.number
            if ending.number is not None:
                word = "interrupted" if status == INTERRUPTED else "stopped"
                _tell(f"{word}: no half-written file was left behind", "default")
        unwritten = flush_output()
        if unwritten is not None:
            if unwritten.errno != EPIPE:  # whoever closed a pipe has read enough
                _tell(f"error: {_reason(unwritten)}")
            status = status or 1
    sys.exit(status)


def _failed(error: Exception) -> int:
    """Tell what a user can do something about, and return the exit status; anything else is raised again."""
    if isinstance(error, UserError):
        _tell(f"error: {error}")
        return error.exit_status
    if isinstance(error, OSError):
        _tell(f"error: {_reason(error)}")
    elif isinstance(error, MemoryError):
        _tell("error: there is not enough memory for this: close other programs, or give less at once")
    else:
        raise error
    return 1


def _tell(line: str, style: str = "red") -> None:
    """One line on standard error, if anybody can read it."""
    with suppress(OSError):
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _reason(error: OSError) -> str:
    """What is wrong with a file, or with standard output, which has no name."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    if error.errno in NO_ROOM:
        drop_output()
        return f"standard output cannot be written: {reason}"
    return reason
