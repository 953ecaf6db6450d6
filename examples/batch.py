"""Convert many recordings into one voice, several at the same time, with models that are loaded once.

python examples/batch.py af_heart converted/ one.wav two.flac three.mp3
"""

import sys
from pathlib import Path

from nuanced_speech import Converter, convert_many

voice, folder, *sources = sys.argv[1:]
Path(folder).mkdir(parents=True, exist_ok=True)

for source, conversion in zip(sources, convert_many(Converter(), sources, voice=voice), strict=True):
    output = Path(folder) / f"{Path(source).stem}.wav"
    conversion.save(output)
    print(output)
