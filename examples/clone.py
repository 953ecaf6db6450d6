"""Make a voice from recordings of a speaker who agreed to it, and say a sentence with it.

python examples/clone.py me "my own voice" hello.wav me1.wav me2.mp3
"""

import sys

from nuanced_speech import audio, clone_voice, speak

name, consent, output, *recordings = sys.argv[1:]

voice = clone_voice(recordings, name, consent=consent)
voice.save("voices")
audio.write(output, speak("This is a test of my new voice.", voice), comment=voice.mark)
print(f"voices/{name}.safetensors and {output}")
