"""Live conversion over the server's WebSocket, in real time.

    python benchmarks/live.py RECORDING [--minutes 10] [--voices own af_heart] [--modes phrase block] [--quality]

A recording is played into the socket as a microphone would, in pieces of 20 ms, over and over until the minutes are
over. Prints a Markdown table for each voice and mode: the delay, found where the envelopes of source and output are
most alike (for phrases: time from the end of a phrase to its first sound), breaks in the sound, sound that was lost,
and the share of the time that was computed. ``--quality`` compares the first minute with a file's conversion on the
direct path by the same decoder: words that Whisper writes otherwise than in the source, and likeness to the voice by
CAM++ (``make evaluate`` installs it).
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

from nuanced_speech import audio
from nuanced_speech.audio.pcm import from_int16, to_int16
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate import campplus, metrics, report
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.output_buffer import OutputBuffer
from nuanced_speech.live.playback import in_real_time
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder, load_decoder
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.word_errors import word_errors

ENVELOPE_HZ = 100
SENTENCE = "The north wind and the sun were arguing one day which of them was stronger, when a traveller came along."


@dataclass(frozen=True, eq=False)
class Exchange:
    """What a listener heard from the first moment on ``[T]``, breaks in it, and the server's own figures."""

    wave: np.ndarray
    gaps: int
    figures: dict[str, float]


@contextmanager
def serving(decoder: str) -> Iterator[str]:
    """The address of the socket of a server in a process of its own, as a player's sound device is in one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "nuanced_speech", "serve", "--port", str(port), "--decoder", decoder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                    break
                if process.poll() is not None:
                    sys.exit("the server has ended: start nuanced-speech serve to see why")
                time.sleep(0.5)
            yield f"ws://127.0.0.1:{port}/v1/realtime/translations"
        finally:
            process.terminate()


def conversation(address: str, wave: np.ndarray, voice: str, mode: str) -> Exchange:
    """Play ``wave [T]`` into the socket in real time."""
    reserve = LiveConfig(mode).reserve_seconds  # type: ignore[arg-type]
    output, figures, closed = OutputBuffer(reserve), dict[str, float](), threading.Event()
    with connect(address, max_size=None) as link:
        output_settings = {"voice": voice, "mode": mode}
        link.send(json.dumps({"type": "session.update", "session": {"audio": {"output": output_settings}}}))

        def receive() -> None:
            for message in link:
                event = json.loads(message)
                if event["type"] == "session.output_audio.delta":
                    output.put(from_int16(np.frombuffer(base64.b64decode(event["delta"]), "<i2")))
                elif event["type"] == "session.figures":
                    figures.update(event["figures"])
                elif event["type"] == "error":
                    raise SystemExit(event["error"]["message"])
            closed.set()

        threading.Thread(target=receive, daemon=True).start()

        def feed(piece: np.ndarray) -> None:
            pcm = base64.b64encode(to_int16(piece).tobytes()).decode()
            link.send(json.dumps({"type": "session.input_audio_buffer.append", "audio": pcm}))

        def close() -> None:
            link.send(json.dumps({"type": "session.close"}))

        heard = in_real_time(wave, output, feed, close, lambda: not closed.is_set())
    return Exchange(heard, output.gaps, figures)


def envelope(wave: np.ndarray) -> np.ndarray:
    """Level in dB at 100 Hz, above a floor."""
    frames = wave[: len(wave) // 240 * 240].reshape(-1, 240)
    return np.maximum(10 * np.log10(np.square(frames).mean(1) + 1e-9), -60) + 60


def delay_seconds(source: np.ndarray, heard: np.ndarray, most: float = 8.0) -> float:
    """By how much ``heard`` lags, by the correlation of the envelopes."""
    one, other = envelope(source), envelope(heard)
    length = min(len(one), len(other) - round(most * ENVELOPE_HZ))
    one = one[:length] - one[:length].mean()
    scores = [float(one @ (x - x.mean())) for k in range(round(most * ENVELOPE_HZ)) if len(x := other[k : k + length])]
    return int(np.argmax(scores)) / ENVELOPE_HZ


def judged(models: ModelBank, wave: np.ndarray, voice: str, heard: np.ndarray, decoder: Decoder) -> str:
    """Cells of the table: words written otherwise, and likeness, of what was heard and of a file's conversion."""
    converter, own = Converter(models, decoder=decoder), voice == "own"
    text = report.transcribe(models.transcriber, wave, None)
    target = wave if own else TextToSpeech(models).speak(SENTENCE, voice)
    known = campplus.embed(target, SAMPLE_RATE)
    file = converter.convert(wave, voice=None if own else voice, path="direct", sample_rate=SAMPLE_RATE).audio
    words, cosines = [], []
    for made in (heard[: len(wave) + 2 * SAMPLE_RATE], file):
        other = report.transcribe(models.transcriber, made, text.language).text
        words.append(f"{word_errors(text.text, other, text.language).wer:.1%}")
        cosines.append(f"{metrics.cosine(known, campplus.embed(made, SAMPLE_RATE)):.3f}")
    return f" {' / '.join(words)} | {' / '.join(cosines)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, help="Recording of speech.")
    parser.add_argument("--minutes", type=float, default=10.0, help="Length of each conversation.")
    parser.add_argument("--voices", nargs="+", default=["own", "af_heart"], help="Voices.")
    parser.add_argument("--modes", nargs="+", default=["phrase", "block"], help="Modes.")
    parser.add_argument("--decoder", default="kokoro", help="Decoder: kokoro, fast, or a file.")
    parser.add_argument("--quality", action="store_true", help="Words and likeness beside a file's conversion.")
    options = parser.parse_args()
    clip = audio.read(options.recording)
    clip = np.concatenate([clip, np.zeros(SAMPLE_RATE, np.float32)])
    wave = np.resize(clip, round(options.minutes * 60 * SAMPLE_RATE))
    more = " words otherwise, live / file | CAM++, live / file |" if options.quality else ""
    print("| voice | mode | delay, s | largest computing time, s | breaks | lost, s | computing |" + more)
    print("|---|---|---|---|---|---|---|" + "---|---|" * options.quality)
    with serving(options.decoder) as address:
        jobs = [(voice, mode) for voice in options.voices for mode in options.modes]
        heard = [conversation(address, wave, voice, mode) for voice, mode in jobs]
    models = ModelBank()
    asked = load_decoder(options.decoder, models)
    for (voice, mode), played in zip(jobs, heard, strict=True):
        figures, lag = played.figures, delay_seconds(wave, np.pad(played.wave, (0, 9 * SAMPLE_RATE)))
        row = (
            f"| {voice} | {mode} | {lag:.2f} | {figures['largest_delay_seconds']:.2f} | {played.gaps} "
            f"| {figures['lost_seconds']:.1f} | {figures['busy_seconds'] / (len(wave) / SAMPLE_RATE):.0%} |"
        )
        if options.quality:
            # blocks are decoded by a fast decoder whatever is asked for
            decoder = asked if mode == "phrase" or isinstance(asked, FastDecoder) else models.fast_decoder
            row += judged(models, wave[: 60 * SAMPLE_RATE], voice, played.wave, decoder)
        print(row, flush=True)


if __name__ == "__main__":
    main()
