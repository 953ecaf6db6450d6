"""A map of all voices in two dimensions: voices that sound alike lie close together.

The plane is that of the two principal components of the stock voices' speaker embeddings. PNG and HTML have the same
layout, computed here in pixels; the HTML file loads no other file.
"""

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.core.plotting import new_figure
from nuanced_speech.voicemaking.attributes import ATTRIBUTES, NAMES, SEX, StockAttributes

SUFFIXES = (".png", ".html")
WIDTH, HEIGHT, MARGIN = 1500, 1000, 90
FONT, MARKED_FONT, CHARACTER = 13, 17, 0.65
COLOURS = {"f": "#c2410c", "m": "#0369a1", "own": "#15803d", "marked": "#be123c"}
TITLE = "Voices by how they sound: two principal components of speaker embeddings"
MEANINGS = {"f": "stock, female", "m": "stock, male", "own": "your own", "marked": "marked"}


@dataclass(frozen=True)
class Point:
    """One voice: its place in pixels, the details that show on hovering, and a key of ``COLOURS``."""

    name: str
    x: float
    y: float
    details: str
    kind: str

    @property
    def size(self) -> float:
        """Radius of the dot in pixels."""
        return 9.0 if self.kind == "marked" else 6.0

    @property
    def font(self) -> int:
        """Size of the label's font in pixels."""
        return MARKED_FONT if self.kind == "marked" else FONT


@dataclass(frozen=True)
class VoiceMap:
    """Points, the middles of their labels, and the meanings of the two axes."""

    points: list[Point]
    labels: list[tuple[float, float]]
    across: str
    up: str

    def save(self, path: Path) -> None:
        """Write a PNG or HTML file, by the suffix of its name.

        Raises:
            UserError: another suffix, the path cannot be written, or a PNG without matplotlib.
        """
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{path}: a map is a .png or .html file; end the name in one of them")
        with replacing(path) as temporary:
            if path.suffix.lower() == ".png":
                _draw(self, temporary)
            else:
                temporary.write_text(_page(self), encoding="utf-8")


@dataclass(frozen=True)
class MappedVoice:
    """A voice to put on the map beside the stock voices, with its ``embedding [256]`` and ``attributes [9]``."""

    name: str
    embedding: np.ndarray
    attributes: np.ndarray
    marked: bool = False


def voice_map(stock: StockAttributes, others: list[MappedVoice], marked: list[str]) -> VoiceMap:
    """The map of all stock voices and of others; ``marked`` has the names of stock voices to highlight."""
    mean = stock.embeddings.mean(0)
    axes = np.linalg.svd(stock.embeddings - mean, full_matrices=False)[2][:2]
    places = (stock.embeddings - mean) @ axes.T
    # signs so that female voices lie on the right and high voices at the top
    signs = np.sign([np.corrcoef(place, stock.values[:, k])[0, 1] for place, k in zip(places.T, (SEX, 2), strict=True)])
    axes, places = axes * signs[:, None], places * signs
    places = np.concatenate([places, np.array([v.embedding - mean for v in others]).reshape(-1, len(mean)) @ axes.T])
    low, high = places.min(0), places.max(0)
    share = (places - low) / (high - low)
    x, y = MARGIN + share[:, 0] * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - share[:, 1] * (HEIGHT - 2 * MARGIN)
    names = [*stock.names, *(voice.name for voice in others)]
    kinds = ["marked" if name in marked else name[1] for name in stock.names]
    kinds += ["marked" if voice.marked else "own" for voice in others]
    values = [*stock.values, *(voice.attributes for voice in others)]
    points = [
        Point(name, float(across), float(down), details(stock, v), kind)
        for name, across, down, v, kind in zip(names, x, y, values, kinds, strict=True)
    ]
    meanings = [_meaning(place, stock) for place in places[: len(stock.names)].T]
    return VoiceMap(points, _labels(points), *meanings)


def details(stock: StockAttributes, values: np.ndarray) -> str:
    """Attributes ``[9]`` as lines of text: words for the unusual ones, then all values."""
    lines = [f"{a.name}: {a.show(v)}" for a, v in zip(ATTRIBUTES, values, strict=True)]
    return "\n".join([stock.describe(values), *lines])


def _meaning(place: np.ndarray, stock: StockAttributes) -> str:
    """The attribute that correlates most with the places on an axis; empty if none correlates well."""
    r = np.array([np.corrcoef(place, column)[0, 1] for column in stock.values.T])
    k = int(np.abs(r).argmax())
    if abs(r[k]) < 0.5:
        return ""
    towards = ATTRIBUTES[k].high if r[k] > 0 else ATTRIBUTES[k].low
    return f"{towards} (r = {abs(r[k]):.2f} with {NAMES[k]}) →"


def _labels(points: list[Point]) -> list[tuple[float, float]]:
    """Middles of the labels, each near its point and where it covers the least; marked voices choose first."""
    boxes = [(p.x - p.size, p.y - p.size, p.x + p.size, p.y + p.size) for p in points]
    middles: dict[int, tuple[float, float]] = {}
    for k in sorted(range(len(points)), key=lambda k: points[k].kind != "marked"):
        point = points[k]
        half, tall = len(point.name) * point.font * CHARACTER / 2, point.font * 0.6
        best, least = (point.x, point.y), float("inf")
        for ring in range(5):
            for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
                away = point.size + 3 + 14 * ring
                x = point.x + np.cos(angle) * (away + half)
                y = point.y + np.sin(angle) * (away + tall)
                box = (x - half, y - tall, x + half, y + tall)
                outside = box[0] < 0 or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT
                cost = sum(_overlap(box, other) for other in boxes) + 40 * ring + 1e6 * outside
                # a label beside its dot is easier to read than one above it
                cost += 8 * abs(np.sin(angle))
                if cost < least:
                    best, least = (float(x), float(y)), cost
        middles[k] = best
        boxes.append((best[0] - half, best[1] - tall, best[0] + half, best[1] + tall))
    return [middles[k] for k in range(len(points))]


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _draw(voices: VoiceMap, path: Path) -> None:
    dots = 100
    figure = new_figure(figsize=(WIDTH / dots, HEIGHT / dots), dpi=1.5 * dots, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(HEIGHT, 0)
    axes.axis("off")
    points = 72 / dots
    for point, (x, y) in zip(voices.points, voices.labels, strict=True):
        colour = COLOURS[point.kind]
        axes.plot([point.x, x], [point.y, y], color=colour, alpha=0.25, linewidth=0.8, zorder=1)
        axes.plot(point.x, point.y, "o", color=colour, markersize=2 * point.size * points, zorder=2)
        weight = "bold" if point.kind == "marked" else "normal"
        axes.text(
            x, y, point.name, fontsize=point.font * points, ha="center", va="center", weight=weight, color="#1f2937",
            parse_math=False, zorder=3, bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    grey: dict[str, Any] = {"fontsize": 12 * points, "color": "#6b7280"}
    axes.text(WIDTH / 2, 20, TITLE, ha="center", va="top", **grey)
    axes.text(WIDTH - 20, HEIGHT - 14, voices.across, ha="right", va="bottom", **grey)
    axes.text(20, 20, voices.up, ha="left", va="top", rotation=90, **grey)
    for k, kind in enumerate(_legend(voices)):
        axes.plot(70 + 150 * k, HEIGHT - 22, "o", color=COLOURS[kind], markersize=12 * points)
        axes.text(82 + 150 * k, HEIGHT - 22, MEANINGS[kind], va="center", **grey)
    figure.savefig(path, format="png")


def _legend(voices: VoiceMap) -> list[str]:
    return [kind for kind in COLOURS if any(point.kind == kind for point in voices.points)]


_STYLE = """
body { margin: 0; font-family: system-ui, sans-serif; color: #1f2937; background: #fff; }
svg { width: 100%; height: 100vh; } text { text-anchor: middle; dominant-baseline: central; }
g.voice { cursor: pointer; } g.voice:hover text, g.voice:focus text { font-weight: bold; }
g.voice:hover circle, g.voice:focus circle { stroke: #111827; stroke-width: 3; }
#details { position: fixed; display: none; pointer-events: none; white-space: pre-line; background: #fff;
  border: 1px solid #9ca3af; border-radius: 6px; padding: 8px 12px; font-size: 14px; box-shadow: 0 2px 8px #0003; }
"""
_SCRIPT = """
const box = document.getElementById("details");
for (const voice of document.querySelectorAll("g.voice")) {
  const show = event => {
    box.textContent = voice.getAttribute("aria-label");
    box.style.display = "block";
    const at = event.clientX === undefined ? voice.getBoundingClientRect() : {x: event.clientX, y: event.clientY};
    box.style.left = Math.min(at.x + 16, innerWidth - box.offsetWidth - 8) + "px";
    box.style.top = Math.min(at.y + 16, innerHeight - box.offsetHeight - 8) + "px";
  };
  voice.addEventListener("mousemove", show);
  voice.addEventListener("focus", show);
  for (const gone of ["mouseleave", "blur"]) voice.addEventListener(gone, () => box.style.display = "none");
}
"""


def _page(voices: VoiceMap) -> str:
    groups = []
    for point, (x, y) in zip(voices.points, voices.labels, strict=True):
        colour, weight = COLOURS[point.kind], "bold" if point.kind == "marked" else "normal"
        groups.append(
            f'<g class="voice" tabindex="0" aria-label="{html.escape(f"{point.name}: {point.details}")}">'
            f'<line x1="{point.x:.1f}" y1="{point.y:.1f}" x2="{x:.1f}" y2="{y:.1f}" stroke="{colour}" opacity=".25"/>'
            f'<circle cx="{point.x:.1f}" cy="{point.y:.1f}" r="{point.size}" fill="{colour}"/>'
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{point.font}" font-weight="{weight}">'
            f"{html.escape(point.name)}</text></g>"
        )
    legend = "".join(
        f'<circle cx="{70 + 150 * k}" cy="{HEIGHT - 22}" r="6" fill="{COLOURS[kind]}"/>'
        f'<text x="{82 + 150 * k}" y="{HEIGHT - 22}" font-size="12" fill="#6b7280" style="text-anchor: start">'
        f"{MEANINGS[kind]}</text>"
        for k, kind in enumerate(_legend(voices))
    )
    grey = 'font-size="12" fill="#6b7280" style="text-anchor: end"'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Voices</title>'
        f'<style>{_STYLE}</style></head><body><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="group">'
        f"{''.join(groups)}{legend}"
        f'<text x="{WIDTH - 20}" y="{HEIGHT - 22}" {grey}>{html.escape(voices.across)}</text>'
        f'<text x="26" y="20" {grey} transform="rotate(-90 26 20)">{html.escape(voices.up)}</text>'
        f'<text x="{WIDTH / 2}" y="24" font-size="12" fill="#6b7280">{TITLE}</text></svg>'
        f'<div id="details" role="status"></div><script>{_SCRIPT}</script></body></html>\n'
    )
