"""All data classes of the package are frozen: nothing that was returned changes later."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "nuanced_speech"


def unfrozen(source: str) -> Iterator[str]:
    """Names of the data classes in a module's source that may be changed after they were made."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                name = decorator.func if isinstance(decorator, ast.Call) else decorator
                given = decorator.keywords if isinstance(decorator, ast.Call) else []
                frozen = any(one.arg == "frozen" and ast.unparse(one.value) == "True" for one in given)
                if ast.unparse(name).split(".")[-1] == "dataclass" and not frozen:
                    yield node.name


def test_all_data_classes_are_frozen() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 300
    assert [
        f"{file.relative_to(PACKAGE)}: {name}" for file in files for name in unfrozen(file.read_text("utf-8"))
    ] == []


def test_the_check_sees_all_forms() -> None:
    source = "\n".join(
        f"@{decorator}\nclass {name}: ..."
        for name, decorator in {
            "Bare": "dataclass",
            "Module": "dataclasses.dataclass",
            "Called": "dataclass()",
            "Slots": "dataclass(slots=True)",
            "Thawed": "dataclass(frozen=False)",
            "Frozen": "dataclass(frozen=True)",
            "Plain": "other",
        }.items()
    )
    assert list(unfrozen(source)) == ["Bare", "Module", "Called", "Slots", "Thawed"]
