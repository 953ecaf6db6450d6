"""Uploaded recordings: bytes in, samples out, decoded by a child process with a time limit."""

import json
import subprocess
import sys
import threading

import numpy as np

from nuanced_speech.serve.errors import ApiError

COMMAND = (sys.executable, "-m", "nuanced_speech.serve.decode_upload")


class UploadDecoder:
    """Decodes uploads. Threads may share it.

    One child process is started in advance and waits, so that an upload does not wait for its start.

    Args:
        timeout: seconds for one upload.
    """

    def __init__(self, timeout: float = 20.0) -> None:
        self.timeout = timeout
        self._lock = threading.Lock()
        self._spare: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the child process that waits."""
        with self._lock:
            if self._spare is None:
                self._spare = _child()

    def close(self) -> None:
        """End the child process that waits."""
        with self._lock:
            child, self._spare = self._spare, None
        if child is not None:
            child.communicate(b"")

    def __call__(self, data: bytes, seconds: float, param: str, form: str = "other") -> np.ndarray:
        """Samples ``[T]`` at 24 kHz of a file's bytes.

        Args:
            data: the file.
            seconds: longest recording.
            param: name of the field, for messages.
            form: ``other``, or ``pcm_s16le_16`` for headerless 16-bit samples at 16 kHz.

        Raises:
            ApiError: no audio, too long, or not decoded in time.
        """
        with self._lock:
            child, self._spare = self._spare or _child(), None
        self.start()
        request = json.dumps({"seconds": seconds, "format": form}).encode() + b"\n"
        try:
            output, _ = child.communicate(request + data, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise ApiError(
                400, f"{param}: the recording was not decoded within {self.timeout:.0f} s", param, "undecodable"
            ) from None
        line, _, samples = output.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            # the decoder crashed or was stopped by its memory limit
            answer = {"ok": False, "message": "the recording cannot be decoded: send a WAV file"}
        if not answer["ok"]:
            raise ApiError(400, f"{param}: {answer['message']}", param, "invalid_audio")
        # a copy, which may be written to
        return np.frombuffer(samples, np.float32).copy()


def _child() -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
