"""``nuanced-speech plot``: a plot of a recording."""

from pathlib import Path
from typing import Annotated

import typer

# As ``evaluate.recording_plot.PANELS``, which imports numpy: too slow for --help.
PANELS = "waveform,spectrogram,mel,f0"


def plot(
    recording: Annotated[Path, typer.Argument(metavar="IN", help="Recording or video, of any length.")],
    out: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="Plot to write, .png or .svg. IN's name with .png, here, if omitted."),
    ] = None,
    panels: Annotated[str, typer.Option(help="Panels from top to bottom, separated by commas.")] = PANELS,
    formants: Annotated[
        bool, typer.Option("--formants", help="Resonances of the vocal tract, as dots on the spectrogram.")
    ] = False,
    start: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Start of the plotted stretch.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="End of the plotted stretch. The whole if omitted.")
    ] = None,
    max_hz: Annotated[float, typer.Option(min=500, max=12000, help="Upper edge of the spectrogram.")] = 8000.0,
) -> None:
    """Draw a recording: waveform, spectrogram, mel spectrogram and F0, against seconds and hertz.

    Examples:

      nuanced-speech plot in.wav

      nuanced-speech plot in.mp3 vowels.svg --panels spectrogram,f0 --formants --start 2 --end 3.5
    """
    from nuanced_speech.evaluate.recording_plot import draw

    target = out or Path(recording.stem + ".png")
    names = tuple(name.strip() for name in panels.split(",") if name.strip())
    draw(recording, target, names, formants, start, end, max_hz)
    typer.echo(f"plot: {target}", err=True)
