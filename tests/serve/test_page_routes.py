"""The page's files, and the routes that only the page uses: what they serve and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve.running import Running
from serve.test_refusals import answer, check_error

from nuanced_speech.serve.config import Limits, ServeConfig
from nuanced_speech.serve.routes.page_files import FOLDER


@pytest.fixture
def local(tmp_path: Path) -> ServeConfig:
    return ServeConfig(voices=tmp_path, limits=Limits(body_bytes=1 << 20))


def test_the_page_loads_from_its_own_server_only(local: ServeConfig) -> None:
    page = answer(local, "GET", "/")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["connect-src"] == "'self'"
    nonce = re.search(r'nonce="([^"]+)"', page.text)
    assert nonce and f"'nonce-{nonce[1]}'" in policy["style-src"] and policy["frame-ancestors"] == "'none'"
    assert nonce[1] not in answer(local, "GET", "/").text
    for path in FOLDER.glob("*.*"):
        addresses = re.findall(r"https?://[\w.-]+", path.read_text(encoding="utf-8"))
        # the names of SVG's vocabulary are not loaded
        assert set(addresses) <= {"http://www.w3.org"}, path


def test_the_pages_files_and_nothing_else_are_served(local: ServeConfig) -> None:
    kinds = {"main.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}
    for name, kind in {**kinds, "vendor/wavesurfer.esm.js": "text/javascript"}.items():
        file = answer(local, "GET", f"/page/files/{name}")
        assert file.status_code == 200 and file.headers["content-type"].startswith(kind)
        assert file.headers["x-content-type-options"] == "nosniff"
    tag = {"If-None-Match": file.headers["etag"]}
    assert answer(local, "GET", "/page/files/vendor/wavesurfer.esm.js", headers=tag).status_code == 304
    for name in ("nothing.js", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "index.html", "/etc/passwd"):
        check_error(answer(local, "GET", f"/page/files/{name}"), 404, None)


def test_the_page_asks_for_the_token_and_needs_none_itself(tmp_path: Path) -> None:
    config = ServeConfig(voices=tmp_path, token="secret")
    for path in ("/", "/page/files/main.js"):
        assert answer(config, "GET", path).status_code == 200
    for path in ("/page/settings", "/page/voices", "/page/sample?voice=af_heart", "/page/files"):
        check_error(answer(config, "GET", path), 401, None)
    headers = {"Authorization": "Bearer secret"}
    assert answer(config, "GET", "/page/settings", headers=headers).json()["limits"]["characters"] == 20_000


WORD = {"word": "a", "start_time": 0, "end_time": 1}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/page/words", {"description": "wibble"}, "description"),
        ("/page/words", {"description": "\ud800"}, "description"),
        ("/page/describe", {"levels": {}}, "levels"),
        ("/page/describe", {"levels": {"pitch": 9}}, "levels.pitch"),
        ("/page/describe", {"levels": {"wibble": 1}}, "levels"),
        ("/page/describe", {"levels": {"pitch": 1}, "accent": "x"}, "accent"),
        ("/page/voices", {"name": "A", "draft": "draft_0"}, "draft"),
        ("/page/voices", {"name": "A", "mix": "/etc/passwd.pt"}, "mix"),
        ("/page/voices", {"name": "A"}, "draft"),
        ("/page/voices", {"name": "af_sky", "mix": "af_heart:0.5,af_sky:0.5"}, "name"),
        ("/page/captions", {"format": "doc", "sentences": [[WORD]]}, "format"),
        ("/page/captions", {"format": "srt", "sentences": [[{**WORD, "end_time": -1}]]}, "sentences.0.0.end_time"),
    ],
)
def test_bodies_that_are_refused(local: ServeConfig, path: str, body: dict[str, Any], param: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    response = answer(local, "POST", path, content=json.dumps(body), headers=headers)
    check_error(response, 404 if body.get("draft") else 400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "audio"),
        ({"voice": "nobody"}, "voice"),
        ({"pitch_shift": "nan"}, "pitch_shift"),
        ({"pitch_shift": "much"}, "pitch_shift"),
        ({"keep": "wibble"}, None),
        ({"path": "direct", "text": "Other words."}, None),
        ({"audio": "text"}, "audio"),
    ],
)
def test_conversions_that_are_refused(local: ServeConfig, fields: dict[str, str], param: str | None) -> None:
    check_error(answer(local, "POST", "/page/convert", data=fields or {"voice": "own"}), 400, param)


def test_samples_of_unknown_voices_are_refused(server: Running) -> None:
    for voice, status in (("nobody", 400), ("draft_0", 404), ("../me.pt", 400)):
        response = httpx.get(f"{server.url}/page/sample", params={"voice": voice})
        assert response.status_code == status and set(response.json()["error"]) == {"message", "type", "param", "code"}
