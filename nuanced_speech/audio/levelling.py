"""A stream brought to a loudness as a whole, through a file on the disk instead of memory."""

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from nuanced_speech.audio.limiter import limited
from nuanced_speech.audio.loudness import LoudnessMeter, gain_to
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError

_BLOCK_BYTES = 1 << 20


def at_loudness(chunks: Iterable[np.ndarray], target: float, sample_rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    """A stream at an integrated loudness, with no true peak above the limiter's ceiling.

    All of the stream is made before the first chunk comes out. The limiter can leave it less loud than ``target``.

    Args:
        chunks: ``[T]`` each.
        target: LUFS.
        sample_rate: Hz.

    Yields:
        chunks float32 ``[T]``, together as long as the stream.

    Raises:
        UserError: the temporary file does not fit on the disk.
    """
    meter = LoudnessMeter(sample_rate)
    # it has no name, so that nothing is left of it, however this process ends
    with tempfile.TemporaryFile() as file:
        try:
            for chunk in chunks:
                meter.push(chunk)
                file.write(np.asarray(chunk, np.float32).tobytes())
            file.flush()
        except OSError as error:
            raise UserError(f"no room for a temporary file in {tempfile.gettempdir()} ({error.strerror})") from error
        gain = gain_to(target, meter.lufs)
        file.seek(0)
        blocks = iter(lambda: file.read(_BLOCK_BYTES), b"")
        yield from limited((np.frombuffer(block, np.float32) * gain for block in blocks), sample_rate)
