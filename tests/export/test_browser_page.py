"""The exported page in Chromium converts as the edge converter does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import CLIP, benchmark
from serve.browser import chromium, faults, overflow

from nuanced_speech import audio
from nuanced_speech.audio.limiter import true_peak
from nuanced_speech.dsp.mel import MelConfig, mel_spectrogram
from nuanced_speech.edge import EdgeConverter
from nuanced_speech.export.web import write_page

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx", reason="the extra models is not installed")

FULL = 10 ** (-1 / 20)
web = benchmark("browser")


def test_the_page_converts_as_the_edge_does(folder: Path, tmp_path: Path) -> None:
    """In Chromium, with the models that the page loads from a plain file server; files, then the microphone."""
    write_page(tmp_path / "web")
    shutil.copytree(folder, tmp_path / "web" / "models")
    source = tmp_path / "in.wav"
    wave = audio.read(CLIP)[: 24_000 * 3 // 2]
    # so loud that both limiters have work to do
    audio.write(source, wave / np.abs(wave).max(), comment="")
    with web.served(tmp_path / "web") as url, chromium(source) as browser:
        page = browser.new_context().new_page()
        page.set_default_timeout(240_000)
        foreign: list[str] = []
        page.on("request", lambda request: foreign.append(request.url) if url not in request.url else None)
        page.goto(f"{url}/index.html")
        page.wait_for_selector("body[data-ready]")
        # a server of files sends no headers of isolation
        assert page.evaluate("crossOriginIsolated && Boolean(navigator.serviceWorker.controller)")
        page.set_input_files("input[type=file]", source)
        read = "async (audio) => [...new Uint8Array(await (await fetch(audio.src)).arrayBuffer())]"
        for name in ("af_heart", "own", "clone"):
            page.select_option("#voice", name)
            assert web.convert(page) == ""
            (tmp_path / f"{name}.wav").write_bytes(bytes(page.locator("#result-audio").evaluate(read)))
        # all of it is shown
        assert faults(page) == [] and overflow(page) <= 0
        # the microphone plays the same recording
        page.get_by_role("button", name="Recording to convert: remove").click()
        page.get_by_role("button", name="Recording to convert: record").click()
        page.wait_for_timeout(1200)
        page.get_by_role("button", name="Recording to convert: stop recording").click()
        page.select_option("#voice", "af_heart")
        assert web.convert(page) == ""
        said = page.evaluate("({...document.querySelector('#result').dataset})")
        assert 0.8 < float(said["length"]) < 3
        # other pages of the same folder are not isolated, which would keep their foreign pictures out
        (tmp_path / "web" / "other.html").write_text("<title>other</title>", encoding="utf-8")
        page.goto(f"{url}/other.html")
        assert page.evaluate("!crossOriginIsolated && Boolean(navigator.serviceWorker.controller)")
    assert not [address for address in foreign if not address.startswith("blob:")]
    config, edge = MelConfig(sample_rate=24_000), EdgeConverter(folder, 1)
    for name in ("af_heart", "own", "clone"):
        found, expected = audio.read(tmp_path / f"{name}.wav"), edge.convert(source, name).audio
        assert found.shape == expected.shape and audio.synthetic_mark(tmp_path / f"{name}.wav")
        assert all(0.88 < true_peak(wave) <= FULL for wave in (found, expected))
        mels = [mel_spectrogram(torch.from_numpy(wave)[None], config).numpy() for wave in (found, expected)]
        # natural logarithms of magnitudes in dB
        assert np.abs(mels[0] - mels[1]).mean() * 20 / np.log(10) <= 0.5


def test_the_page_begins_where_no_service_worker_may_run(tmp_path: Path) -> None:
    write_page(tmp_path)
    with web.served(tmp_path) as url, chromium(CLIP) as browser:
        page = browser.new_context(service_workers="block").new_page()
        page.goto(f"{url}/index.html")
        # there are no networks in this folder
        page.wait_for_selector("#convert-error:not(:empty)", state="attached")
        assert not page.evaluate("crossOriginIsolated")
