"""Whether two checkouts produce the same: moves, renames and a new composition must change no output.

    python benchmarks/neutrality.py run CHECKOUT before.json
    python benchmarks/neutrality.py run CHECKOUT after.json
    python benchmarks/neutrality.py compare before.json after.json

    python benchmarks/neutrality.py both CHECKOUT_A CHECKOUT_B

``run`` works through fixed jobs with fixed seeds. Each is one command of the checkout's command line, in a process of
its own. What a job makes or changes is hashed by its content: the samples of sound, the tensors of weights, the arrays
of data, the parsed text of JSON. Dates, headers, durations of the work and absolute paths are left out. ``compare``
names the jobs and files that differ, and exits with 1 if there are any.

Compare only runs of one machine with the same number of threads: another processor rounds otherwise.
"""

import argparse
import hashlib
import json
import os
import platform
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[1]
# Two passages of one speaker: they are read from the checkout that holds this script, so that inputs are the same.
CLIP, LONG = ROOT / "tests" / "data" / "clip.flac", ROOT / "samples" / "huckleberry.flac"
SHORT_SECONDS, REST_SECONDS = 2.0, 2.5
WORDS = "Yes.\nNo.\nWhy?\n"
# Utterances of the spoken corpus that are trained on: hearing all twenty would take longer than the rest.
FEW = 6
# What says with which settings shards were made: earlier checkouts do not write it.
SETTINGS = "shard_settings.json"
# What JSON says of time and place, not of the result.
VOLATILE = {"date", "minutes", "rtf", "stage_seconds", "key"}
SOUND = {".wav", ".flac", ".ogg"}
PLAIN = {".csv", ".txt", ".srt", ".vtt", ".int16"}
TIMEOUT_SECONDS = 900
# Started before anything else in every process: an editable install must not lend modules that a checkout lacks.
GUARD = """import sys
sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
"""


@dataclass(frozen=True)
class Job:
    """One command to run.

    Attributes:
        name: of the job, and of its folder.
        command: after ``nuanced-speech``, or a script of the checkout. OUT is the job's folder, ``in`` the inputs'.
        takes: jobs whose folders are copied into this one's before it starts.
        stdout: hash what is printed, too.
        before: makes further inputs in the job's folder.
    """

    name: str
    command: str
    takes: tuple[str, ...] = ()
    stdout: bool = False
    before: Callable[[Path], None] | None = None


def few_utterances(folder: Path) -> None:
    """Leave only the first utterances of the corpus, and no checksum of all."""
    shard = folder / "train-corpus" / "shard-00000.safetensors"
    kept = {name: value for name, value in load_file(shard).items() if int(name.partition(".")[0]) < FEW}
    save_file(kept, shard)
    shard.with_name(shard.name + ".sha256").unlink(missing_ok=True)


def small_lexicon(folder: Path) -> None:
    """Write a lexicon of a few words: training makes its own, in minutes, where there is none."""
    few_utterances(folder)
    words = {"ðə": [264], "ænd": [293], "jˈɛs": [2086], "nˈO": [572], "ɪz": [307], "ɪt": [309], "kˈʌm": [808]}
    (folder / "model").mkdir()
    (folder / "model" / "lexicon.json").write_text(json.dumps([words, [], {}]), encoding="utf-8")


def small_held_out(folder: Path) -> None:
    """Write held-out examples of noise: training speaks thirty sentences where there are none. Weights do not depend
    on them."""
    few_utterances(folder)
    (folder / "model").mkdir()
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 40, 6, 512))).half()
    tensors = {"0.0": noise[0].clone(), "0.1": noise[1].clone(), "0.style": torch.ones(256)}
    save_file(tensors, folder / "model" / "held-out-base.safetensors")


def few_speakers(folder: Path) -> None:
    """Write recordings of a speaker with two, and of one whose name makes it a held-out speaker."""
    few_utterances(folder)
    for name in ("b/one.flac", "b/two.flac", "lone-1.flac"):
        (folder / "recordings" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CLIP, folder / "recordings" / name)


JOBS = (
    Job("convert-direct", "convert in/short.wav OUT/out.wav --path direct --whisper tiny.en --report OUT"),
    Job("convert-text", "convert in/short.wav OUT/out.wav --path text"),
    Job("convert-stock", "convert in/short.wav OUT/out.flac --voice af_heart"),
    Job("convert-mix", "convert in/short.wav OUT/out.ogg --voice af_heart:0.7,bm_george:0.3 --pitch-shift 2 --seed 3"),
    Job("convert-recording", "convert in/short.wav OUT/out.wav --voice in/clip.flac --more in/rest.wav"),
    Job("convert-words", "convert in/short.wav OUT/out.wav --text 'Quite another sentence.'"),
    Job("convert-keep-none", "convert in/short.wav OUT/out.wav --keep none"),
    Job("convert-refine", "convert in/short.wav OUT/out.wav --refine 2"),
    Job("convert-fast", "convert in/short.wav OUT/out.wav --decoder fast --voice in/clip.flac"),
    Job("convert-resume", "convert in/clip.flac OUT/out.wav --decoder fast --resume"),
    Job("say", "say 'Good morning. The bell rang 3 times.' OUT/out.wav --timestamps OUT/times.json"),
    Job("say-spanish", "say 'Hola, ¿qué tal?' OUT/out.flac --voice ef_dora --speed 0.9 --timestamps OUT/times.srt"),
    Job("clone", "clone in/clip.flac --name me --out OUT --no-report --i-have-consent 'public domain'"),
    Job("mix", "mix 'af_heart + 0.5*(af_nicole - bm_george)' --name blend --out OUT"),
    Job("describe", "describe 'older woman, calm, low, British' --name grandma --out OUT"),
    Job("detect", "detect OUT/say/out.wav OUT/convert-mix/out.ogg in/clip.flac", ("say", "convert-mix"), stdout=True),
    Job("voices", "voices list", stdout=True),
    Job(
        "train-corpus",
        "train corpus OUT --utterances 20 --workers 1 --precise --text-file in/words.txt --dictionary 0.1",
    ),
    # the first utterances of all are held out: a folder that is named again is there for training
    Job(
        "train-adapter",
        "train adapter OUT/train-corpus OUT/train-corpus --out OUT/model --steps 2 --batch-size 2",
        ("train-corpus",),
        before=few_utterances,
    ),
    Job(
        "train-recogniser",
        f"train recogniser {' '.join(['OUT/train-corpus'] * 12)} --out OUT/model --steps 2 --batch-size 2",
        ("train-corpus",),
        before=small_lexicon,
    ),
    Job(
        "train-style",
        "train style OUT/train-corpus --out OUT/model --steps 2 --batch-size 4",
        ("train-corpus",),
        before=small_held_out,
    ),
    Job(
        "train-timbre",
        "train timbre OUT/train-corpus --corpus OUT/train-corpus --out OUT/model --random 10 --rounds 1 --per-round 2"
        " --per-shard 2 --epochs 2",
        ("train-corpus",),
        before=few_utterances,
    ),
    Job(
        "train-decoder-data",
        "train decoder-data OUT/data --spoken OUT/train-corpus --recordings OUT/recordings",
        ("train-corpus",),
        before=few_speakers,
    ),
    Job(
        "train-decoder",
        "train decoder OUT/train-decoder-data/data --out OUT/model --steps 3 --batch-size 2 --crop-seconds 0.6"
        " --width 32 --blocks 2 --measured 2 --device cpu",
        ("train-decoder-data",),
    ),
    Job(
        "train-multispeech",
        "train_v2_multispeech.py --text-file in/two.txt --voices af_heart --epochs 1 --batch-size 1 --device cpu"
        " --corpus OUT/train-corpus --out OUT/speech --models OUT/model --audio-epochs 2",
        ("train-corpus",),
        before=few_utterances,
    ),
    Job("tts-prepare", "tts prepare in/recordings OUT --whisper tiny.en --language en"),
    Job("tts-features", "tts features in/dataset OUT"),
    Job("tts-dummy", "tts dummy OUT --utterances 12 --speakers 2"),
    Job(
        "tts-train-etts",
        "tts train --data OUT/tts-dummy --out OUT/model --steps 3 --batch-size 4 --device cpu",
        ("tts-dummy",),
    ),
    Job(
        "tts-train-tacotron2",
        "tts train --model tacotron2 --guided-attention --data OUT/tts-dummy --out OUT/model --steps 2 --batch-size 2"
        " --device cpu",
        ("tts-dummy",),
    ),
    Job("tts-infer", "tts infer 'Hello there.' OUT/out.wav --mel OUT/mel.npy --speaker in/clip.flac"),
    Job("tts-vocode", "tts vocode in/short.wav OUT/out.wav"),
    Job(
        "tts-train-vocoder",
        "tts train-vocoder in/recordings --out OUT --steps 2 --batch-size 2 --frames 32 --device cpu",
    ),
    Job("tts-codec-encode", "tts codec encode in/short.wav OUT/codes.npz"),
    Job("tts-codec-decode", "tts codec decode OUT/tts-codec-encode/codes.npz OUT/out.wav", ("tts-codec-encode",)),
    Job(
        "tts-codec-train",
        "tts codec train in/recordings --out OUT --steps 2 --batch-size 2 --adversarial-from 0.5",
    ),
    Job("tts-codec-lm-train", "tts codec-lm train in/dataset --out OUT --steps 2 --layers 2 --width 64"),
)


def write_inputs(folder: Path) -> None:
    """Write recordings, a data set and a text for the jobs."""
    long, rate = soundfile.read(LONG, dtype="int16")
    clip, _ = soundfile.read(CLIP, dtype="int16")
    cut = round(SHORT_SECONDS * rate)
    for name in ("recordings", "dataset/wavs"):
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "a.wav", clip, rate)
        soundfile.write(folder / name / "b.wav", long[:cut], rate)
    soundfile.write(folder / "short.wav", long[:cut], rate)
    soundfile.write(folder / "rest.wav", long[cut : cut + round(REST_SECONDS * rate)], rate)
    shutil.copy(CLIP, folder / "clip.flac")
    texts = {"a": "But a mob without any man at the head of it is beneath pitifulness", "b": "They swarmed up in front"}
    rows = [f"{name}|{text}|{text}" for name, text in texts.items()]
    (folder / "dataset" / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "words.txt").write_text(WORDS, encoding="utf-8")
    (folder / "two.txt").write_text("Come in.\nWhy?\n", encoding="utf-8")


def environment(checkout: Path, guard: Path, threads: int) -> dict[str, str]:
    """The variables of a process that takes its modules from a checkout."""
    fixed = {
        "PYTHONPATH": os.pathsep.join([str(guard), str(checkout)]),
        "PYTHONHASHSEED": "0",
        "HF_HUB_OFFLINE": "1",
        "MPLBACKEND": "Agg",
        "COLUMNS": "120",
    }
    return os.environ | fixed | {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL")}


def check_source(checkout: Path, work: Path, variables: dict[str, str]) -> None:
    """See that processes take the package from the checkout, although another may be installed."""
    asked = "import nuanced_speech; print(nuanced_speech.__file__)"
    command = [sys.executable, "-c", asked]
    found = subprocess.run(command, cwd=work, env=variables, capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"{checkout}: {last_line(found.stderr)}")
    where = Path(found.stdout.strip()).resolve()
    assert where.is_relative_to(checkout), f"the package comes from {where}, not from {checkout}"


def run_all(checkout: Path, names: list[str], threads: int, work: Path) -> dict[str, Any]:
    """Run jobs in a folder that is empty or not there; what each produced."""
    checkout = checkout.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if any(work.iterdir()):
        sys.exit(f"{work} is not empty: give another folder")
    (work / "guard").mkdir()
    (work / "guard" / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    write_inputs(work / "in")
    variables = environment(checkout, work / "guard", threads)
    check_source(checkout, work, variables)
    results = {}
    for job in chosen(names):
        result = results[job.name] = run_job(job, checkout, work, variables)
        outcome = result.get("error") or f"{len(result['made'])} hashed"
        seconds = f"{result['seconds']:.1f} s ({result['cpu_seconds']:.1f} s of CPU)"
        print(f"{job.name}: {seconds}, {outcome}", file=sys.stderr, flush=True)
    where = {"checkout": str(checkout), "commit": commit(checkout)}
    return where | {"conditions": conditions(threads), "jobs": results}


def chosen(names: list[str]) -> list[Job]:
    """The jobs of those names, all when there are none, and the jobs whose folders they take."""
    known = {job.name: job for job in JOBS}
    if unknown := set(names) - set(known):
        sys.exit(f"no such job: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    wanted = set(names) or set(known)
    while more := {taken for name in wanted for taken in known[name].takes} - wanted:
        wanted |= more
    return [job for job in JOBS if job.name in wanted]


def run_job(job: Job, checkout: Path, work: Path, variables: dict[str, str]) -> dict[str, Any]:
    """Run one job: its command, its seconds, and digests of what it made or an error."""
    folder = work / job.name
    folder.mkdir()
    for taken in job.takes:
        shutil.copytree(work / taken, folder / taken)
    if job.before:
        job.before(folder)
    given = digests(folder)
    words = shlex.split(job.command.replace("OUT", job.name))
    start = [str(checkout / words[0]), *words[1:]] if words[0].endswith(".py") else ["-m", "nuanced_speech", *words]
    began, busy = time.perf_counter(), busy_seconds()
    try:
        done = subprocess.run(
            [sys.executable, *start],
            cwd=work, env=variables, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
        error = None if done.returncode == 0 else last_line(done.stderr.decode(errors="replace"))
        printed = done.stdout
    except subprocess.TimeoutExpired:
        error, printed = f"not finished after {TIMEOUT_SECONDS} s", b""
    seconds = {"seconds": round(time.perf_counter() - began, 1), "cpu_seconds": round(busy_seconds() - busy, 1)}
    result: dict[str, Any] = {"command": job.command, **seconds}
    if error is not None:
        return result | {"error": error}
    made = {name: value for name, value in digests(folder).items() if given.get(name) != value}
    if job.stdout:
        made["stdout"] = hashlib.sha256(printed).hexdigest()
    return result | ({"made": made} if made else {"error": "nothing was made"})


def busy_seconds() -> float:
    """Processor time of all processes that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def last_line(text: str) -> str:
    """The last line with something in it."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def digests(folder: Path) -> dict[str, str]:
    """The digest of every file with a known kind of content, by its path; hidden folders are passed over."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            parts = content(path)
            if parts is not None:
                total = hashlib.sha256()
                for part in parts:
                    total.update(part)
                found[name.as_posix()] = total.hexdigest()
    return found


def content(path: Path) -> Iterator[bytes] | None:
    """What a file holds, without its container; None where it is not to be compared (pictures, logs, reports)."""
    kinds: dict[str, Callable[[Path], Iterator[bytes]]] = {
        ".safetensors": tensors_of,
        ".npz": arrays_of,
        ".npy": lambda path: bytes_of("", torch.from_numpy(np.load(path, allow_pickle=False))),
        ".pt": lambda path: values_of("", torch.load(path, map_location="cpu", weights_only=True)),
        ".json": lambda path: iter([json.dumps(lasting(json.loads(path.read_bytes())), sort_keys=True).encode()]),
    }
    kinds |= dict.fromkeys(SOUND, samples_of) | dict.fromkeys(PLAIN, lambda path: iter([path.read_bytes()]))
    return kinds[path.suffix](path) if path.suffix in kinds and path.name != SETTINGS else None


def samples_of(path: Path) -> Iterator[bytes]:
    """Sound as 16-bit samples."""
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    yield f"{rate} {samples.shape}".encode()
    yield samples.tobytes()


def tensors_of(path: Path) -> Iterator[bytes]:
    """The tensors of a safetensors file in the order of their names."""
    with safe_open(path, "pt") as file:
        for name in sorted(file.keys()):
            yield from bytes_of(name, file.get_tensor(name))


def arrays_of(path: Path) -> Iterator[bytes]:
    """The arrays of an .npz file in the order of their names."""
    with np.load(path, allow_pickle=False) as file:
        for name in sorted(file.files):
            array = file[name]
            yield f"{name} {array.dtype} {array.shape}".encode()
            yield array.tobytes()


def values_of(name: str, value: Any) -> Iterator[bytes]:
    """The tensors and numbers of a checkpoint. Its text is left out: settings, which are no result."""
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from values_of(f"{name}/{key}", value[key])
    elif isinstance(value, list | tuple):
        for k, item in enumerate(value):
            yield from values_of(f"{name}/{k}", item)
    elif isinstance(value, torch.Tensor):
        yield from bytes_of(name, value)
    elif isinstance(value, int | float):
        yield f"{name} {value!r}".encode()


def bytes_of(name: str, tensor: torch.Tensor) -> Iterator[bytes]:
    """A tensor with its name, type and shape."""
    yield f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
    yield tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def lasting(value: Any) -> Any:
    """Parsed JSON without what another run at another time or place says otherwise."""
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in VOLATILE}
    return [lasting(item) for item in value] if isinstance(value, list) else value


def conditions(threads: int) -> dict[str, str]:
    """What must be the same for two runs to be compared."""
    precision = os.environ.get("NUANCED_SPEECH_PRECISION", "")
    return {
        "machine": f"{platform.node()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": str(threads),
        "precision": precision,
    }


def commit(checkout: Path) -> str:
    """The commit of a checkout, with a plus sign where files were changed since."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def compare(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Print a table of all jobs; whether those that ran in both are the same."""
    print(f"A: {a['checkout']} {a['commit']}\nB: {b['checkout']} {b['commit']}")
    for name, value in a["conditions"].items():
        if b["conditions"].get(name) != value:
            print(f"warning: {name} was {value}, now {b['conditions'].get(name)}: differences may come from that")
    print("\n| job | outcome | seconds A | seconds B |\n|---|---|---|---|")
    details: list[str] = []
    counts = {"same": 0, "differs": 0, "not run in both": 0}
    for name in [*a["jobs"], *(name for name in b["jobs"] if name not in a["jobs"])]:
        one, other = a["jobs"].get(name), b["jobs"].get(name)
        if one is None or other is None:
            outcome = "not run in both"
        else:
            differences = differing(one, other)
            outcome = "differs" if differences else "same"
            details += [f"{name}: {line}" for line in differences]
        counts[outcome] += 1
        seconds = ["" if job is None else f"{job['seconds']:.1f}" for job in (one, other)]
        print(f"| {name} | {outcome} | {seconds[0]} | {seconds[1]} |")
    totals = (sum(job["seconds"] for job in results["jobs"].values()) for results in (a, b))
    print("| all | | " + " | ".join(f"{total:.0f}" for total in totals) + " |\n")
    if details:
        print("\n".join(details) + "\n")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return counts["differs"] == 0 and counts["same"] > 0


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What differs in one job of two runs. A failure proves nothing, so it counts on one side and on both."""
    found = [] if one["command"] == other["command"] else [f"another command: {one['command']} / {other['command']}"]
    errors = [f"failed in {side}: {job['error']}" for side, job in (("A", one), ("B", other)) if "error" in job]
    if errors:
        return found + errors
    for name in sorted(one["made"] | other["made"]):
        if one["made"].get(name) != other["made"].get(name):
            missing = [side for side, job in (("A", one), ("B", other)) if name not in job["made"]]
            found.append(name + (f" is not in {missing[0]}" if missing else " differs"))
    return found


def measured(checkout: Path, options: argparse.Namespace, keep: Path | None) -> dict[str, Any]:
    """Run the jobs that were asked for, in a folder to keep or in one that is gone afterwards."""
    if keep:
        return run_all(checkout, options.only, options.threads, keep.resolve())
    with tempfile.TemporaryDirectory(prefix="neutrality-") as scratch:
        return run_all(checkout, options.only, options.threads, Path(scratch).resolve())


def main() -> None:
    """Run, compare, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="action", required=True)
    one = commands.add_parser("run", help="run the jobs on a checkout and write what they produced")
    one.add_argument("checkout", type=Path)
    one.add_argument("out", type=Path, help=".json to write")
    two = commands.add_parser("compare", help="compare two runs")
    two.add_argument("a", type=Path)
    two.add_argument("b", type=Path)
    both = commands.add_parser("both", help="run the jobs on two checkouts and compare them")
    both.add_argument("a", type=Path)
    both.add_argument("b", type=Path)
    for command in (one, both):
        command.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these jobs, and what they need")
        command.add_argument("--threads", type=int, default=2)
        command.add_argument("--keep", type=Path, metavar="DIR", help="leave what is made in this folder")
    options = parser.parse_args()
    if options.action == "run":
        found = measured(options.checkout, options, options.keep)
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    if options.action == "compare":
        a, b = (json.loads(path.read_text(encoding="utf-8")) for path in (options.a, options.b))
    else:
        folders = [options.keep and options.keep / side for side in ("a", "b")]
        a, b = (measured(c, options, k) for c, k in zip((options.a, options.b), folders, strict=True))
    sys.exit(0 if compare(a, b) else 1)


if __name__ == "__main__":
    main()
