"""The child process that decodes one upload: a damaged or hostile file can harm nothing but this process.

It reads a line of JSON and the file's bytes from standard input, and writes a line of JSON and float32 samples at
24 kHz to standard output.
"""

import json
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

MEMORY_BYTES = 3 << 30
_UNKNOWN_FRAMES = 2**40
_BLOCK_FRAMES = 1 << 16


def main() -> None:
    """Decode what comes in on standard input."""
    # before NumPy loads: one thread, whose memory is bounded
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from nuanced_speech.core.errors import UserError

    _bound_memory()
    # loaded while the process waits for its upload
    import av  # noqa: F401
    import numpy  # noqa: F401
    import soundfile  # noqa: F401
    import soxr  # noqa: F401

    warnings.simplefilter("ignore")
    request = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not request:
        return
    data = sys.stdin.buffer.read()
    answer: dict[str, Any]
    samples = b""
    try:
        samples = decode(data, float(request["seconds"]), str(request.get("format", "other")))
        answer = {"ok": True}
    except UserError as error:
        answer = {"ok": False, "message": str(error)}
    except MemoryError:
        answer = {"ok": False, "message": "the recording needs too much memory: send a shorter one"}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + samples)


def decode(data: bytes, seconds: float, form: str = "other") -> bytes:
    """Samples (float32, mono, 24 kHz) of a file's bytes.

    Args:
        data: the file.
        seconds: longest recording.
        form: ``other``, or ``pcm_s16le_16`` for headerless 16-bit samples at 16 kHz.

    Raises:
        UserError: as ``audio.read``, or a recording that is too long.
    """
    from nuanced_speech import audio
    from nuanced_speech.core.errors import UserError
    from nuanced_speech.core.files import temporary_folder

    if not data:
        raise UserError("the recording is empty (0 bytes)")
    # next to no time and no disk where /dev/shm is memory
    shared = Path("/dev/shm")
    with temporary_folder(shared if os.access(shared, os.W_OK) else None) as folder:
        path = folder / "recording.wav"
        if form == "pcm_s16le_16":
            _write_pcm(path, data)
        else:
            path.write_bytes(data)
            _check_length(path, seconds)
        try:
            wave = audio.read(path)
        except UserError as error:
            raise UserError(str(error).replace(str(path), "the recording")) from None
    if len(wave) > seconds * audio.SAMPLE_RATE:
        raise UserError(_too_long(len(wave) / audio.SAMPLE_RATE, seconds))
    return wave.astype("float32").tobytes()


def _write_pcm(path: Path, data: bytes) -> None:
    import numpy as np
    import soundfile

    soundfile.write(path, np.frombuffer(data[: len(data) // 2 * 2], "<i2"), 16_000, subtype="PCM_16")


def _check_length(path: Path, seconds: float) -> None:
    """Refuse a long recording by its header; have FFmpeg decode what libsndfile cannot."""
    import soundfile

    from nuanced_speech.core.errors import UserError

    try:
        with soundfile.SoundFile(path) as file:
            announced = file.frames / max(file.samplerate, 1)
            # libsndfile cannot read FLAC that does not tell its length, as this server streams it
            readable = file.frames < _UNKNOWN_FRAMES
    except (soundfile.LibsndfileError, TypeError, RuntimeError):
        readable = False
    if not readable:
        _with_ffmpeg(path, seconds)
        return
    # a streamed WAV file announces the largest size there is
    if announced > seconds and file.frames * file.channels < 2**30:
        raise UserError(_too_long(announced, seconds))


def _with_ffmpeg(path: Path, seconds: float) -> None:
    """Replace a file by WAV (float32, its own rate and channels).

    Raises:
        UserError: no audio, or too much.
    """
    import soundfile

    from nuanced_speech.audio.decoding import av_stream
    from nuanced_speech.core.errors import UserError

    try:
        stream = av_stream(path)
        decoded = path.with_name("decoded.wav")
        with soundfile.SoundFile(decoded, "w", stream.sample_rate, stream.channels, "FLOAT", format="WAV") as out:
            for block in stream.blocks(_BLOCK_FRAMES):
                out.write(block)
                if out.frames > seconds * stream.sample_rate:
                    raise UserError(_too_long(out.frames / stream.sample_rate, seconds))
        decoded.replace(path)
    except UserError as error:
        if error.__cause__ is None:
            raise
        raise UserError(
            "the recording is not audio that can be read: send WAV, FLAC, OGG, MP3, MP4 or WebM "
            f"({type(error.__cause__).__name__})"
        ) from None


def _too_long(length: float, limit: float) -> str:
    return f"the recording is too long: {length:.0f} s; at most {limit:.0f} s are possible"


def _bound_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
