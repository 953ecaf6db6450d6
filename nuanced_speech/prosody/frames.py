"""The time grid that F0 and energy share: 80 frames a second, frame k centred at k * 12.5 ms."""

SAMPLE_RATE = 24_000
HOP_LENGTH = 300
FRAME_RATE = SAMPLE_RATE / HOP_LENGTH
SAMPLES_PER_UNIT = 600


def frame_count(samples: int, sample_rate: int = SAMPLE_RATE) -> int:
    """Frames for a waveform of so many samples: two for each 25 ms unit of Kokoro's, begun units included.

    Always even, so that F0 and energy line up with durations; 0 for no samples.
    """
    samples_24k = round(samples * SAMPLE_RATE / sample_rate)
    return SAMPLES_PER_UNIT // HOP_LENGTH * -(-samples_24k // SAMPLES_PER_UNIT)
