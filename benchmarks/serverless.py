"""Cold start and overhead of the container's entry point, run here without a container.

    python benchmarks/serverless.py [--starts 3] [--requests 20] [--path direct] [--seconds 1.5] [--decoder fast]

Starts ``python -m nuanced_speech.serve.handler_server`` as the container does, and measures the time to an open port
and to the first byte of the first answer. Then the overhead of a warm request: its time from outside, less the time of
the same conversion without the handler (the median of each, alternating, in one process).
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
VOICE = "af_heart"


def event_of(seconds: float, path: str) -> tuple[bytes, bytes]:
    """A recording as FLAC, and the event that asks for its conversion."""
    import soundfile

    rate = soundfile.info(SAMPLE).samplerate
    wave, _ = soundfile.read(SAMPLE, stop=round(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format="FLAC")
    data = file.getvalue()
    event = {"audio": base64.b64encode(data).decode(), "voice": VOICE, "path": path}
    return data, json.dumps({"input": event}).encode()


def first_byte(url: str, data: bytes) -> float:
    """The time at which the first byte of an answer is there."""
    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:
        answer.read(1)
        return time.perf_counter()


def cold(event: bytes, path: str, decoder: str, port: int) -> tuple[float, float]:
    """Seconds from the start of a process to its open port, and to the first byte of its first answer."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "nuanced_speech.serve.handler_server"],
        env={**os.environ, "PORT": str(port), "NUANCED_SPEECH_PATH": path, "NUANCED_SPEECH_DECODER": decoder},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/"):
                    ready = time.perf_counter()
                    break
            except urllib.error.URLError:
                if process.poll() is not None:
                    sys.exit("the entry point has ended")
                time.sleep(0.02)
        return ready - started, first_byte(f"http://127.0.0.1:{port}/", event) - started
    finally:
        process.terminate()
        process.wait()


def warm(data: bytes, event: bytes, path: str, decoder: str, requests: int) -> tuple[float, float]:
    """Median seconds of a conversion, and of a request for it."""
    from nuanced_speech import audio
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.serve.handler import Handler, HandlerConfig
    from nuanced_speech.serve.handler_server import EventServer

    handler = Handler(HandlerConfig(path=path, decoder=decoder))
    handler.load()
    file = io.BytesIO(data)
    import soundfile

    wave, rate = soundfile.read(file, dtype="float32")
    wave = audio.resample(wave, rate, audio.SAMPLE_RATE)
    options = ConversionOptions(voice=VOICE, path=path)
    with EventServer(("127.0.0.1", 0), handler, 20 << 20) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url, alone, asked = f"http://127.0.0.1:{server.server_port}/", [], []
        for _ in range(requests + 1):
            started = time.perf_counter()
            handler.converter.convert(wave, options, sample_rate=audio.SAMPLE_RATE)
            alone.append(time.perf_counter() - started)
            started = time.perf_counter()
            with urllib.request.urlopen(urllib.request.Request(url, data=event)) as answer:
                answer.read()
            asked.append(time.perf_counter() - started)
        server.shutdown()
    return median(alone[1:]), median(asked[1:])


def overhead(event: bytes, requests: int) -> float:
    """Median seconds of a request whose conversion takes no time: decoding, encoding, base64, JSON and HTTP alone."""
    from nuanced_speech.convert.conversion import Conversion
    from nuanced_speech.serve.handler import Handler
    from nuanced_speech.serve.handler_server import EventServer

    class Nothing:
        def convert(self, wave: object, *arguments: object, **options: object) -> Conversion:
            return Conversion(wave, wave, "direct", {})  # type: ignore[arg-type]

    times = []
    with EventServer(("127.0.0.1", 0), Handler(converter=Nothing()), 20 << 20) as server:  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(requests + 1):
            started = time.perf_counter()
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", data=event) as answer:
                answer.read()
            times.append(time.perf_counter() - started)
        server.shutdown()
    return median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=3, help="Number of cold starts.")
    parser.add_argument("--requests", type=int, default=20, help="Number of warm requests.")
    parser.add_argument("--path", default="direct", help="Path of the conversion.")
    parser.add_argument("--decoder", default="kokoro", help="Decoder that makes the sound: kokoro, fast, or a file.")
    parser.add_argument("--seconds", type=float, default=1.5, help="Length of the recording.")
    parser.add_argument("--port", type=int, default=8087, help="Port of the entry point.")
    options = parser.parse_args()
    data, event = event_of(options.seconds, options.path)
    path, decoder = options.path, options.decoder
    print(f"| {options.seconds:g} s, path {path}, decoder {decoder} | seconds |\n|---|---|")
    starts = [cold(event, path, decoder, options.port + number) for number in range(options.starts)]
    for what, values in zip(("port is open", "first byte of the first answer"), zip(*starts, strict=True), strict=True):
        print(f"| cold: {what} (median of {options.starts}) | {median(values):.2f} |", flush=True)
    print(f"| warm: a request without its conversion | {overhead(event, options.requests):.4f} |", flush=True)
    alone, asked = warm(data, event, path, decoder, max(options.requests // 4, 1))
    print(f"| warm: the conversion alone | {alone:.3f} |\n| warm: the request | {asked:.3f} |")


if __name__ == "__main__":
    main()
