"""Which language model answers: an endpoint where one is named, else the small one in this process."""

from importlib.util import find_spec
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.language_model import LanguageModel
from nuanced_speech.dialogue.local_model import LocalModel


def language_model(url: str | None = None, model: str | None = None, key: str | None = None) -> LanguageModel:
    """The language model that is asked for.

    Args:
        url: address of a server with OpenAI's chat completions; None for a model in this process.
        model: name of the server's model, or a GGUF file; None for the server's first, or SmolLM2.
        key: secret for the server.

    Raises:
        UserError: not an address; a file that is none; or the extra ``reply`` is missing.
    """
    if url:
        if find_spec("httpx") is None:
            raise UserError('an endpoint needs packages of its own: pip install "nuanced-speech[reply]"')
        from nuanced_speech.dialogue.endpoint import Endpoint

        return Endpoint(url, model, key)
    return LocalModel(None if model is None else Path(model))
