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
import threading
from dataclasses import dataclass, replace
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
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.serve.app import engine_of
from nuanced_speech.serve.config import Limits, ServeConfig
from nuanced_speech.serve.engine import Engine
from nuanced_speech.serve.server import Server, listening
from nuanced_speech.synthesis.text_to_speech import TextToSpeech

ENVELOPE_HZ = 100
SENTENCE = "The north wind and the sun were arguing one day which of them was stronger, when a traveller came along."


@dataclass(frozen=True, eq=False)
class Heard:
    """What a listener heard from the first moment on ``[T]``, breaks in it, and the server's own figures."""

    wave: np.ndarray
    gaps: int
    figures: dict[str, float]


def conversation(address: str, wave: np.ndarray, voice: str, mode: str) -> Heard:
    """Play ``wave [T]`` into the socket in real time."""
    reserve = LiveConfig(mode).reserve_seconds  # type: ignore[arg-type]
    output, figures, closed = OutputBuffer(reserve), dict[str, float](), threading.Event()
    with connect(address, max_size=None) as socket:
        output_settings = {"voice": voice, "mode": mode}
        socket.send(json.dumps({"type": "session.update", "session": {"audio": {"output": output_settings}}}))

        def receive() -> None:
            for message in socket:
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
            socket.send(json.dumps({"type": "session.input_audio_buffer.append", "audio": pcm}))

        def close() -> None:
            socket.send(json.dumps({"type": "session.close"}))

        heard = in_real_time(wave, output, feed, close, lambda: not closed.is_set())
    return Heard(heard, output.gaps, figures)


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


def judged(engine: Engine, wave: np.ndarray, voice: str, heard: np.ndarray, decoder: Decoder) -> str:
    """Cells of the table: words written otherwise, and likeness, of what was heard and of a file's conversion."""
    converter, own = Converter(engine.models, decoder=decoder), voice == "own"
    text = report.transcribe(engine.models.transcriber, wave, None)
    target = wave if own else TextToSpeech(engine.models).speak(SENTENCE, voice)
    known = campplus.embed(target, SAMPLE_RATE)
    file = converter.convert(wave, voice=None if own else voice, path="direct", sample_rate=SAMPLE_RATE).audio
    words, cosines = [], []
    for made in (heard[: len(wave) + 2 * SAMPLE_RATE], file):
        other = report.transcribe(engine.models.transcriber, made, text.language).text
        words.append(f"{metrics.word_errors(text.text, other, text.language).wer:.1%}")
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
    config = replace(ServeConfig(port=0, warm=False, decoder=options.decoder), limits=Limits(live_seconds=1e5))
    ready, address = threading.Event(), list[str]()

    def tell(url: str) -> None:
        address.append(url.replace("http", "ws") + "/v1/realtime/translations")
        ready.set()

    engine = engine_of(config)
    engine.load(warm=True)
    server = Server(config, tell, engine)
    threading.Thread(target=server.run, kwargs={"sockets": [listening(config)]}, daemon=True).start()
    ready.wait()
    more = " words otherwise, live / file | CAM++, live / file |" if options.quality else ""
    print("| voice | mode | delay, s | largest computing time, s | breaks | lost, s | computing |" + more)
    print("|---|---|---|---|---|---|---|" + "---|---|" * options.quality)
    for voice in options.voices:
        for mode in options.modes:
            heard = conversation(address[0], wave, voice, mode)
            figures, lag = heard.figures, delay_seconds(wave, np.pad(heard.wave, (0, 9 * SAMPLE_RATE)))
            print(
                f"| {voice} | {mode} | {lag:.2f} | {figures['largest_delay_seconds']:.2f} | {heard.gaps} "
                f"| {figures['lost_seconds']:.1f} | {figures['busy_seconds'] / (len(wave) / SAMPLE_RATE):.0%} |",
                end="" if options.quality else "\n",
                flush=True,
            )
            if options.quality:
                decoder = engine.converter.decoder
                if mode == "block" and not isinstance(decoder, FastDecoder):
                    decoder = engine.models.fast_decoder
                print(judged(engine, wave[: 60 * SAMPLE_RATE], voice, heard.wave, decoder), flush=True)


if __name__ == "__main__":
    main()
