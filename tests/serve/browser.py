"""A browser in which tests use the page: Debian's Chromium, whose microphone plays a file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# What the tests ask of axe-core: the rules of WCAG 2 A and AA, with contrast and labels, and good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
# Those of its rules that look at colours, which are all that differs between light and dark.
OF_COLOURS = ["color-contrast", "link-in-text-block"]

# All but the further rows of lists, which are like the first.
PLACE = {"include": [["html"]], "exclude": [[".voices li:nth-child(n+5)"]]}


@contextmanager
def chromium(microphone: Path) -> Iterator[Browser]:
    """A browser without a window; skips the tests where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (on Debian: apt-get install chromium)")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=_arguments(f"{microphone}"))
        yield browser
        browser.close()


@contextmanager
def beside(browser: Browser, microphone: Path) -> Iterator[Browser]:
    """Another browser, whose microphone plays another file, once."""
    path = shutil.which("chromium")
    other = browser.browser_type.launch(executable_path=path, args=_arguments(f"{microphone}%noloop"))
    yield other
    other.close()


def _arguments(microphone: str) -> list[str]:
    return [
        "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]  # fmt: skip


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """The page, which must load everything from its own server and report no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    page.on("request", lambda request: problems.append(request.url) if _is_foreign(request.url, url) else None)
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    yield page
    assert not problems, problems
    context.close()


def faults(page: Page) -> list[str]:
    """Faults that axe-core finds, of contrast and labels among them, in light and dark."""
    found = []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for scheme, rules in (
        ("dark", {"type": "rule", "values": OF_COLOURS}),
        ("light", {"type": "tag", "values": RULES}),
    ):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # without preload, which copies the waveforms' style elements, against the page's policy
        run = "([place, rules]) => axe.run(place, {runOnly: rules, preload: false})"
        result = page.evaluate(run, [PLACE, rules])
        for fault in result["violations"]:
            found += [f"{scheme}: {fault['id']}: {node['html'][:160]}" for node in fault["nodes"]]
    return found


def until(page: Page, expression: str, seconds: float = 60) -> None:
    """Wait until an expression is true in the page, whose policy forbids Playwright's own way of doing so."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(40)


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    return int(width) - 390


def _is_problem(message: object) -> bool:
    # refusals of the server are logged by the browser too, and are what some tests ask for
    kind, text = message.type, message.text  # type: ignore[attr-defined]
    return kind in ("error", "warning") and "the server responded with a status" not in text


def _is_foreign(address: str, url: str) -> bool:
    return not address.startswith((url, f"blob:{url}", "data:"))
