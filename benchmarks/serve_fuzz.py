"""Malformed requests to a server: mutated uploads, and requests that schemathesis makes of the OpenAPI description.

    python benchmarks/serve_fuzz.py http://127.0.0.1:8880 --uploads 1000 --examples 50

No answer may have a status of 500 or more, no error another shape than OpenAI's, and the server must live.
"""

from __future__ import annotations

import argparse
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

CLIP = Path(__file__).parent.parent / "samples" / "huckleberry.flac"
SECONDS = 1.5


@dataclass
class Outcome:
    """Counts of the statuses, and a line for each answer that must not be."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, what: str, response: Any) -> None:
        """Count an answer."""
        self.statuses[response.status_code] += 1
        if response.status_code >= 500:
            self.failures.append(f"{what}: status {response.status_code}: {response.text[:200]}")
        elif response.status_code >= 400:
            try:
                keys = set(response.json()["error"])
            except (ValueError, KeyError, TypeError):
                keys = set()
            if keys != {"message", "type", "param", "code"}:
                self.failures.append(f"{what}: status {response.status_code} without the shape: {response.text[:200]}")


def sources() -> dict[str, bytes]:
    """A short recording in several formats, by suffix."""
    wave, rate = soundfile.read(CLIP, frames=round(SECONDS * soundfile.info(CLIP).samplerate), dtype="float32")
    files = {}
    for suffix, kind, subtype in (
        ("wav", "WAV", "PCM_16"), ("wav", "WAV", "FLOAT"), ("flac", "FLAC", "PCM_16"), ("ogg", "OGG", "VORBIS"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
    ):  # fmt: skip
        data = io.BytesIO()
        soundfile.write(data, wave, rate, format=kind, subtype=subtype)
        files[f"{subtype}.{suffix}"] = data.getvalue()
    return files


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with bytes changed, cut out, doubled or swapped, most often near its header."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        size = len(out)
        at = int(rng.integers(0, min(size, 64) if rng.random() < 0.6 else size)) if size else 0
        kind = int(rng.integers(0, 5))
        if kind == 0:
            out[at : at + 4] = rng.bytes(4)
        elif kind == 1:
            del out[at : at + int(rng.integers(1, 2000))]
        elif kind == 2:
            out[at:at] = out[at : at + int(rng.integers(1, 500))]
        elif kind == 3:
            out = out[: int(rng.integers(0, size + 1))]
        else:
            out[at : at + 4] = b"\xff\xff\xff\x7f"
    return bytes(out)


def mutated_uploads(url: str, count: int, seed: int = 0) -> Outcome:
    """Send mutated recordings to all routes that take one."""
    rng, outcome, files = np.random.default_rng(seed), Outcome(), list(sources().items())
    with httpx.Client(base_url=url, timeout=120) as client:
        for number in range(count):
            name, data = files[int(rng.integers(len(files)))]
            data = mutated(data, rng)
            path, field_name, fields = (
                ("/v1/audio/transcriptions", "file", {"model": "whisper-1"}),
                ("/v1/audio/voice_consents", "recording", {"name": "x"}),
                ("/v1/speech-to-speech/af_heart", "audio", {"path": "direct"}),
                ("/v1/audio/speech", "delivery", {"model": "tts-1", "input": "Yes.", "voice": "nova"}),
            )[number % 4]
            try:
                response = client.post(path, data=fields, files={field_name: (name, data)})
            except httpx.HTTPError as error:
                outcome.failures.append(f"upload {number} to {path}: {type(error).__name__}")
                continue
            outcome.add(f"upload {number} to {path}", response)
        outcome.failures += [] if client.get("/health").status_code == 200 else ["the server is gone"]
    return outcome


def made_up_requests(url: str, examples: int) -> Outcome:
    """Send requests that schemathesis makes for every route."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.core.result import Ok

    outcome = Outcome()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    quick = settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @quick
        @given(case=operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            outcome.add(f"{case.method} {case.path}", case.call(base_url=url, timeout=120))

        send()
    if httpx.get(f"{url}/health").status_code != 200:
        outcome.failures.append("the server is gone")
    return outcome


def main() -> None:
    """Print the counts and the failures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name, outcome in (
        ("mutated uploads", mutated_uploads(options.url, options.uploads, options.seed)),
        ("made-up requests", made_up_requests(options.url, options.examples)),
    ):
        print(f"{name}: {dict(sorted(outcome.statuses.items()))}, {len(outcome.failures)} failures")
        for line in outcome.failures[:20]:
            print(f"  {line}")


if __name__ == "__main__":
    main()
