"""Have a server convert a recording, and write the sound while it is made.

Start the server in another terminal: nuanced-speech serve

    python examples/change.py in.wav out.mp3 [VOICE] [http://127.0.0.1:8880]
"""

import os
import sys
from pathlib import Path

from httpx import stream

source, output = map(Path, sys.argv[1:3])
voice = sys.argv[3] if len(sys.argv) > 3 else "own"
address = sys.argv[4] if len(sys.argv) > 4 else "http://127.0.0.1:8880"
forms = {".mp3": "mp3_44100_128", ".wav": "wav_24000", ".opus": "opus_48000_64"}
if output.suffix not in forms:
    sys.exit(f"{output}: end the name in one of {', '.join(forms)}")
url = f"{address}/v1/speech-to-speech/{voice}/stream"
form, recording = {"output_format": forms[output.suffix]}, {"audio": (source.name, source.read_bytes())}
secret = {"xi-api-key": os.environ.get("NUANCED_SPEECH_TOKEN", "")}
with stream("POST", url, params=form, files=recording, headers=secret, timeout=600) as answer:
    if answer.is_error:
        sys.exit(answer.read().decode())
    with output.open("wb") as file:
        for data in answer.iter_bytes():
            file.write(data)
            print(f"{output}: {file.tell()} bytes")
