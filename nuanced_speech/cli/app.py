"""The command line: ``nuanced-speech`` and the names in ``COMMANDS``."""

import logging
import sys
import warnings
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from nuanced_speech.cli.clone import clone, detect, mix
from nuanced_speech.cli.convert import convert
from nuanced_speech.cli.describe import describe
from nuanced_speech.cli.evaluate import evaluate
from nuanced_speech.cli.models import app as models_app
from nuanced_speech.cli.options import translating_errors, with_threads
from nuanced_speech.cli.plot import plot
from nuanced_speech.cli.say import say
from nuanced_speech.cli.serve import serve
from nuanced_speech.cli.train import app as train_app
from nuanced_speech.cli.tts.app import app as tts_app
from nuanced_speech.cli.voices import app as voices_app
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.threads import let_idle_threads_sleep
from nuanced_speech.core.version import __version__

# As --help lists them.
COMMANDS = (
    "convert",
    "say",
    "serve",
    "clone",
    "mix",
    "describe",
    "voices",
    "detect",
    "evaluate",
    "plot",
    "tts",
    "train",
    "models",
)
# Groups that compute nothing, and so have no use for --threads.
_WITHOUT_THREADS = ("models",)


class _InOrder(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=COMMANDS.index)


app = typer.Typer(
    cls=_InOrder,
    help="Speech to speech: another voice or other words, with the melody, rhythm and loudness of a recording. "
    "Start with: nuanced-speech convert in.wav out.wav",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version of this program.")
    ] = False,
) -> None:
    pass


def _complete(group: typer.Typer, threads: bool = True) -> None:
    """Give all commands of a group, and of the groups below it, what ``cli.options`` has for all."""
    for command in group.registered_commands:
        if command.callback is not None:
            command.callback = translating_errors(command.callback)
            command.callback = with_threads(command.callback) if threads else command.callback
    for below in group.registered_groups:
        if below.typer_instance is not None:
            _complete(below.typer_instance, threads and below.name not in _WITHOUT_THREADS)


for _command in (convert, say, serve, clone, mix, describe, detect, evaluate, plot):
    app.command()(_command)
for _name, _group in (("voices", voices_app), ("tts", tts_app), ("train", train_app), ("models", models_app)):
    app.add_typer(_group, name=_name)
_complete(app)


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit status 1."""
    let_idle_threads_sleep()
    logging.getLogger("nuanced_speech").setLevel(logging.INFO)
    # log messages appear above a bar: unlike a handler of our own, this one asks for standard error each time
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.INFO)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch|whisper|spacy|transformers")
    try:
        app()
    except UserError as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("interrupted: no half-written file was left behind")
        sys.exit(130)
