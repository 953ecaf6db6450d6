"""Convert a recording, in its own voice or in another one.

python examples/convert.py in.wav out.wav
python examples/convert.py in.wav out.wav af_heart       # a stock voice, a voice of your own, a mix, or a recording
"""

import sys

from nuanced_speech import Converter

source, output, *rest = sys.argv[1:]
voice = rest[0] if rest else None

result = Converter().convert(source, voice=voice)
result.save(output)
print(f"{output}: {len(result.audio) / result.sample_rate:.1f} s, {result.rtf:.2f} x the recording's length to compute")
