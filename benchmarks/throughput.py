"""Audio hours per hour, by batch size and by number of processes, and the memory that each takes.

    python benchmarks/throughput.py items [--tasks say convert] [--clips 40] [--jobs 1 2 8:30] [--device cuda]
    python benchmarks/throughput.py networks [--device cuda] [--batches 1 2 4 8] [--seconds 3 6]
    python benchmarks/throughput.py processes [--processes 1 2] [--clips 8] [--threads 1]

``items`` speaks texts and converts recordings of 3 to 8 s by ``speak_many`` and ``convert_many``, in one process: ``1``
is one by one on all threads, ``2`` two at the same time on half of the threads each, ``8:30`` eight at the same time
whose segments the decoder makes in batches of 30 s. The ways take turns, so that other work disturbs all alike.
``networks`` times Kokoro alone, on batches of equal length: ``decode`` (features to audio) and ``speak`` (phonemes to
audio). On one thread of a processor the clock is the process's own time, which other work does not disturb.
``processes`` converts one folder by several processes, each with its own share, models loaded before the clock starts.
Both print a Markdown table; the memory is the largest of any one process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import soundfile

from nuanced_speech.core.threads import let_idle_threads_sleep, limit

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.audio import Recording
    from nuanced_speech.core.jobs import Spread

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
SENTENCE = "ðə wˈɛðɚ wʌz bjˈuːɾɪfəl ðɪs mˈɔːɹnɪŋ, sˌoʊ ðə tʃˈɪldɹən wˈɔːkt tə ðə pˈɑːɹk ænd plˈeɪd ʌntˈɪl nˈaɪt. "
UNITS_PER_SECOND = 40


def peak_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def seconds_of(work: Callable[[], object], rounds: int, cuda: bool) -> float:
    """Median time of some runs of ``work``, after one that does not count."""
    import torch

    clock = time.process_time if not cuda and torch.get_num_threads() == 1 else time.perf_counter
    times = []
    for _ in range(rounds + 1):
        started = clock()
        work()
        if cuda:
            torch.cuda.synchronize()
        times.append(clock() - started)
    return median(times[1:])


def networks(device: str, batches: list[int], lengths: list[float], rounds: int, half: bool) -> None:
    """Print the table of Kokoro's speed by batch size."""
    import torch

    from nuanced_speech.core.precision import autocast
    from nuanced_speech.models.kokoro import Kokoro
    from nuanced_speech.voice.stock import voice_pack
    from nuanced_speech.voice.style import Style

    kokoro, cuda = Kokoro().to(device), device.startswith("cuda")
    dtype = torch.bfloat16 if half else torch.float32
    style = voice_pack("af_heart")[60].reshape(1, -1).to(device)
    print("| seconds | batch | decode, hours per hour | gain | speak, hours per hour | gain | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    with torch.no_grad(), autocast(device, dtype):
        for length in lengths:
            units, first = round(length * UNITS_PER_SECOND), (0.0, 0.0)
            phonemes = (SENTENCE * 9)[: round(length * 14)]
            ids = kokoro.tokens(phonemes)[None]
            content, one = kokoro.content_and_prosody(ids, style)
            tile = -(-units // content.shape[-1])
            content = content.repeat(1, 1, tile)[..., :units]
            f0, energy = (x.repeat(1, tile)[:, : 2 * units] for x in (one.f0, one.energy))
            timbre = Style.from_vector(style).decoder
            for batch in batches:
                inputs = [x.repeat(batch, *[1] * (x.dim() - 1)) for x in (content, f0, energy, timbre)]
                if cuda:
                    torch.cuda.reset_peak_memory_stats()
                decode = seconds_of(lambda inputs=inputs: kokoro.decode(*inputs), rounds, cuda)  # type: ignore[misc]
                many, styles = ids.repeat(batch, 1), style.repeat(batch, 1)
                speak = seconds_of(lambda a=many, b=styles: kokoro(a, b), rounds, cuda)  # type: ignore[misc]
                spoken = int(one.units[0]) / UNITS_PER_SECOND
                speeds = batch * length / decode, batch * spoken / speak
                first = first if first[0] else speeds
                memory = torch.cuda.max_memory_allocated() / 2**20 if cuda else peak_mb()
                gains = [speed / begin for speed, begin in zip(speeds, first, strict=True)]
                print(
                    f"| {length:g} | {batch} | {speeds[0]:.2f} | {gains[0]:.2f} | {speeds[1]:.2f} | {gains[1]:.2f} "
                    f"| {memory:.0f} |", flush=True,
                )  # fmt: skip


@dataclass
class Way:
    """One way of working on many items, and what it took so far."""

    name: str
    spread: Spread
    spent: float = 0.0
    made: float = 0.0
    memory: float = 0.0
    away: float = 0.0


def way_of(name: str, device: str) -> Way:
    """The way of ``JOBS`` or ``JOBS:SECONDS``."""
    from nuanced_speech.core.jobs import spread_of

    jobs, _, seconds = name.partition(":")
    return Way(name, spread_of(device, int(jobs), float(seconds or 0)))


def recordings(clips: int) -> list[Recording]:
    """Parts of a sample of 3 to 8 s."""
    from nuanced_speech.audio import Recording

    wave, rate = soundfile.read(SAMPLE, dtype="float32")
    lengths = [round((3 + 5 * (number * 0.618 % 1)) * rate) for number in range(clips)]
    starts = [(number * 2 * rate) % (len(wave) - length) for number, length in enumerate(lengths)]
    return [Recording(wave[start : start + n], rate) for start, n in zip(starts, lengths, strict=True)]


def texts(clips: int) -> list[str]:
    """Texts whose speech takes 3 to 8 s."""
    sentence = (
        "The weather was beautiful this morning so the children walked to the park and played there until the night"
    )
    words = sentence.split()
    return [" ".join(words[: 8 + round(12 * (number * 0.618 % 1))]) + f", {number} times." for number in range(clips)]


def items(task: str, clips: int, names: list[str], device: str, rounds: int) -> None:
    """Print the table of one task's speed by way of working on its items."""
    import torch

    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.convert.many import convert_many
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.core.constants import SAMPLE_RATE
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech

    bank, ways = ModelBank(device), [way_of(name, device) for name in names]
    converter, cuda = Converter(bank), device.startswith("cuda")
    options = ConversionOptions(voice="af_heart", path="direct")
    if task == "convert":
        converter.convert(recordings(1)[0], options)
    else:
        TextToSpeech(bank).speak("Ready.")

    def waves(way: Way, part: slice) -> Iterator[np.ndarray]:
        if task == "say":
            return TextToSpeech(bank, spread=way.spread).speak_many(texts(clips)[part])
        return (made.audio for made in convert_many(converter, recordings(clips)[part], options, way.spread))

    first: dict[int, list[np.ndarray]] = {}
    for turn in range(rounds):
        part = slice(turn * clips // rounds, (turn + 1) * clips // rounds)
        for way in ways:
            if cuda:
                torch.cuda.reset_peak_memory_stats()
            started = time.perf_counter()
            made = list(waves(way, part))
            way.spent += time.perf_counter() - started
            way.made += sum(map(len, made)) / SAMPLE_RATE
            way.memory = max(way.memory, torch.cuda.max_memory_allocated() / 2**20 if cuda else peak_mb())
            alone = first.setdefault(turn, made)
            away = [abs(a - b).max() if len(a) == len(b) else 1.0 for a, b in zip(alone, made, strict=True)]
            way.away = max(way.away, *map(float, away))
    print(f"| {task}: jobs | threads of each | batch, s | hours per hour | gain | largest difference | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for way in ways:
        speed = way.made / way.spent
        print(
            f"| {way.spread.jobs} | {way.spread.threads or torch.get_num_threads()} | {way.spread.batch_seconds:g} "
            f"| {speed:.2f} | {speed / (ways[0].made / ways[0].spent):.2f} | {way.away:.1e} | {way.memory:.0f} |",
            flush=True,
        )


def share(
    number: int, count: int, threads: int, folder: Path, out: Path, ready: Barrier, peaks: dict[int, float]
) -> None:
    """Convert one process's share of a folder."""
    from nuanced_speech.core import threads as library_threads

    library_threads.limit(threads)
    from nuanced_speech.convert.archive import ArchiveJob, convert_archive, jobs_of
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.convert.shard import Shard

    converter, options = Converter(), ConversionOptions(voice="af_heart", path="direct")
    converter.load("direct")
    converter.convert(SAMPLE, options)
    jobs: list[ArchiveJob] = jobs_of(folder, out)[number - 1 :: count]
    ready.wait()
    for outcome in convert_archive(converter.convert, jobs, out, options, "", Shard(number, count)):
        assert not outcome.entry.reason, outcome.entry.reason
    peaks[number] = peak_mb()


def processes(counts: list[int], clips: int, threads: int) -> None:
    """Print the table of a folder's conversion by several processes."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, context.Manager() as manager:
        folder = Path(name) / "in"
        folder.mkdir()
        wave, rate = soundfile.read(SAMPLE)
        step = 5 * rate
        for clip in range(clips):
            begin = (clip * step) % max(len(wave) - step, 1)
            soundfile.write(folder / f"{clip:03}.wav", wave[begin : begin + step], rate)
        print("| processes | threads of each | hours per hour | memory of each, MB |\n|---|---|---|---|")
        for count in counts:
            ready, peaks = context.Barrier(count + 1), manager.dict()
            workers = [
                context.Process(
                    target=share, args=(n + 1, count, threads, folder, Path(name) / f"out{count}", ready, peaks)
                )
                for n in range(count)
            ]
            for worker in workers:
                worker.start()
            ready.wait()
            started = time.perf_counter()
            for worker in workers:
                worker.join()
            spent = time.perf_counter() - started
            print(
                f"| {count} | {threads} | {clips * 5 / spent:.2f} | {max(peaks.values(), default=0):.0f} |", flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("items", "networks", "processes"), help="Table to print.")
    parser.add_argument("--device", default="cpu", help="Device of the networks.")
    parser.add_argument("--half", action="store_true", help="Networks in bfloat16.")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 2, 4, 8], help="Batch sizes.")
    parser.add_argument("--seconds", nargs="+", type=float, default=[3.0, 6.0], help="Lengths of the utterances.")
    parser.add_argument("--rounds", type=int, default=5, help="Number of timed runs.")
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2], help="Numbers of processes.")
    parser.add_argument("--clips", type=int, default=8, help="Number of clips or texts.")
    parser.add_argument("--threads", type=int, default=1, help="Threads of each process.")
    parser.add_argument("--tasks", nargs="+", choices=("say", "convert"), default=["say", "convert"], help="Tasks.")
    parser.add_argument("--jobs", nargs="+", default=["1", "2", "8:30"], metavar="JOBS[:SECONDS]", help="Ways.")
    parser.add_argument("--turns", type=int, default=4, help="Number of turns that the ways take.")
    options = parser.parse_args()
    let_idle_threads_sleep()
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    if options.what == "items":
        limit(options.threads)
        for task in options.tasks:
            items(task, options.clips, options.jobs, options.device, options.turns)
    elif options.what == "networks":
        networks(options.device, options.batches, options.seconds, options.rounds, options.half)
    else:
        processes(options.processes, options.clips, options.threads)


if __name__ == "__main__":
    main()
