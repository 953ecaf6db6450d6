"""The time grid that F0 and energy share: 80 frames a second, frame k centred at k * 12.5 ms."""

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE, SAMPLES_PER_UNIT


def frame_count(samples: int, sample_rate: int = SAMPLE_RATE) -> int:
    """Frames for a waveform of so many samples: two for each 25 ms unit of Kokoro's, begun units included.

    Always even, so that F0 and energy line up with durations; 0 for no samples.
    """
    samples_24k = round(samples * SAMPLE_RATE / sample_rate)
    return SAMPLES_PER_UNIT // HOP_LENGTH * -(-samples_24k // SAMPLES_PER_UNIT)
