"""Options that name a language model."""

import os
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from nuanced_speech.dialogue.language_model import LanguageModel

LlmUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Address of a server with OpenAI's chat completions, up to /v1. OPENAI_BASE_URL is read if omitted; "
        "without both, a small model answers on this machine. OPENAI_API_KEY is sent along.",
    ),
]
LlmModel = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Language model: a name that the server knows (its first model if omitted), or a GGUF file to run here.",
    ),
]


class NamedLanguageModel(NamedTuple):
    """A language model by its address, name and secret; each may be None."""

    url: str | None
    model: str | None
    key: str | None


def named_language_model(url: str | None, model: str | None) -> NamedLanguageModel:
    """The language model that the options and the environment name."""
    # a file is run here, whatever the environment says
    if url is None and not (model or "").endswith(".gguf"):
        url = os.environ.get("OPENAI_BASE_URL") or None
    return NamedLanguageModel(url, model, os.environ.get("OPENAI_API_KEY") or None)


def chosen_language_model(url: str | None, model: str | None) -> "LanguageModel":
    """The same, ready to be loaded.

    Raises:
        UserError: as ``dialogue.choice.language_model``.
    """
    from nuanced_speech.dialogue.choice import language_model

    return language_model(*named_language_model(url, model))
