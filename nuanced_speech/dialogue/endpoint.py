"""A language model behind an address: any server that speaks OpenAI's chat completions."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import httpx

from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import Message
from nuanced_speech.dialogue.language_model import Sampling, Usage, usage_of

_DONE = "[DONE]"


class Endpoint:
    """A language model behind an address. Threads may share it.

    Args:
        url: address up to and with ``/v1``.
        model: name of the model; the first that the server lists if None.
        key: secret that is sent along; None for none.
        timeout: seconds without any sign of life.

    Raises:
        UserError: not an address.
    """

    def __init__(self, url: str, model: str | None = None, key: str | None = None, timeout: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"llm_url: {url!r} is no address: give one like http://127.0.0.1:11434/v1")
        self.url, self.model = url.rstrip("/"), model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)))

    @property
    def name(self) -> str:
        """The model and where it is."""
        return f"{self.model or 'a model'} at {urlsplit(self.url).netloc}"

    def load(self) -> None:
        """Nothing: the server has the model."""

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str | Usage]:
        """The answer, piece by piece as it comes, and what it cost. Closing the iterator closes the connection.

        Raises:
            UserError: no connection, a refusal, or an answer of another kind.
        """
        with self._failing():
            request = {
                "model": self.model or self._first_model(),
                "messages": [asdict(message) for message in messages],
                "max_tokens": sampling.tokens,
                "seed": sampling.seed,
                "stream": True,
                **({} if sampling.temperature is None else {"temperature": sampling.temperature}),
            }
            with self._answer({**request, "stream_options": {"include_usage": True}}) as response:
                # some servers take no field that they do not know
                unknown = response.status_code in (400, 422) and b"stream_options" in response.read()
                if not unknown:
                    _check(response)
                    yield from _deltas(response)
                    return
            with self._answer(request) as response:
                _check(response)
                yield from _deltas(response)

    def _answer(self, request: dict[str, Any]) -> AbstractContextManager[httpx.Response]:
        return self._client.stream("POST", f"{self.url}/chat/completions", json=request)

    def _first_model(self) -> str:
        response = self._client.get(f"{self.url}/models")
        _check(response)
        return str(response.json()["data"][0]["id"])

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Around all talk with the server: whatever goes wrong becomes one line."""
        try:
            yield
        except httpx.TimeoutException:
            raise UserError(f"llm_url: {self.url} did not answer in time: try again, or name another") from None
        except httpx.HTTPError as error:
            raise UserError(f"llm_url: {self.url} cannot be reached or broke off ({_short(str(error))})") from None
        except _Refused as error:
            raise UserError(f"llm_url: {self.url} refused: {error}") from None
        except (ValueError, LookupError, TypeError, AttributeError):
            message = f"llm_url: {self.url} does not answer as OpenAI's chat completions do: check the address"
            raise UserError(message) from None


class _Refused(Exception):
    """The server's own words."""


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    text = response.read().decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, LookupError, TypeError):
        text = "" if text.lstrip().startswith("<") else text
    raise _Refused(f"status {response.status_code}{', ' if text.strip() else ''}{_short(text)}")


def _deltas(response: httpx.Response) -> Iterator[str | Usage]:
    """The texts in server-sent events, or in one answer from a server that does not stream."""
    if "json" in response.headers.get("content-type", ""):
        whole = json.loads(response.read())
        yield str(whole["choices"][0]["message"]["content"])
        yield from usage_of(whole)
        return
    seen = False
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        seen = True
        if data == _DONE:
            return
        chunk: Any = json.loads(data)
        if "error" in chunk:
            error = chunk["error"]
            raise _Refused(_short(str(error.get("message", error) if isinstance(error, dict) else error)))
        for choice in (chunk.get("choices") or [])[:1]:
            if text := (choice.get("delta") or {}).get("content"):
                yield str(text)
        yield from usage_of(chunk)
    if not seen:
        raise ValueError("no events")


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
