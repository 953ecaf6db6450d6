"""The package's import graph by folder and by file, and the sizes of its files, functions and families of classes.

    python benchmarks/import_graph.py [--arrows] [--long] [PACKAGE]

Reads the import statements, those inside functions and under TYPE_CHECKING too, and imports nothing of the package. A
folder directly under the package is one room with all that lies below it. A module directly under the package is a room
of its own; only ``__init__``, ``__main__`` and ``deprecated``, the door of the package, are part of none. An arrow goes
from a room to another one that it imports from, however often. It runs back up where the order of the layers in the
checkout's pyproject.toml (import-linter's contract) puts its end above its start. Circles are groups of rooms, or of
files, that all reach each other. A function's lines are those from ``def`` to its end.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
Graph = Mapping[str, Set[str]]
# Modules directly under the package that are part of no room, besides its __init__.
DOOR = {"__main__", "deprecated"}
MAX_FILE, MAX_FUNCTION = 350, 60
# Roots of families in which a class inherits a form rather than code.
FORMS = {"Module", "Protocol", "Exception", "NamedTuple", "TypedDict", "Enum"}


@dataclass(frozen=True)
class File:
    """One module: what it imports, and the classes and functions that it defines."""

    name: str
    path: Path
    lines: int
    tree: ast.Module
    imports: frozenset[str] = frozenset()


def read(package: Path) -> dict[str, File]:
    """All modules of the package by their dotted names, with the modules of the package that each imports."""
    files = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = path.read_text(encoding="utf-8")
        files[name] = File(name, path, len(source.splitlines()), ast.parse(source))
    return {name: replace(file, imports=_modules_in(file, files)) for name, file in files.items()}


def _modules_in(file: File, files: Mapping[str, File]) -> frozenset[str]:
    return frozenset(module for module, _, _ in imported(file, files)) - {file.name}


def imported(file: File, files: Mapping[str, File]) -> Iterator[tuple[str, str, str]]:
    """(module, name in it or nothing, name here) for each thing that ``file`` imports from the package."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in files:
                    yield alias.name, "", alias.asname or alias.name
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                here = file.name.split(".")
                here = here[: len(here) - node.level + (file.path.name == "__init__.py")]
                module = ".".join([*here, *module.split(".")]).rstrip(".")
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                if whole in files:
                    yield whole, "", alias.asname or alias.name
                elif module in files:
                    yield module, alias.name, alias.asname or alias.name


def room_of(name: str) -> str | None:
    """The room that a module lies in; none for the door of the package."""
    parts = name.split(".")
    return None if len(parts) == 1 or parts[1] in DOOR else parts[1]


def rooms(files: Mapping[str, File]) -> dict[str, set[str]]:
    """Arrows between rooms."""
    graph: dict[str, set[str]] = {}
    for file in files.values():
        start = room_of(file.name)
        if start is not None:
            ends = {room_of(name) for name in file.imports} - {None, start}
            graph.setdefault(start, set()).update(end for end in ends if end is not None)
    return graph


def order(project: Path) -> list[str]:
    """Rooms from the highest layer to the lowest, as the contract in ``project`` has them; none without a contract."""
    if not project.is_file():
        return []
    settings = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {}).get("importlinter", {})
    return next((one["layers"] for one in settings.get("contracts", ()) if one["type"] == "layers"), [])


def back_up(graph: Graph, layers: list[str]) -> list[tuple[str, str]]:
    """Arrows that end above their start."""
    height = {room: -place for place, room in enumerate(layers)}
    arrows = ((start, end) for start, ends in graph.items() for end in ends)
    return sorted(arrow for arrow in arrows if set(arrow) <= set(height) and height[arrow[1]] > height[arrow[0]])


def circles(graph: Graph) -> list[list[str]]:
    """Groups of two or more nodes that all reach each other (strongly connected components)."""
    reach = {start: _reached(graph, start) for start in graph}
    groups = {frozenset(end for end in reach[start] if start in reach.get(end, ())) for start in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reached(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(graph.get(node, ()))
    return found


def longest_functions(files: Iterable[File]) -> list[tuple[int, str]]:
    """(lines, name) of all functions and methods, longest first; decorators do not count."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{file.name}.{node.name}")
        for file in files
        for node in ast.walk(file.tree)
        if isinstance(node, kinds)
    ]
    return sorted(found, reverse=True)


def inheriting(files: Mapping[str, File]) -> list[str]:
    """Classes that inherit from another class of the package for its code."""
    bases: dict[str, list[str]] = {}
    for file in files.values():
        known = {here: f"{module}.{name}" if name else module for module, name, here in imported(file, files)}
        classes = [node for node in ast.walk(file.tree) if isinstance(node, ast.ClassDef)]
        known |= {node.name: f"{file.name}.{node.name}" for node in classes}
        for node in classes:
            bases[f"{file.name}.{node.name}"] = [_resolved(ast.unparse(base), known) for base in node.bases]

    def is_form(name: str) -> bool:
        if name in bases:
            return any(is_form(base) for base in bases[name])
        return name.split("[")[0].split(".")[-1] in FORMS or name.endswith("Error")

    return sorted(
        f"{name} from {base}" for name, own in bases.items() for base in own if base in bases and not is_form(base)
    )


def _resolved(name: str, known: Mapping[str, str]) -> str:
    """The full name of a base class as it is written; a subscript is dropped."""
    first, _, rest = name.split("[")[0].partition(".")
    return ".".join(filter(None, (known.get(first, first), rest)))


def report(package: Path, arrows: bool = False, long: bool = False) -> Iterator[str]:
    """Lines of the report on a package's folder."""
    files = read(package)
    graph = rooms(files)
    inside = {name for name in files if room_of(name)}
    between_files = {name: files[name].imports & inside for name in inside}
    layers = order(package.parent / "pyproject.toml")
    up = back_up(graph, layers)
    functions = longest_functions(files.values())
    by_length = sorted(files.values(), key=lambda file: -file.lines)
    inherited = inheriting(files)
    yield f"files                          {len(files)}"
    yield f"arrows between files           {sum(map(len, between_files.values()))}"
    yield f"circles of files               {len(circles(between_files))}"
    yield f"rooms                          {len(graph)}"
    yield f"arrows between rooms           {sum(map(len, graph.values()))}"
    yield f"arrows back up                 {len(up) if layers else 'no order of layers in pyproject.toml'}"
    yield f"circles of rooms               {len(circles(graph))}"
    yield f"longest file                   {by_length[0].lines} lines ({by_length[0].name})"
    yield f"longest function               {functions[0][0]} lines ({functions[0][1]})"
    yield f"classes that inherit our code  {len(inherited)}"
    for start, end in up:
        users = sorted(name for name in between_files if room_of(name) == start and _uses(between_files[name], end))
        yield f"back up: {start} -> {end} ({', '.join(users)})"
    for kind, groups in (("rooms", circles(graph)), ("files", circles(between_files))):
        yield from (f"circle of {kind}: {', '.join(group)}" for group in groups)
    yield from (f"inherits: {one}" for one in inherited)
    if long:
        yield from (f"long file: {file.lines} {file.name}" for file in by_length if file.lines > MAX_FILE)
        yield from (f"long function: {lines} {name}" for lines, name in functions if lines > MAX_FUNCTION)
    if arrows:
        yield from (f"{start} -> {', '.join(sorted(ends)) or 'nothing'}" for start, ends in sorted(graph.items()))


def _uses(ends: Iterable[str], room: str) -> bool:
    return any(room_of(end) == room for end in ends)


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures of the package's import graph.")
    parser.add_argument("package", nargs="?", type=Path, default=ROOT / "nuanced_speech", help="Folder of the package.")
    parser.add_argument("--arrows", action="store_true", help="List what each room imports.")
    parser.add_argument(
        "--long", action="store_true", help=f"List files over {MAX_FILE} and functions over {MAX_FUNCTION} lines."
    )
    options = parser.parse_args()
    for line in report(options.package.resolve(), options.arrows, options.long):
        print(line)


if __name__ == "__main__":
    main()
