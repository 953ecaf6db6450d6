"""A long chapter spoken by this project and by the installed ``kokoro`` package's own pipeline: speed, memory, seams.

    python benchmarks/long_text.py --words 5000
    python benchmarks/long_text.py --words 300 --systems ours kokoro

The chapter is made of the sentences that the adapter's corpus is spoken from. Every system runs in a process of its
own, with the same weights, voice and number of threads; loading is not counted, phonemes are. Processor time is given
beside the time on the clock, because it does not depend on what else the machine is doing.

A seam is where two runs of Kokoro meet. The step in level across it, from the active level of the last sentence to
that of the next, is compared with the steps between sentences that Kokoro spoke in one run: what it adds to them is
what joining does.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.models.kokoro import CONFIG, Kokoro
from nuanced_speech.synthesis.speaking import SpokenSentence
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.english import english_g2p
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.configs import SENTENCES
from nuanced_speech.voice.stock import voice_pack

VOICE = "af_heart"
SENTENCES_PER_PARAGRAPH = 6


def chapter(words: int) -> str:
    """So many words of prose, in paragraphs."""
    lines = [line.strip() for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line.strip()]
    text, count = "", 0
    for number, line in enumerate(cycle(lines)):
        if count >= words:
            return text
        if number:
            text += " " if number % SENTENCES_PER_PARAGRAPH else "\n\n"
        text += line
        count += len(line.split())
    raise AssertionError


def ours(text: str, out: Path, fast: bool = False) -> dict:
    """This project, as ``nuanced-speech say`` runs it."""
    synthesis = TextToSpeech()
    _ = synthesis.models.kokoro
    phonemize("Ready.")
    levels: list[tuple[float, int]] = []

    def speak(write: Callable[[np.ndarray], None]) -> None:
        spoken: SpokenSentence
        for spoken in synthesis.stream(text, VOICE, fast=fast):
            write(spoken.audio)
            levels.append((audio.active_level_db(spoken.audio, audio.SAMPLE_RATE), spoken.utterance))

    figures = _timed(speak, out)
    steps = [(abs(b - a), m != n) for (a, m), (b, n) in pairwise(levels)]
    return figures | {"seams": [s for s, join in steps if join], "inside": [s for s, join in steps if not join]}


def kokoro_package(text: str, out: Path) -> dict:
    """``kokoro.KPipeline`` with the package's model as it comes, weight norm and all."""
    from kokoro import KModel, KPipeline
    from torch import nn

    plain = Kokoro().model
    with tempfile.TemporaryDirectory() as folder:
        empty, voice = Path(folder) / "empty.pth", Path(folder) / f"{VOICE}.pt"
        torch.save({}, empty)
        torch.save(voice_pack(VOICE)[:, None], voice)
        model = KModel(repo_id="hexgrad/Kokoro-82M", config=json.loads(CONFIG.read_text()), model=str(empty))
        state = model.state_dict()
        for name, value in plain.state_dict().items():
            if name in state:
                state[name].copy_(value)
            elif f"{name}_g" in state:
                norm = value.flatten(1).norm(dim=1)[:, None, None]
                # a filter that quantisation made zero has no direction
                state[f"{name}_v"].copy_(torch.where(norm > 0, value, 1.0))
                state[f"{name}_g"].copy_(norm)
        assert any(isinstance(m, nn.Module) and hasattr(m, "weight_g") for m in model.modules())
        # for English its constructor would fetch a language model, so another language's is called
        pipeline = KPipeline(lang_code="e", repo_id="hexgrad/Kokoro-82M", model=model.eval())
        pipeline.lang_code, pipeline.g2p = "a", english_g2p(False)
        pipeline.load_voice(str(voice))

        def speak(write: Callable[[np.ndarray], None]) -> None:
            for result in pipeline(text, voice=str(voice)):
                assert result.audio is not None
                write(result.audio.numpy())

        return _timed(speak, out)


def _timed(speak: Callable[[Callable[[np.ndarray], None]], None], out: Path) -> dict:
    samples = first = 0.0
    with audio.AudioWriter(out) as writer:
        started, computed = time.perf_counter(), time.process_time()

        def write(chunk: np.ndarray) -> None:
            nonlocal samples, first
            first = first or time.perf_counter() - started
            samples += len(chunk)
            writer.write(chunk)

        speak(write)
        seconds, processor = time.perf_counter() - started, time.process_time() - computed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "seconds": seconds,
        "processor": processor,
        "audio": samples / audio.SAMPLE_RATE,
        "first": first,
        "peak": peak,
    }


SYSTEMS: dict[str, Callable[[str, Path], dict]] = {
    "ours": ours,
    "ours --fast": lambda text, out: ours(text, out, fast=True),
    "kokoro": kokoro_package,
}


def main() -> None:
    """Run the systems one after the other, print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--out", type=Path, default=Path("outputs/long_text"), help="where the audio goes")
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    text = chapter(options.words)
    torch.set_num_threads(options.threads)
    if options.only:
        print(json.dumps(SYSTEMS[options.only](text, options.out)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "chapter.txt").write_text(text, encoding="utf-8")
    print(f"{len(text.split())} words, {options.threads} threads, {platform.machine()}, {os.cpu_count()} cores.\n")
    print("| system | audio (s) | seconds | RTF | processor s per s of audio | first audio (s) | peak memory (GB) |")
    print("|---|---|---|---|---|---|---|")
    results = {}
    for name in options.systems:
        out = options.out / f"{name.replace(' --', '_')}.wav"
        command = [sys.executable, __file__, "--words", str(options.words), "--threads", str(options.threads)]
        done = subprocess.run(
            [*command, "--only", name, "--out", str(out)], stdout=subprocess.PIPE, check=True, text=True
        )
        r = results[name] = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {name} | {r['audio']:.0f} | {r['seconds']:.0f} | {r['seconds'] / r['audio']:.2f} | "
            f"{r['processor'] / r['audio']:.2f} | {r['first']:.1f} | {r['peak']:.2f} |",
            flush=True,
        )
    if "kokoro" in results:
        other = results["kokoro"]
        for name in (n for n in results if n != "kokoro"):
            clock, processor = (other[k] / results[name][k] for k in ("seconds", "processor"))
            print(
                f"\n{name} says the text {clock:.2f} x as fast as kokoro by the clock, {processor:.2f} x by processor."
            )
    for name, r in results.items():
        if r.get("seams") and r.get("inside"):
            seam, inside = np.array(r["seams"]), np.array(r["inside"])
            print(f"\n{name}: step in level at {len(seam)} seams: {_described(seam)}; ", end="")
            print(f"between {len(inside)} sentences of one run: {_described(inside)}")


def _described(steps: np.ndarray) -> str:
    return f"median {np.median(steps):.2f} dB, 90 % below {np.quantile(steps, 0.9):.2f}, the largest {steps.max():.2f}"


if __name__ == "__main__":
    main()
