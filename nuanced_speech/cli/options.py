"""What all commands have in common: the option ``--threads``, and errors that name options."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.threads import limit as limit_threads

Command = Callable[..., Any]
_THREADS = Annotated[int | None, typer.Option(min=1, metavar="N", help="Processor threads. All cores if omitted.")]


def in_options(message: str, options: Mapping[str, str]) -> str:
    """A message with options in place of parameters.

    The library marks a parameter with backticks, or starts the message with it: ``pitch_shift 99: …``.

    Args:
        message: the text of a ``UserError``.
        options: option by parameter, as ``{"pitch_shift": "--pitch-shift"}``. A parameter without an option keeps its
            name and loses its backticks.
    """
    start = re.match(r"(\w+)( \S+)?: ", message)
    if start and start[1] in options:
        message = options[start[1]] + message[start.end(1) :]
    return re.sub(r"`(\w+)`", lambda name: options.get(name[1], name[1]), message)


def translating_errors(function: Command) -> Command:
    """A command whose errors name its options."""

    @wraps(function)
    def command(*arguments: Any, command_context: typer.Context, **values: Any) -> Any:
        try:
            return function(*arguments, **values)
        except UserError as error:
            parameters = command_context.command.params
            options = {p.name: max(p.opts, key=len) for p in parameters if p.name and p.param_type_name == "option"}
            error.args = (in_options(str(error), options),)
            raise

    return _with_parameter(command, Parameter("command_context", Parameter.KEYWORD_ONLY, annotation=typer.Context))


def with_threads(function: Command) -> Command:
    """A command with the option ``--threads``, which takes effect before anything is computed."""

    @wraps(function)
    def command(*arguments: Any, threads: int | None = None, **values: Any) -> Any:
        if threads is not None:
            limit_threads(threads)
        return function(*arguments, **values)

    return _with_parameter(command, Parameter("threads", Parameter.KEYWORD_ONLY, default=None, annotation=_THREADS))


def _with_parameter(command: Command, parameter: Parameter) -> Command:
    """The command, of which typer sees one more parameter."""
    before = signature(command)
    parameters = [*before.parameters.values(), parameter]
    command.__signature__ = before.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {**command.__annotations__, parameter.name: parameter.annotation}
    return command
