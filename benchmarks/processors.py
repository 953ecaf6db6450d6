"""How long commands take on other processors and beside other work, as a Markdown table.

    python benchmarks/processors.py [--repeats 3] [--only describe say] > docs/processors-table.md

Each command runs in a process of its own, loading included. The settings: as the machine is; AVX2 alone, emulated
through the environment of oneDNN and torch; beside one busy process; one thread. The last column repeats "AVX2" with
bfloat16 switched off, which it must not differ from. Times are medians; the first run of each command, which may still
compile or fetch, is not counted.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import soundfile

from nuanced_speech.models.phoneme_tokenizer import PhonemeTokenizer

ROOT = Path(__file__).resolve().parent.parent
LEXICON = "lexicon.json"
AVX2 = {"DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
SETTINGS: dict[str, tuple[dict[str, str], tuple[str, ...], bool]] = {
    "as it is": ({}, (), False),
    "AVX2": (AVX2, (), False),
    "beside one busy process": ({}, (), True),
    "one thread": ({}, ("--threads", "1"), False),
    "AVX2, float32": (AVX2 | {"NUANCED_SPEECH_PRECISION": "float32"}, (), False),
}


def commands(folder: Path) -> dict[str, list[str]]:
    """The arguments of ``nuanced-speech`` by the name of the job. ``{run}`` becomes another folder for each run."""
    sample = ROOT / "samples" / "huckleberry.flac"
    wave, rate = soundfile.read(sample)
    short = folder / "two-seconds.wav"
    soundfile.write(short, wave[: 2 * rate], rate)
    recordings = folder / "recordings"
    recordings.mkdir()
    soundfile.write(recordings / "clip.wav", wave[: 8 * rate], rate)
    text = folder / "text.txt"
    text.write_text("Yes, of course.\nNot now.\nCome in.\n", encoding="utf-8")
    corpus = folder / "corpus"
    make = ["train", "corpus", str(corpus), "--utterances", "4", "--per-shard", "4", "--workers", "1"]
    run_command([*make, "--text-file", str(text)], {})
    dataset = folder / "dataset"
    (dataset / "wavs").mkdir(parents=True)
    soundfile.write(dataset / "wavs" / "clip.wav", wave[: 2 * rate], rate)
    (dataset / "metadata.csv").write_text("clip|We'd got to find that boat now.\n", encoding="utf-8")
    features = folder / "features"
    run_command(["tts", "dummy", str(features), "--utterances", "10"], {})
    # minutes to make in full, so every run finds this one
    PhonemeTokenizer({"ðə": [262], "ænd": [290], "ʌv": [286], "ɪn": [287]}).save(folder / LEXICON)
    step = ["--out", "{run}", "--steps", "1", "--batch-size", "1"]
    return {
        "convert, 2 s": ["convert", str(short), "{run}/out.wav"],
        "say, one sentence": ["say", "Good morning to all of you.", "{run}/out.wav"],
        "say --fast": ["say", "Good morning to all of you.", "{run}/out.wav", "--fast"],
        "describe": ["describe", "calm older woman", "--name", "v", "--out", "{run}"],
        "clone": ["clone", str(sample), "--name", "v", "--out", "{run}", "--no-report", "--i-have-consent", "mine"],
        "train adapter, one step": ["train", "adapter", str(corpus), *step, "--held-out", "1"],
        "train style, one step": ["train", "style", str(corpus), *step],
        "train recogniser, one step": ["train", "recogniser", str(corpus), *step, "--held-out", "0"],
        "tts codec train, one step": [
            "tts", "codec", "train", str(recordings), "--out", "{run}", "--steps", "1", "--adversarial-from", "0",
        ],
        "tts train-vocoder, one step": ["tts", "train-vocoder", str(recordings), "--out", "{run}", "--steps", "1"],
        "tts codec-lm train, one step": ["tts", "codec-lm", "train", str(dataset), *step],
        "tts train, one step": ["tts", "train", "--data", str(features), *step],
    }  # fmt: skip


def run_command(arguments: list[str], environment: dict[str, str], lexicon: Path | None = None) -> float:
    """Seconds that ``nuanced-speech ARGUMENTS`` takes, with a copy of the lexicon in the folder of the run."""
    with tempfile.TemporaryDirectory() as folder:
        if lexicon:
            shutil.copy(lexicon, folder)
        command = [sys.executable, "-m", "nuanced_speech", *(a.replace("{run}", folder) for a in arguments)]
        started = time.perf_counter()
        ended = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.stderr[-1000:]}")
        return time.perf_counter() - started


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="Counted runs of each command in each setting.")
    parser.add_argument("--only", nargs="*", help="Jobs whose names begin so.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        jobs, lexicon = commands(Path(folder)), Path(folder) / LEXICON
        if options.only:
            jobs = {name: job for name, job in jobs.items() if name.startswith(tuple(options.only))}
        print(f"| command | {' | '.join(SETTINGS)} |")
        print(f"|---|{'---|' * len(SETTINGS)}", flush=True)
        for name, job in jobs.items():
            run_command(job, {}, lexicon)
            cells = []
            for environment, extra, beside in SETTINGS.values():
                with busy_process() if beside else nullcontext():
                    times = [run_command([*job, *extra], environment, lexicon) for _ in range(options.repeats)]
                cells.append(f"{statistics.median(times):.1f} s")
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
