"""The command line: ``nuanced-speech`` and the names in ``COMMANDS``.

The module of a command is imported when its name is given: all of them together take a third of a second.
"""

import logging
import sys
import warnings
from collections.abc import Callable, Collection
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from nuanced_speech.cli.options import translating_errors, with_threads
from nuanced_speech.core.errors import UserError
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
    "models": "models",
}
# Groups that compute nothing, and so have no use for --threads.
_WITHOUT_THREADS = ("models",)


class _InOrder(TyperGroup):
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


def make_app(names: Collection[str] = tuple(COMMANDS)) -> typer.Typer:
    """The command line with these commands; all by default."""
    app = typer.Typer(
        cls=_InOrder,
        help="Speech to speech: another voice or other words, with the melody, rhythm and loudness of a recording. "
        "Start with: nuanced-speech convert in.wav out.wav",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_main)
    for name in names:
        loaded = _load(name)
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name)
        else:
            app.command(name)(loaded)
    return app


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and its exit status, mostly 1."""
    let_idle_threads_sleep()
    logging.getLogger("nuanced_speech").setLevel(logging.INFO)
    # log messages appear above a bar: unlike a handler of our own, this one asks for standard error each time
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.INFO)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch|whisper|spacy|transformers")
    asked = sys.argv[1:2]
    try:
        make_app(asked if asked and asked[0] in COMMANDS else tuple(COMMANDS))()
    except UserError as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        console.print("interrupted: no half-written file was left behind")
        sys.exit(130)
