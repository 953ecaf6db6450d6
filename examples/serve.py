"""Have a server speak a text, and write the sound while it is made.

Start the server in another terminal: nuanced-speech serve

    python examples/serve.py "Good morning." hello.mp3 bf_emma [http://127.0.0.1:8880]
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

text, out, voice = sys.argv[1:4]
address = sys.argv[4] if len(sys.argv) > 4 else "http://127.0.0.1:8880"
body = {"model": "nuanced-speech", "input": text, "voice": voice, "response_format": Path(out).suffix[1:]}
request = urllib.request.Request(
    f"{address}/v1/audio/speech",
    json.dumps(body).encode(),
    {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get('NUANCED_SPEECH_TOKEN', '')}"},
)
with urllib.request.urlopen(request) as response, open(out, "wb") as file:
    while chunk := response.read1():
        file.write(chunk)
        print(f"{out}: {file.tell()} bytes")
