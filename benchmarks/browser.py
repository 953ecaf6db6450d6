"""Speed of the exported page in a browser.

    nuanced-speech export web site/
    python benchmarks/browser.py site/ [--recording samples/huckleberry.flac] [--seconds 5] [--runs 3]

Serves the folder as any server of files would, opens it in Chromium without a window (Debian: apt-get install chromium;
pip install playwright), and converts the beginning of a recording. Prints a Markdown table: seconds until the networks
are there, on the first visit and from the browser's cache; and seconds of computing for each second of sound, on one
thread and on all.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import TYPE_CHECKING

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def visit(context: BrowserContext, url: str) -> tuple[Page, float]:
    """The page when it is ready, and after how many seconds."""
    page = context.new_page()
    page.set_default_timeout(600_000)
    page.goto(f"{url}/index.html")
    page.wait_for_selector("body[data-ready]")
    return page, float(page.get_attribute("body", "data-ready") or "nan")


def convert(page: Page) -> str:
    """Convert what is chosen, and wait for the result: the error that the page shows, or nothing."""
    page.evaluate("document.querySelector('#result').hidden = true")
    page.wait_for_selector("#convert-button:enabled")
    page.click("#convert-button")
    page.wait_for_selector("#result:not([hidden]), #convert-error:not(:empty)")
    return page.inner_text("#convert-error")


def real_time_factor(page: Page, recording: Path) -> float:
    """Seconds of computing for each second of sound."""
    page.set_input_files("input[type=file]", recording)
    if problem := convert(page):
        sys.exit(problem)
    seconds, length = (float(page.get_attribute("#result", f"data-{name}") or "nan") for name in ("seconds", "length"))
    return seconds / length


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help="Folder that 'export web' wrote.")
    parser.add_argument("--recording", type=Path, default=SAMPLE, help="Recording to convert.")
    parser.add_argument("--seconds", type=float, default=5.0, help="Length of it that is converted.")
    parser.add_argument("--runs", type=int, default=3, help="Conversions of each kind; the table has the median.")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed (on Debian: apt-get install chromium)")
    rows = []
    with tempfile.TemporaryDirectory() as folder, served(options.site) as url, sync_playwright() as running:
        source = Path(folder) / "in.wav"
        audio.write(source, audio.read(options.recording)[: round(options.seconds * SAMPLE_RATE)])
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for threads in ("one", "all"):
            context = browser.new_context(service_workers="allow" if threads == "all" else "block")
            page, first = visit(context, url)
            factors = [real_time_factor(page, source) for _ in range(options.runs)]
            page.close()
            rows.append((threads, first, visit(context, url)[1], median(factors)))
            context.close()
        browser.close()
    print("| threads | ready, first visit, s | from the cache, s | RTF |\n|---|---|---|---|")
    for threads, first, again, factor in rows:
        print(f"| {threads} | {first:.1f} | {again:.1f} | {factor:.2f} |")


if __name__ == "__main__":
    main()
