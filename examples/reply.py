"""Answer a spoken question aloud, in the tone of the question. Needs the extra "reply".

python examples/reply.py question.wav answer.wav
python examples/reply.py question.wav answer.wav af_heart
"""

import sys

from nuanced_speech import audio, reply

question, output, *rest = sys.argv[1:]

answer = reply(question, rest[0] if rest else None)  # in the speaker's own voice if no other is named
answer.save(output)  # marks the file as synthetic
print(f"heard: {answer.question} ({answer.tone or 'plain'})")
print(f"answer: {answer.answer}")
print(f"{output}: {len(answer.audio) / audio.SAMPLE_RATE:.1f} s")
