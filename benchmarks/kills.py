"""Kills ``say`` and ``convert --resume`` at random moments, and compares what they end with.

    python benchmarks/kills.py --kills 50
    python benchmarks/kills.py --commands say book --kills 4 --sentences 3

Commands are a text (``say``), an audiobook of an EPUB (``book``) and its chapters (``chapters``), a recording by the
text-free path (``convert``), by the text path (``text``), with other words (``words``), and a folder (``folder``).

A command is run once without a break, and then again and again on the same output, each run broken off after a random
time by SIGKILL or SIGTERM, until one comes to its end; then anew, until there have been so many kills. After every
kill the output must be absent or whole (of several files, each of them), after every end it must be the same to the
last byte, with nothing left beside it or in the folder for temporary files, but for copies of espeak-ng's library,
which a later command removes (``text.espeak_copies``). The models are loaded once, by the process that starts the runs
(by fork, with one thread).

Standard error gets a line after each kill, and each fault as it is found, so that a measurement that is broken off has
its figures; ``--commands`` names those that are left.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# before torch: a process with threads cannot be forked
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.cli import app, speech  # noqa: F401 (imported once, before the forks)
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.journal import work_folder
from nuanced_speech.models import bank
from nuanced_speech.models.decoder import load_decoder
from nuanced_speech.text.g2p import phonemize

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
SENTENCES = ["Sharks shed teeth.", "We do not.", "Is that so?", "It was a long and quiet evening.", "Nobody came."]
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
# Name of what each command writes.
OUTPUTS = {
    "say": "out.wav",
    "book": "out.m4b",
    "chapters": "chapters",
    "convert": "out.wav",
    "text": "out.wav",
    "words": "out.wav",
    "folder": "converted",
}
# Longer than a run without a break, as a share of it: some runs come to their end.
LONGEST = 1.1


@dataclass
class Figures:
    """What the kills did."""

    kills: dict[str, int] = field(default_factory=lambda: {number.name: 0 for number in SIGNALS})
    ends: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str) -> None:
        """Note a fault, and tell of it."""
        self.faults.append(what)
        print(f"fault: {what}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {name}" for name, count in self.kills.items())
        return f"{kills}, {self.ends} ends, {len(self.faults)} faults"


def start(arguments: list[str], messages: Path) -> int:
    """The number of a process that runs ``nuanced-speech ARGUMENTS``."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        with messages.open("wb") as file:
            os.dup2(file.fileno(), 2)
        sys.argv = ["nuanced-speech", *arguments]
        app.main()
    except SystemExit as stop:
        status = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(process: int) -> int:
    """The exit status of a process, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def contents(path: Path) -> dict[str, bytes]:
    """What files lie at a path or below it, but for manifests, which tell the time."""
    if path.is_dir():
        files = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.match("manifest*.jsonl"))
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
    return {"": path.read_bytes()} if path.exists() else {}


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def measure(command: str, arguments: Callable[[Path], list[str]], kills: int, seed: int) -> Figures:
    """Kill a command, which ``arguments`` gives for an output, so many times.

    Exits when the command fails without a kill.
    """
    random.seed(seed)
    figures = Figures()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        messages, out, temporary = folder / "messages", folder / "out" / OUTPUTS[command], folder / "tmp"
        for made in (out.parent, temporary):
            made.mkdir()
        tempfile.tempdir = str(temporary)
        started = time.perf_counter()
        status = wait(start(arguments(out), messages))
        if status:
            sys.exit(f"the command fails with status {status}: {messages.read_text()}")
        longest, whole = LONGEST * (time.perf_counter() - started), contents(out)
        remove(out)
        while sum(figures.kills.values()) < kills:
            process = start(arguments(out), messages)
            time.sleep(random.uniform(0, longest))
            number = random.choice(SIGNALS)
            # it may have ended by itself; its number is not given away before it is waited for
            os.kill(process, number)
            status = wait(process)
            said = messages.read_text(errors="replace")
            if "Traceback" in said or status not in (0, 143, -signal.SIGKILL, -signal.SIGTERM):
                figures.fault(f"status {status}: {said[-500:]}")
            if status == 0:
                figures.ends += 1
                _compare(out, whole, temporary, figures)
            else:
                figures.kills[number.name] += 1
                # the output may be whole already when a kill comes late
                for file, data in contents(out).items():
                    if file in whole and data != whole[file]:
                        figures.fault(f"half an output {file}")
            print(f"{command}: {figures}", file=sys.stderr, flush=True)
        if contents(out) != whole or work_folder(out).exists():
            wait(start(arguments(out), messages))
            figures.ends += 1
            _compare(out, whole, temporary, figures)
    tempfile.tempdir = None
    return figures


def _compare(out: Path, whole: dict[str, bytes], temporary: Path, figures: Figures) -> None:
    beside = [path for path in out.parent.iterdir() if path != out]
    left = [path.name for path in (*beside, *temporary.iterdir()) if not list(path.glob("libespeak-ng*"))]
    found = contents(out)
    left += sorted(set(found) - set(whole))
    if left:
        figures.fault(f"left behind: {left}")
    wrong = [file or out.name for file, data in whole.items() if found.get(file) != data]
    if wrong:
        figures.fault(f"another output than without a break: {wrong}")
    remove(out)


def write_book(path: Path, chapters: list[list[str]]) -> None:
    """An EPUB of chapters of paragraphs."""
    from ebooklib import epub

    book = epub.EpubBook()
    book.set_identifier("kills")
    book.set_title("Sharks")
    documents = []
    for number, paragraphs in enumerate(chapters, 1):
        document = epub.EpubHtml(title=f"Part {number}", file_name=f"{number}.xhtml")
        text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        document.content = f"<html><body><h1>Part {number}</h1>{text}</body></html>"
        book.add_item(document)
        documents.append(document)
    book.toc = documents
    book.add_item(epub.EpubNcx())
    book.add_item(epub.EpubNav())
    book.spine = ["nav", *documents]
    epub.write_epub(str(path), book)


def main() -> None:
    """Load the models, kill the commands, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", nargs="+", default=[*OUTPUTS], choices=[*OUTPUTS])
    parser.add_argument("--kills", type=int, default=50, help="number of kills of each command")
    parser.add_argument("--sentences", type=int, default=12, help="length of the text")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the recording")
    parser.add_argument("--decoder", default="fast", help="decoder of both commands; fast, so that a run takes seconds")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = bank.ModelBank(whisper="tiny.en")
    bank.shared_bank = lambda device: models  # type: ignore[assignment]
    bank.ModelBank = lambda device, whisper: models  # type: ignore[assignment,misc]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = prepare(folder, options.sentences, options.seconds, models, options.decoder)
        print("| command | SIGKILL | SIGTERM | came to an end | faults |\n|---|---|---|---|---|", flush=True)
        faults = 0
        for command in options.commands:
            figures = measure(command, commands[command], options.kills, options.seed)
            killed, terminated = (figures.kills[number.name] for number in SIGNALS)
            print(f"| {command} | {killed} | {terminated} | {figures.ends} | {len(figures.faults)} |", flush=True)
            faults += len(figures.faults)
    sys.exit(1 if faults else 0)


def prepare(
    folder: Path, sentences: int, seconds: float, models: bank.ModelBank, decoder: str
) -> dict[str, Callable[[Path], list[str]]]:
    """Write what the commands read, load the models, and give the arguments of each command for an output."""
    text, book, recording, recordings = (folder / name for name in ("text.txt", "book.epub", "long.wav", "recordings"))
    paragraphs = [SENTENCES[k % len(SENTENCES)] for k in range(sentences)]
    text.write_text("\n\n".join(paragraphs), encoding="utf-8")
    write_book(book, [paragraphs[: sentences // 2], paragraphs[sentences // 2 :]])
    wave = audio.read(SAMPLE)
    copies = -(-round(seconds * audio.SAMPLE_RATE) // len(wave))
    audio.write(recording, np.tile(wave, copies)[: round(seconds * audio.SAMPLE_RATE)])
    (recordings / "deep").mkdir(parents=True)
    for name, begin in (("one.wav", 0), ("deep/two.wav", 1)):
        audio.write(recordings / name, wave[begin * audio.SAMPLE_RATE :][: 3 * audio.SAMPLE_RATE])
    _ = models.kokoro, load_decoder(decoder, models)
    phonemize("Ready.")
    for path in ("direct", "text"):
        Converter(models).load(path)
    end = ["--decoder", decoder]

    def converting(source: Path, *options: str) -> Callable[[Path], list[str]]:
        return lambda out: ["convert", str(source), str(out), "--resume", *options, *end]

    return {
        "say": lambda out: ["say", "--file", str(text), str(out), "--resume", *end],
        "book": lambda out: ["say", str(book), str(out), *end],
        "chapters": lambda out: ["say", str(book), "--chapters", str(out), *end],
        "convert": converting(recording, "--path", "direct"),
        "text": converting(recording, "--path", "text", "--language", "en"),
        "words": converting(recording, "--text", " ".join(paragraphs), "--language", "en"),
        "folder": converting(recordings, "--path", "direct"),
    }


if __name__ == "__main__":
    main()
