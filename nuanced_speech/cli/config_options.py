"""Commands whose options are the fields of a config dataclass: name, type, default and help are stated there, once."""

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer


def helps_of(config: type) -> dict[str, str]:
    """The line of each field in the section ``Attributes`` of a docstring."""
    text = inspect.getdoc(config) or ""
    section = text.partition("Attributes:\n")[2]
    return {name: " ".join(line.split()) for name, line in re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.M)}


def options_of(
    config: type,
    arguments: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
    names: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the command takes the fields of a config, and gives the function the config as its first argument.

    What else the function takes stays an option of the command.

    Args:
        config: dataclass.
        arguments: fields that are given by their place and not by their name.
        left_out: fields without an option; the function fills them in.
        names: names of options that differ from their fields', by field: ``{"corpora": "--corpus"}``.
    """
    hints, helps = typing.get_type_hints(config), helps_of(config)
    taken = [field for field in fields(config) if field.name not in left_out]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def command(**given: Any) -> None:
            values = {field.name: given.pop(field.name) for field in taken}
            whole = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
            function(config(**whole), **given)

        parameters = []
        for field in taken:
            name, option = field.name, (names or {}).get(field.name)
            parameters.append(_parameter(field, hints[name], helps[name], name in arguments, option))
        return _with_parameters(command, parameters, function)

    return decorate


def changes_of(config: type, texts: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: each field of a config is an option without a default; the function is given, as its first argument,
    a dictionary of those that were used.

    Args:
        config: dataclass.
        texts: fields of several values that are given as text, separated by commas; the function reads it.
    """
    hints, helps = typing.get_type_hints(config), helps_of(config)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def command(**given: Any) -> None:
            values = {field.name: given.pop(field.name) for field in fields(config)}
            function({name: value for name, value in values.items() if value is not None}, **given)

        parameters = []
        for field in fields(config):
            hint: Any = str if field.name in texts else hints[field.name]
            info = Annotated[hint | None, typer.Option(help=helps[field.name])]
            parameters.append(inspect.Parameter(field.name, _KIND, default=None, annotation=info))
        return _with_parameters(command, parameters, function)

    return decorate


_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD


def _with_parameters(
    command: Callable[..., None], parameters: list[inspect.Parameter], function: Callable[..., None]
) -> Callable[..., None]:
    """Let typer see these parameters, and those of the function but its first."""
    parameters = parameters + list(inspect.signature(function).parameters.values())[1:]
    # Python wants what has no default first
    ordered = sorted(parameters, key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
    return command


def _parameter(field: Field[Any], hint: Any, help_text: str, argument: bool, option: str | None) -> inspect.Parameter:
    """A parameter as typer reads it."""
    bounds: dict[str, Any] = {name: field.metadata.get(name) for name in ("min", "max")}
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    if typing.get_origin(hint) is tuple:
        hint = list[typing.get_args(hint)[0]]  # type: ignore[misc]
        default = list(default) if isinstance(default, tuple) else default
    declared = [option] if option else []
    # where a packaged file lies tells nobody anything
    show_default = not (isinstance(default, Path) and default.is_absolute())
    option_info = typer.Option(*declared, help=help_text, show_default=show_default, **bounds)
    info = typer.Argument(help=help_text) if argument else option_info
    return inspect.Parameter(field.name, _KIND, default=default, annotation=Annotated[hint, info])
