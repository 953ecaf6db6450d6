"""The page in a real browser, against the real server: each flow once."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile
from helpers import CLIP
from serve.browser import beside, chromium, faults, opened, overflow, until
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.dialogue.conversation import Conversation
from nuanced_speech.serve.consent_phrase import PHRASES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from nuanced_speech.dialogue.local_model import LocalModel


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of real speech as a WAV file, which the microphone plays too."""
    path = tmp_path_factory.mktemp("page") / "clip.wav"
    audio.write(path, audio.read(CLIP)[: 2 * audio.SAMPLE_RATE], comment="")
    return path


@pytest.fixture(scope="module")
def browser(clip: Path) -> Iterator[Browser]:
    with chromium(clip) as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Running) -> Iterator[Page]:
    with opened(browser, f"{server.url}/") as shown:
        yield shown


def choose_tab(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("tab", name=name, exact=True).click()


def record(page: Page, name: str, milliseconds: int) -> None:
    page.get_by_role("button", name=f"{name}: record").click()
    page.wait_for_timeout(milliseconds)
    page.get_by_role("button", name=f"{name}: stop recording").click()


def drop(page: Page, selector: str, path: Path) -> None:
    """Drop a file on a part of the page, which shows while it is dragged over it that it would take it."""
    script = """([name, data]) => {
      const moved = new DataTransfer();
      moved.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type: 'audio/wav' }));
      return moved;
    }"""
    moved = page.evaluate_handle(script, [path.name, base64.b64encode(path.read_bytes()).decode()])
    for event in ("dragover", "drop"):
        page.dispatch_event(selector, event, {"dataTransfer": moved})
        assert ("over" in (page.get_attribute(selector, "class") or "").split()) == (event == "dragover")


def saved(page: Page, selector: str, path: Path) -> Path:
    with page.expect_download() as download:
        page.click(selector)
    download.value.save_as(path)
    return path


@pytest.mark.slow
def test_a_file_is_converted_into_a_stock_voice(page: Page, clip: Path, tmp_path: Path) -> None:
    page.set_input_files("#source input[type=file]", clip)
    page.get_by_text("0:02.0", exact=True).wait_for()
    page.get_by_role("searchbox", name="Voice of the result: search").fill("american adam")
    page.get_by_role("radio", name=re.compile("^Adam")).check()
    page.click("#convert-button")
    page.wait_for_selector("#figures .figures")
    assert "Words in the result" in page.inner_text("#figures") and "Melody" in page.inner_text("#figures")
    label = page.get_by_role("img", name="Pitch over time").get_attribute("aria-label") or ""
    source, result = (int(hertz) for hertz in re.findall(r"(\d+) Hz", label))
    assert 60 < source < 200 and 60 < result < 200
    assert page.locator("#compare .track").count() == 2 and page.is_hidden("#convert-progress")
    # both waveforms and the pitch have one play-head
    page.get_by_role("slider", name="Position in the recording").fill("1")
    page.click("#compare .round")
    until(page, "document.querySelector('#compare .time').textContent >= '0:01.2'")
    page.locator("#compare").get_by_text("Source").first.click()
    until(page, "document.querySelector('#compare .time').textContent.startsWith('0:02.0')")
    head = "Number(document.querySelector('#pitch .playhead').getAttribute('x1'))"
    until(page, f"Math.abs({head} - document.querySelector('#pitch').clientWidth) <= 2")
    assert faults(page) == [] and overflow(page) <= 0
    file = saved(page, "#result-download", tmp_path / "result.wav")
    assert soundfile.info(file).duration == pytest.approx(2, abs=0.01)
    assert "am_adam" in (audio.synthetic_mark(file) or "")


@pytest.mark.slow
def test_a_recording_of_the_microphone_is_converted_into_its_own_voice(page: Page) -> None:
    record(page, "Recording to convert", 1500)
    page.wait_for_selector("#source audio")
    page.get_by_text("Its own", exact=True).click()
    page.get_by_text("More options").click()
    page.select_option("#path", "direct")
    page.click("#convert-button")
    # the progress tells its share
    page.wait_for_selector("#convert-progress progress[value]")
    page.wait_for_selector("#figures .figures")
    time = page.inner_text("#compare .time")
    assert 1.0 < float(time.rpartition(":")[2]) < 3.0


@pytest.mark.slow
def test_a_recording_gives_its_voice(page: Page, clip: Path) -> None:
    """The first conversion is stopped at once."""
    page.set_input_files("#source input[type=file]", clip)
    page.get_by_text("Of a recording", exact=True).click()
    page.click("#convert-button")
    assert "Choose a recording of the voice." in page.inner_text("#reference")
    drop(page, "#reference .drop", clip)
    page.locator("#reference").get_by_text("0:02.0", exact=True).wait_for()
    page.get_by_text("More options").click()
    page.select_option("#path", "direct")
    # in one turn of the page, before any answer can come
    page.evaluate("for (const id of ['convert-button', 'convert-stop']) document.getElementById(id).click()")
    page.wait_for_selector("#convert-button:not([disabled])")
    assert page.is_hidden("#result-download") and not page.inner_text("#convert-error")
    page.click("#convert-button")
    page.wait_for_selector("#result-download")
    page.wait_for_selector("#convert-button:not([disabled])")


def test_errors_stand_where_they_belong(page: Page, tmp_path: Path) -> None:
    page.click("#convert-button")
    assert page.locator("#source .error").inner_text() == "Choose a recording, or make one with the microphone."
    broken, large = tmp_path / "notes.wav", tmp_path / "large.wav"
    broken.write_text("these are words, and no audio " * 20)
    large.write_bytes(bytes(3 << 20))
    page.set_input_files("#source input[type=file]", large)
    assert "at most 2 are possible" in page.inner_text("#source .error")
    page.set_input_files("#source input[type=file]", broken)
    page.get_by_text("This browser cannot play it").wait_for()
    page.click("#convert-button")
    page.get_by_text("The recording is not audio that can be read").wait_for()
    assert page.locator("#source .error").inner_text() and not page.inner_text("#convert-error")
    choose_tab(page, "Say")
    page.click("#say-button")
    assert page.inner_text("#text-error") == "Write a text to speak."
    assert page.get_attribute("#text", "aria-invalid") == "true"
    page.fill("#text", "a" * 2001)
    page.click("#say-button")
    assert "at most 2000" in page.inner_text("#text-error")
    assert faults(page) == []
    choose_tab(page, "Voices", "Clone")
    page.get_by_role("button", name="Clone the voice").click()
    assert "Give the voice a name." in page.inner_text("#clone-name-error")
    assert "Record the consent" in page.inner_text("#consent") and "Record the sample" in page.inner_text("#sample")
    assert faults(page) == []


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.focus("#tab-convert")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-voices" and page.is_visible("#browse")
    page.keyboard.press("End")
    assert page.is_visible("#answer") and page.url.endswith("#answer")
    page.keyboard.press("ArrowLeft")
    assert page.is_visible("#live") and page.url.endswith("#live")
    page.keyboard.press("Home")
    page.locator("#convert-picker").get_by_text("Map").click()
    first = page.locator("#convert-picker .point").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    name = page.evaluate("document.activeElement.getAttribute('aria-label')").split(",")[0]
    assert page.locator("#convert-picker .details strong").inner_text() == name
    assert faults(page) == [] and overflow(page) <= 0


@pytest.mark.slow
def test_voices_are_found_described_mixed_and_deleted(page: Page, server: Running) -> None:
    choose_tab(page, "Voices")
    rows = page.locator("#browse-picker li")
    everyone = rows.count()
    page.get_by_role("combobox", name="Voices: language").select_option("it")
    assert rows.all_inner_texts() and all("Italian" in text for text in rows.all_inner_texts()) and rows.count() < 5
    page.get_by_role("combobox", name="Voices: language").select_option("")
    choose_tab(page, "Describe")
    page.fill("#description", "old man, slow, wibble")
    page.click("#use-words")
    page.get_by_text("Not understood: wibble.").wait_for()
    assert page.input_value("#describe-sex") == "m"
    assert float(page.get_by_role("slider", name="Pace").input_value()) < 0
    # a slider that is moved by hand is asked for too
    brightness = page.get_by_role("slider", name="Brightness")
    assert not page.get_by_role("checkbox", name="Brightness is asked for").is_checked()
    brightness.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.get_by_role("checkbox", name="Brightness is asked for").is_checked()
    assert float(brightness.input_value()) == pytest.approx(0.5)
    assert "dB" in (brightness.get_attribute("aria-valuetext") or "")
    page.click("#describe-form .primary")
    page.wait_for_selector("#described table")
    assert page.locator("#described .asked").count() == 4 and faults(page) == []
    page.locator("#described").get_by_role("button", name="Hear the new voice").click()
    page.wait_for_selector("#described [aria-pressed=true]")
    keep(page, "#described", "Grandpa")
    choose_tab(page, "Mix")
    page.get_by_role("combobox", name="Voice 1").select_option(server.services.voices.kept()[0].id)
    keep(page, "#mixed", "Blend")
    assert faults(page) == [] and overflow(page) <= 0
    choose_tab(page, "All voices")
    assert rows.count() == everyone + 2
    kept = {voice.name: voice for voice in server.services.voices.kept()}
    assert kept["Grandpa"].kind == "described" and kept["Blend"].kind == "mix"
    for name in ("Grandpa", "Blend"):
        page.get_by_role("button", name=f"Delete {name}").click()
        page.get_by_role("button", name=f"Delete {name}").click()
        page.get_by_role("button", name=f"Delete {name}").wait_for(state="detached")
    assert server.services.voices.kept() == []


def keep(page: Page, place: str, name: str) -> None:
    page.locator(place).get_by_role("textbox", name="Name of the voice").fill(name)
    page.locator(place).get_by_role("button", name="Keep").click()
    page.locator(place).get_by_text(f"The voice {name} is kept.").wait_for()


@pytest.mark.slow
def test_a_voice_is_cloned_with_its_consent(browser: Browser, server: Running, consent: tuple[Path, Path]) -> None:
    """The consent phrase comes by the microphone; the sample has the same voice."""
    with beside(browser, consent[0]) as other, opened(other, f"{server.url}/") as page:
        choose_tab(page, "Voices", "Clone")
        assert " ".join(page.inner_text("#consent-words").split()) == PHRASES["en"]
        record(page, "Recording of the consent", round(1000 * soundfile.info(consent[0]).duration) + 500)
        page.set_input_files("#sample input[type=file]", consent[1])
        page.fill("#clone-name", "Clara")
        page.get_by_role("button", name="Clone the voice").click()
        page.get_by_text("The voice Clara is kept.").wait_for()
    (kept,) = server.services.voices.kept()
    assert kept.name == "Clara" and kept.kind == "clone" and kept.consent.startswith("cons_")
    server.services.voices.delete(kept.id)


@pytest.mark.slow
def test_a_text_is_said_in_a_delivery_and_its_words_are_lit(page: Page, clip: Path, tmp_path: Path) -> None:
    choose_tab(page, "Say")
    page.fill("#text", "Good morning.")
    page.fill("#manner", "slow, calm")
    page.get_by_text("Delivery of a recording").click()
    page.set_input_files("#delivery input[type=file]", clip)
    page.click("#say-button")
    page.wait_for_selector("#words .now")
    page.wait_for_selector("#say-player .wave")
    assert page.inner_text("#words").split() == ["Good", "morning."]
    assert "pace -1.2" in page.inner_text("#manner-note")
    page.click("#say-player .round")
    until(page, "document.querySelector('#words .now')?.textContent === 'morning.'")
    assert faults(page) == [] and overflow(page) <= 0
    captions = saved(page, "[data-captions=srt]", tmp_path / "speech.srt").read_text()
    assert re.fullmatch(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nGood morning\.\n", captions)
    speech = saved(page, "#say-download", tmp_path / "speech.wav")
    assert 0.5 < soundfile.info(speech).duration < 4 and audio.synthetic_mark(speech)


@pytest.mark.slow
def test_a_question_by_microphone_is_answered_in_its_own_voice(
    page: Page, small_model: LocalModel, tmp_path: Path
) -> None:
    """What was heard appears, the answer is written and spoken, and a new conversation begins."""
    choose_tab(page, "Answer")
    page.click("#answer-button")
    assert "Record a question" in page.inner_text("#question .error")
    page.get_by_text("Role of the answering voice").click()
    page.fill("#role", "Answer with one short word.")
    record(page, "Question", 2300)
    page.wait_for_selector("#question audio")
    page.click("#answer-button")
    page.wait_for_selector("#turns .lit .now")
    # the clip says "But a mob without any man …"
    assert "mob" in page.inner_text("#turns .asked").lower()
    page.wait_for_selector("#turns .round:not([hidden])")
    words = page.inner_text("#turns .lit").split()
    assert words and page.is_visible("#question .drop") and page.is_hidden("#answer-progress")
    assert faults(page) == [] and overflow(page) <= 0
    file = saved(page, "#turns a[download]", tmp_path / "answer.wav")
    assert 0.3 < soundfile.info(file).duration < 15 and audio.synthetic_mark(file)
    talk = Conversation.read(saved(page, "#talk-save", tmp_path / "talk.json"))
    assert talk.system == "Answer with one short word."
    assert len(talk.turns) == 1 and words[0] in talk.turns[0].answer
    page.click("#talk-new")
    assert page.is_hidden("#talk") and page.locator("#turns li").count() == 0


@pytest.mark.slow
def test_what_the_microphone_hears_is_spoken_again_at_once(page: Page) -> None:
    choose_tab(page, "Live")
    page.get_by_role("searchbox", name="Live voice: search").fill("heart")
    page.click("#live-start")
    page.get_by_text("Listening.").wait_for()
    until(page, "document.querySelector('#live-time').textContent >= '0:02.5'")
    assert page.is_visible("#live-stop") and page.is_disabled("#live-start")
    page.click("#live-stop")
    page.get_by_text("Stopped.").wait_for()
    # no longer than what the microphone gave until the page was told to stop
    minutes, _, seconds = page.inner_text("#live-made").partition(":")
    assert minutes == "0" and 1.0 < float(seconds) < float(page.inner_text("#live-time").partition(":")[2]) + 1.5
    assert page.inner_text("#live-error") == "" and page.is_enabled("#live-start")
    assert page.inner_text("#live-breaks") == "0" and page.inner_text("#live-delay-name") == "Time after the pause"
    assert faults(page) == [] and overflow(page) <= 0
    # and block by block
    page.get_by_text("At once", exact=True).click()
    page.click("#live-start")
    page.get_by_text("Listening.").wait_for()
    # a busy machine leaves out sound that it has no time for
    until(page, "document.querySelector('#live-made').textContent > '0:00.5'", seconds=180)
    page.click("#live-stop")
    page.get_by_text("Stopped.").wait_for()
    assert float(page.inner_text("#live-made").partition(":")[2]) > 0.5 and page.inner_text("#live-error") == ""
    assert page.inner_text("#live-delay-name") == "Time to compute a block"
    assert re.fullmatch(r"\d+\.\d s", page.inner_text("#live-delay"))
