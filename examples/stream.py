"""Convert a long recording, and write each part to the output as soon as it is ready.

python examples/stream.py in.wav out.wav
"""

import sys

from nuanced_speech import Converter, audio

source, output = sys.argv[1:]

seconds = 0.0
with audio.AudioWriter(output) as writer:
    for chunk in Converter().stream(source):  # float32 [T] at 24 kHz
        writer.write(chunk)
        seconds += len(chunk) / audio.SAMPLE_RATE
        print(f"{seconds:.1f} s")
