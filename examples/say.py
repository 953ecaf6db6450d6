"""Say a text with a voice.

python examples/say.py "Good morning." hello.wav
python examples/say.py "Good morning." hello.wav bf_emma
"""

import sys

from nuanced_speech import audio, speak

text, output, *rest = sys.argv[1:]
voice = rest[0] if rest else "af_heart"

wave = speak(text, voice)  # float32 [T] at 24 kHz
audio.write(output, wave)  # marks the file as synthetic
print(f"{output}: {len(wave) / audio.SAMPLE_RATE:.1f} s")
