"""The way of a waveform through the analysis of one conversion: climbs and returns.

    python benchmarks/wave_path.py [--path direct|text] [--arrows] [RECORDING]

Converts a recording that is one segment (two seconds of the tests' clip by default), and watches the calls of the
package's functions (``sys.setprofile``) until synthesis begins. A call is of interest where an argument is a waveform:
an array or tensor of a tenth of a second or more whose last dimension holds samples, or a data object that holds one.
Constructors and properties count as calls too; comprehensions and generators that go on do not.

A climb is such a call that goes from a module to one of a higher layer, by the order of the layers in pyproject.toml:
a callback, say. A return is such a call into a module that the waveform has been in, and has left: it was in another
module in between, and no function of the module is waiting for that call. Modules of ``core``, ``audio`` and ``dsp``
are tools (arrays in, arrays out) that have no state to return to; their calls after others are counted by themselves.
Each pair of functions counts once, however often it is called.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import import_graph
import numpy as np
import torch

from nuanced_speech import Converter, audio
from nuanced_speech.core.constants import SAMPLE_RATE

ROOT = Path(__file__).resolve().parents[1]
CLIP, CLIP_SECONDS = ROOT / "tests" / "data" / "clip.flac", 2.0
PACKAGE = str(ROOT / "nuanced_speech")
TOOLS = ("core", "audio", "dsp")
# The layer after analysis: when it is entered, the analysis is over.
END = "synthesis"
# A tenth of a second at the lower of the two rates.
SHORTEST = 1600


@dataclass(frozen=True)
class Call:
    """A call that a waveform takes part in, by the full names of the functions."""

    caller: str
    callee: str

    @property
    def modules(self) -> tuple[str, str]:
        """The modules of both."""
        return self.caller.split(":")[0], self.callee.split(":")[0]


def holds_wave(value: Any, depth: int = 2) -> bool:
    """Whether a value is a waveform, or a data object or a sequence that holds one."""
    if isinstance(value, (np.ndarray, torch.Tensor)):
        floats = value.dtype in (np.float32, np.float64, torch.float32)
        return floats and value.ndim in (1, 2) and value.shape[-1] >= SHORTEST
    if depth and is_dataclass(value) and not isinstance(value, type):
        return any(holds_wave(getattr(value, field.name, None), depth - 1) for field in fields(value))
    if depth and isinstance(value, (list, tuple)):
        return any(holds_wave(item, depth - 1) for item in value[:4])
    return False


class Watch:
    """Collects the calls of interest, and whether they are climbs or returns; handed to ``sys.setprofile``."""

    def __init__(self, height: dict[str, int]) -> None:
        self.height, self.over = height, False
        self.climbs: dict[Call, None] = {}
        self.returns: dict[Call, None] = {}
        self.tools: dict[Call, None] = {}
        self.calls: dict[Call, None] = {}
        self._stack: list[tuple[FrameType, str]] = []
        self._seen: set[str] = set()
        self._last = ""

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return
        if event == "return":
            if self._stack and self._stack[-1][0] is frame:
                self._stack.pop()
        elif event == "call":
            self._enter(frame)

    def _enter(self, frame: FrameType) -> None:
        module = frame.f_globals["__name__"]
        # Python 3.10 has no names with classes
        name = f"{module}:{getattr(frame.f_code, 'co_qualname', frame.f_code.co_name)}"
        caller = self._stack[-1][1] if self._stack else "nuanced_speech:"
        self._stack.append((frame, name))
        if import_graph.room_of(module) == END:
            self.over = True
        inner = frame.f_code.co_name.startswith("<") and frame.f_code.co_name != "<lambda>"
        if self.over or inner or not any(map(holds_wave, _arguments(frame))):
            return
        self._count(Call(caller, name))

    def _count(self, call: Call) -> None:
        before, module = call.modules
        self.calls[call] = None
        start, end = import_graph.room_of(before), import_graph.room_of(module)
        if start and end and self.height[end] > self.height[start]:
            self.climbs[call] = None
        waiting = any(name.split(":")[0] == module for _, name in self._stack[:-1])
        if module != self._last and module in self._seen and not waiting:
            (self.tools if end in TOOLS else self.returns)[call] = None
        self._seen.add(module)
        self._last = module


def _arguments(frame: FrameType) -> Iterator[Any]:
    """What a function is called with; nothing where a generator goes on."""
    code = frame.f_code
    if code.co_flags & inspect.CO_GENERATOR and frame.f_lasti > 8:
        return
    count = code.co_argcount + code.co_kwonlyargcount
    for name in code.co_varnames[: count + bool(code.co_flags & inspect.CO_VARARGS)]:
        if name not in ("self", "cls"):
            yield frame.f_locals.get(name)


def watch(wave: np.ndarray, path: str = "direct") -> Watch:
    """What happens to ``wave [T]`` at 24 kHz until its synthesis begins."""
    layers = import_graph.order(ROOT / "pyproject.toml")
    watcher = Watch({room: -place for place, room in enumerate(layers)})
    converter = Converter()
    converter.load(path)
    sys.setprofile(watcher)
    try:
        converter.convert(wave, sample_rate=SAMPLE_RATE, path=path, language="en")
    finally:
        sys.setprofile(None)
    return watcher


def main() -> None:
    parser = argparse.ArgumentParser(description="Climbs and returns of a waveform in the analysis of a conversion.")
    parser.add_argument("recording", nargs="?", type=Path, help="A recording of one segment, 3 s or less.")
    parser.add_argument("--path", choices=("direct", "text"), default="direct", help="Path of the conversion.")
    parser.add_argument("--arrows", action="store_true", help="List all calls with a waveform in their order.")
    options = parser.parse_args()
    wave = audio.read(options.recording or CLIP)
    watcher = watch(wave if options.recording else wave[: round(CLIP_SECONDS * SAMPLE_RATE)], options.path)
    print(f"calls with a waveform    {len(watcher.calls)}")
    print(f"climbs                   {len(watcher.climbs)}")
    print(f"returns                  {len(watcher.returns)}")
    print(f"tools used again         {len(watcher.tools)}")
    for title, calls in (("climb", watcher.climbs), ("return", watcher.returns)):
        for call in calls:
            print(f"{title}: {call.caller} -> {call.callee}")
    if options.arrows:
        for call in watcher.calls:
            print(f"{call.caller} -> {call.callee}")


if __name__ == "__main__":
    main()
