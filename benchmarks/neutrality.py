"""Whether two checkouts produce the same: moves, renames and a new composition must change no output.

    python benchmarks/neutrality.py run CHECKOUT before.json
    python benchmarks/neutrality.py run CHECKOUT after.json
    python benchmarks/neutrality.py compare before.json after.json

    python benchmarks/neutrality.py both CHECKOUT_A CHECKOUT_B

``run`` works through fixed jobs with fixed seeds (``neutrality_jobs.py``). Each is one command of the checkout's
command line, in a process of its own. What a job makes or changes is hashed by its content: the samples of sound, the
tensors of weights, the arrays of data, the parsed text of JSON. Dates, headers, durations of the work and absolute
paths are left out. ``compare`` names the jobs and files that differ, and exits with 1 if there are any.

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
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from neutrality_jobs import Job, chosen, write_inputs
from safetensors import safe_open

# End of the names of files that say with which settings shards were made: earlier checkouts do not write them.
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
    return kinds[path.suffix](path) if path.suffix in kinds and not path.name.endswith(SETTINGS) else None


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
    if isinstance(value, str) and os.path.isabs(value):
        return Path(value).name
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
