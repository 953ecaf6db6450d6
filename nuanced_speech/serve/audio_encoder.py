"""Audio as a stream of bytes: one encoder and one container for a whole answer.

MP3, Opus, AAC and FLAC are made by FFmpeg's libraries (PyAV), WAV and headerless PCM here.
"""

import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, cast

import numpy as np
import soxr

from nuanced_speech.audio import to_int16
from nuanced_speech.audio.limiter import CEILING, COMPRESSED_CEILING, Limiter, LimiterConfig
from nuanced_speech.audio.m4b import CODER
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError

CONTENT_TYPES = {
    "mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav",
    "pcm": "audio/pcm", "ulaw": "audio/basic", "alaw": "audio/x-alaw-basic",
}  # fmt: skip
SPEECH_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
# ElevenLabs' names of formats: codec_rate_bitrate.
OUTPUT_FORMAT = re.compile(
    r"(?:mp3_(?:22050_32|24000_48|44100_(?:32|64|96|128|192))|opus_48000_(?:32|64|96|128|192)"
    r"|(?:pcm|wav)_(?:8000|16000|22050|24000|32000|44100|48000)|[ua]law_8000)"
)
# Codec and container of FFmpeg. Ogg closes a page every 200 ms, so that a client does not wait for a full one.
_AV: dict[str, tuple[str, str, dict[str, str]]] = {
    "mp3": ("libmp3lame", "mp3", {"write_xing": "0"}),
    "opus": ("libopus", "ogg", {"page_duration": "200000"}),
    "aac": ("aac", "adts", {}),
    "flac": ("flac", "flac", {}),
    "ulaw": ("pcm_mulaw", "mulaw", {}),
    "alaw": ("pcm_alaw", "alaw", {}),
}
_BIT_RATES = {"mp3": 96_000, "opus": 48_000, "aac": 64_000}
UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True)
class AudioFormat:
    """A codec, its sample rate in Hz and its bit rate (0: no choice)."""

    codec: str
    sample_rate: int = SAMPLE_RATE
    bit_rate: int = 0

    @property
    def content_type(self) -> str:
        """The media type."""
        return CONTENT_TYPES[self.codec]

    @property
    def suffix(self) -> str:
        """The suffix of a file's name."""
        return self.codec

    @classmethod
    def of_speech(cls, name: str) -> "AudioFormat":
        """A ``response_format`` of OpenAI."""
        return cls(name, SAMPLE_RATE, _BIT_RATES.get(name, 0))

    @classmethod
    def of_output(cls, name: str) -> "AudioFormat":
        """An ``output_format`` of ElevenLabs.

        Raises:
            UserError: an unknown format.
        """
        if not OUTPUT_FORMAT.fullmatch(name):
            raise UserError(f"output_format: unknown format {name!r}: give mp3_44100_128, pcm_24000 or another of them")
        codec, rate, *bits = name.split("_")
        return cls(codec, int(rate), int(bits[0]) * 1000 if bits else 0)


class AudioEncoder(Protocol):
    """Turns chunks of audio into the bytes of one file."""

    def write(self, wave: np.ndarray) -> bytes:
        """The next bytes, for float32 ``[T]`` at 24 kHz; may be empty."""
        ...

    def finish(self) -> bytes:
        """The last bytes."""
        ...


def audio_encoder(form: AudioFormat, comment: str = "") -> AudioEncoder:
    """An encoder for one stream; ``comment`` goes into its metadata where the format has any."""
    if form.codec in ("wav", "pcm"):
        return _PcmEncoder(form, comment)
    return _AvEncoder(form, comment)


class _Resampler:
    """24 kHz float32 to 16 bits at another rate, without a seam between chunks, its true peak below a ceiling.

    Speech comes in limited to the usual ceiling; another rate, or a codec that loses something, can raise a peak.
    """

    def __init__(self, rate: int, ceiling: float = CEILING) -> None:
        self.stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(SAMPLE_RATE, rate, 1)
        changed = rate != SAMPLE_RATE or ceiling != CEILING
        self.limiter = Limiter(rate, LimiterConfig(ceiling)) if changed else None

    def __call__(self, wave: np.ndarray, last: bool = False) -> np.ndarray:
        wave = np.asarray(wave, np.float32)
        wave = wave if self.stream is None else self.stream.resample_chunk(wave, last)
        if self.limiter is not None:
            wave = self.limiter.push(wave)
            wave = np.concatenate([wave, self.limiter.finish()]) if last else wave
        return to_int16(wave)


class _PcmEncoder:
    """16 bits, little endian; as WAV with sizes that mean "until the end"."""

    def __init__(self, form: AudioFormat, comment: str) -> None:
        self.resample = _Resampler(form.sample_rate)
        self.header = wav_header(form.sample_rate, comment) if form.codec == "wav" else b""

    def write(self, wave: np.ndarray) -> bytes:
        header, self.header = self.header, b""
        return header + self.resample(wave).astype("<i2").tobytes()

    def finish(self) -> bytes:
        header, self.header = self.header, b""
        return header + self.resample(np.zeros(0, np.float32), last=True).astype("<i2").tobytes()


def wav_header(sample_rate: int, comment: str = "") -> bytes:
    """The header of a mono 16-bit WAV file of unknown length."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    size = struct.pack("<I", UNKNOWN_SIZE)
    marked = b""
    if comment:
        text = comment.encode() + b"\0"
        text += b"\0" * (len(text) % 2)
        info = b"INFOICMT" + struct.pack("<I", len(text)) + text
        marked = b"LIST" + struct.pack("<I", len(info)) + info
    return b"RIFF" + size + b"WAVEfmt " + form + marked + b"data" + size


class _Sink:
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self.data)
        self.data.clear()
        return data


class _AvEncoder:
    """One of FFmpeg's encoders."""

    def __init__(self, form: AudioFormat, comment: str) -> None:
        import av

        codec, container, options = _AV[form.codec]
        self.rate, self.position = form.sample_rate, 0
        ceiling = CEILING if form.codec == "flac" else COMPRESSED_CEILING
        self.resample, self.sink = _Resampler(self.rate, ceiling), _Sink()
        options = {**options, "flush_packets": "1"}
        # typed as a file, of which only write is needed here
        sink: Any = self.sink
        self.container: Any = av.open(sink, "w", format=container, container_options=options, buffer_size=1024)
        if comment:
            self.container.metadata["comment"] = comment
        # typed as a stream of any kind
        settings = {"aac_coder": CODER} if codec == "aac" else {}
        self.stream = cast(Any, self.container.add_stream(codec, rate=self.rate, layout="mono", options=settings))
        if form.bit_rate:
            self.stream.bit_rate = form.bit_rate

    def write(self, wave: np.ndarray) -> bytes:
        self._encode(self.resample(wave))
        return self.sink.take()

    def finish(self) -> bytes:
        self._encode(self.resample(np.zeros(0, np.float32), last=True))
        for packet in self.stream.encode(None):
            self.container.mux(packet)
        self.container.close()
        return self.sink.take()

    def _encode(self, samples: np.ndarray) -> None:
        import av

        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self.rate, self.position, Fraction(1, self.rate)
        self.position += len(samples)
        for packet in self.stream.encode(frame):
            self.container.mux(packet)
