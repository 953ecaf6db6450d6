"""Models of the Hugging Face hub by ``transformers``: weights only as safetensors, and errors that say what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.network import hub_answers


@contextmanager
def hub_errors(name: str) -> Iterator[str]:
    """Context for loading the model ``name``, a repository on the hub or a local folder, that explains what failed.

    Yields:
        What to load: the name, or where the hub gives no answer, the folder of the model in the hub's cache.

    Raises:
        UserError: whatever goes wrong inside, in one line that names the model.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    cached = None
    try:
        if Path(name).is_dir() or looks_like_path(name) or hub_answers():
            yield name
        else:
            cached = Path(snapshot_download(name, local_files_only=True))
            yield str(cached)
    except UserError:
        raise
    except GatedRepoError as error:
        raise UserError(
            f"{name}: its owner asks for consent on huggingface.co first; then run: hf auth login"
        ) from error
    except LocalEntryNotFoundError as error:
        raise UserError(_unreachable(name)) from error
    except RepositoryNotFoundError as error:
        raise UserError(f"{name}: no such model on huggingface.co; check the name (owner/model)") from error
    except Exception as error:  # the hub, HTTP, JSON, safetensors and each model's own class fail in their own ways
        raise UserError(_reason(name, error, cached)) from error


def _reason(name: str, error: Exception, cached: Path | None) -> str:
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    reasons = " ".join(str(part) for part in chain)
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    absent = isinstance(error, OSError) or "no file named" in reasons or "does not appear to have" in reasons
    if cached is not None and absent and not any(cached.glob("*.bin")):
        return _unreachable(name)  # the cache holds a part of its files
    if Path(name).is_dir() or looks_like_path(name):
        if "safetensors" in reasons and ("no file named" in reasons or "does not appear to have" in reasons):
            return _pickled(name)
        if not Path(name).is_dir():
            return f"{name}: no such folder; give a folder that save_pretrained wrote, or a model of huggingface.co"
        return f"{name}: this folder does not hold a model that can be loaded ({first})"
    if "safetensors" in reasons and ("does not appear to have a file named" in reasons or "no file named" in reasons):
        return _pickled(name)
    unreachable = (
        "offline",
        "couldn't connect",
        "cannot find the requested files",
        "Connection",
        "resolve",
        "timed out",
    )
    if any(word.lower() in reasons.lower() for word in unreachable):
        return _unreachable(name)
    return f"{name} cannot be loaded ({first})"


def _unreachable(name: str) -> str:
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    advice = "unset HF_HUB_OFFLINE" if offline else "connect to the network"
    return (
        f"{name} is not in the cache and huggingface.co cannot be reached: {advice} and try again, or give a local"
        f" folder that holds the model"
    )


def looks_like_path(name: str) -> bool:
    """Whether a model's name can only be a folder: the hub's are ``owner/model``."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name


def _pickled(name: str) -> str:
    return (
        f"{name} has no weights as safetensors; pickled ones could run code, so they are not loaded: choose another"
        f" model, or convert it on the hub (huggingface.co/spaces/safetensors/convert)"
    )
