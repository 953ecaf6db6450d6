"""Convert many recordings into one voice, with models that are loaded once.

python examples/batch.py af_heart converted/ one.wav two.flac three.mp3
"""

import sys
from pathlib import Path

from nuanced_speech import Converter

voice, folder, *sources = sys.argv[1:]
Path(folder).mkdir(parents=True, exist_ok=True)

converter = Converter()
for source in sources:
    output = Path(folder) / f"{Path(source).stem}.wav"
    converter.convert(source, voice=voice).save(output)
    print(output)
