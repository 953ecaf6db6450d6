"""The one place that imports matplotlib first, and that says what to install where it is missing."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def require_matplotlib() -> None:
    """Check that plots can be drawn, before long work that ends in one.

    Raises:
        UserError: matplotlib is not installed; the message names the extra.
    """
    if find_spec("matplotlib") is None:
        raise UserError('plots need matplotlib: pip install "nuanced-speech[plots]"')


def new_figure(**options: Any) -> "Figure":
    """An empty figure that needs no screen; ``options`` are those of matplotlib's ``Figure``.

    Raises:
        UserError: as ``require_matplotlib``.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(**options)
    FigureCanvasAgg(figure)
    return figure
