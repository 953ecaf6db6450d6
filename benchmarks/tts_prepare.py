"""Whether ``nuanced-speech tts prepare`` accounts for every file, and goes on after interruptions as if never stopped.

    python benchmarks/tts_prepare.py RECORDINGS --minutes 60 --workers 2

Of RECORDINGS (a LibriSpeech-like folder, with its transcripts or without) mixed files are made: recordings joined to
long ones with silences of up to eight seconds between, as stereo MP3 at 44.1 kHz, stereo WAV at 48 kHz, mono OGG at 8
kHz and FLAC as it is; a part of them noisy, clipped or spoken too fast; one corrupt, one empty, one silent, one that is
text, one with a transcript and one with a transcript that is another's. One data set is made of them at one go. Another
is interrupted some times, politely (SIGINT) and not (SIGKILL), and run again until it is done. Then it is seen that
every file is kept or rejected, that both data sets hold the same bytes, that a further run does nothing, and that clips
are what they should be.
"""

import argparse
import csv
import filecmp
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from nuanced_speech import audio
from nuanced_speech.tts import ljspeech

RATE = 48000


def mixed_files(recordings: Path, folder: Path, minutes: float, seed: int) -> float:
    """Make the input; returns how many minutes it is."""
    rng = np.random.default_rng(seed)
    sources = [path for path in audio.recordings_in(recordings) if "emotion" not in str(path)]
    rng.shuffle(sources)
    kinds = ("mp3", "wav", "ogg", "flac")
    total, number = 0.0, 0
    while total < minutes * 60 and sources:
        joined = []
        for path in [sources.pop() for _ in range(min(len(sources), int(rng.choice([1, 2, 8]))))]:
            joined += [audio.read(path, RATE), np.zeros(round(RATE * rng.uniform(0.5, 8)), np.float32)]
        wave = np.concatenate(joined)
        kind, spoilt = kinds[number % 4], ("", "", "", "noisy", "clipped", "", "fast")[number % 7]
        if spoilt == "noisy":
            wave = wave + rng.normal(0, 0.04, len(wave)).astype(np.float32)
        elif spoilt == "clipped":
            wave = np.clip(wave * 20, -1, 1)
        elif spoilt == "fast":
            wave = audio.resample(wave, RATE, RATE // 2)
        write(folder / f"part {number % 3}" / f"{number:03d}{'-' * bool(spoilt)}{spoilt}.{kind}", wave, kind)
        total += len(wave) / RATE
        number += 1
    first = audio.recordings_in(folder)[0]
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "corrupt.mp3").write_bytes(rng.bytes(20000))
    (folder / "cut off.flac").write_bytes(first.read_bytes()[:40])
    (folder / "notes.wav").write_text("these are words, not sound")
    write(folder / "silent.wav", np.zeros(3 * RATE, np.float32), "wav")
    return total / 60


def write(path: Path, wave: np.ndarray, kind: str) -> None:
    """As stereo MP3 at 44.1 kHz, stereo WAV at 48 kHz, mono OGG at 8 kHz or mono FLAC at 16 kHz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rate = {"mp3": 44100, "wav": RATE, "ogg": 8000, "flac": 16000}[kind]
    wave = np.clip(audio.resample(wave, RATE, rate), -1, 1)
    channels = wave if kind in ("ogg", "flac") else np.stack([wave, 0.8 * wave], axis=1)
    # block by block: libsndfile's Vorbis encoder overflows its stack on long blocks
    with soundfile.SoundFile(path, "w", rate, 1 if channels.ndim == 1 else 2, format=kind.upper()) as file:
        for begin in range(0, len(channels), 1 << 15):
            file.write(channels[begin : begin + (1 << 15)])


def command(source: Path, out: Path, options: argparse.Namespace) -> list[str]:
    """The command under test."""
    arguments = ["tts", "prepare", str(source), str(out), "--whisper", options.whisper, "--workers", options.workers]
    return [sys.executable, "-m", "nuanced_speech", *map(str, arguments)]


def interrupted(source: Path, out: Path, options: argparse.Namespace) -> int:
    """Run to the end, interrupted by turns with SIGINT and SIGKILL whenever some more files are done."""
    times = 0
    while True:
        before = _done(out)
        process = subprocess.Popen(command(source, out, options), stderr=subprocess.PIPE)
        while times < options.interruptions and process.poll() is None and _done(out) < before + 2:
            time.sleep(0.05)
        if process.poll() is None and times < options.interruptions:
            process.send_signal(signal.SIGINT if times % 2 == 0 else signal.SIGKILL)
            times += 1
        _, said = process.communicate()
        if process.returncode == 0:
            return times
        assert process.returncode in (130, -signal.SIGKILL, -signal.SIGINT), said.decode()


def _done(out: Path) -> int:
    return len(list((out / ".prepare" / "files").glob("*.json")))


def same(one: Path, other: Path) -> list[str]:
    """Files that only one of the data sets has, or that differ."""
    names = [{str(p.relative_to(f)) for p in f.rglob("*") if p.is_file()} for f in (one, other)]
    differing = [n for n in sorted(names[0] & names[1]) if not filecmp.cmp(one / n, other / n, shallow=False)]
    return sorted(names[0] ^ names[1]) + differing


def check(source: Path, out: Path) -> dict[str, int]:
    """See that all files are accounted for and that all clips are as promised; how many were set aside for what."""
    kept = {
        row["file"] for p in (out / ".prepare" / "files").glob("*.json") if (row := json.loads(p.read_text()))["clips"]
    }
    with (out / "rejected.csv").open(encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    files = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
    missing = files - kept - {row["file"] for row in rejected}
    assert not missing, f"neither kept nor rejected: {sorted(missing)}"
    assert all(row["reason"] for row in rejected)
    rows = ljspeech.read(out)
    assert {row.id for row in rows} == {p.stem for p in (out / "wavs").iterdir()}
    for row in rows:
        info = soundfile.info(ljspeech.wav_path(out, row.id))
        assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16"), row.id
        assert 1 <= info.duration <= 12.05, (row.id, info.duration)
        assert row.text and row.normalised and not any(c.isdigit() for c in row.normalised), row
    reasons: dict[str, int] = {}
    for row in rejected:
        kind = row["reason"].partition(":")[0]
        reasons[kind] = reasons.get(kind, 0) + 1
    return dict(sorted(reasons.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--whisper", default="base")
    parser.add_argument("--interruptions", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("outputs/tts_prepare"), help="emptied first")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    source, whole, resumed = options.out / "recordings", options.out / "whole", options.out / "resumed"
    minutes = mixed_files(options.recordings, source, options.minutes, options.seed)
    print(f"{minutes:.1f} minutes in {sum(p.is_file() for p in source.rglob('*'))} files")
    begun = time.perf_counter()
    subprocess.run(command(source, whole, options), check=True)
    seconds = time.perf_counter() - begun
    print(f"at one go: {seconds:.0f} s, {seconds / minutes / 60:.2f} x the recordings' length")
    reasons = check(source, whole)
    print("set aside:", ", ".join(f"{count} × {reason}" for reason, count in reasons.items()))
    times = interrupted(source, resumed, options)
    differing = same(whole, resumed)
    assert not differing, f"interrupted {times} times, these differ: {differing}"
    print(f"interrupted {times} times and resumed: the same, byte for byte")
    again = subprocess.run(command(source, resumed, options), check=True, capture_output=True, text=True)
    assert "nothing to do" in again.stderr, again.stderr
    print("once more: nothing to do")
    print((whole / "report.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
