"""Ask a server a spoken question, and take the spoken answer while it is made.

Start the server in another terminal: nuanced-speech serve

    python examples/answer.py question.wav answer.wav [VOICE] [http://127.0.0.1:8880]
"""

import base64
import json
import os
import sys
import wave
from pathlib import Path

from httpx import stream

question, output = sys.argv[1:3]
voice = sys.argv[3] if len(sys.argv) > 3 else "own"
address = sys.argv[4] if len(sys.argv) > 4 else "http://127.0.0.1:8880"
secret = {"xi-api-key": os.environ.get("NUANCED_SPEECH_TOKEN", "")}
recording = {"audio": (Path(question).name, Path(question).read_bytes())}
with stream(
    "POST", f"{address}/v1/reply", data={"voice": voice}, files=recording, headers=secret, timeout=300
) as reply:
    if reply.is_error:
        sys.exit(reply.read().decode())
    with wave.open(output, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        for line in reply.iter_lines():
            event = json.loads(line.removeprefix("data:") or "{}")
            if "error" in event:
                sys.exit(event["error"]["message"])
            if event.get("type") == "reply.heard":
                print(f"heard: {event['text']} ({event['delivery'] or 'plain'})")
            if event.get("type") == "reply.audio.delta":
                file.writeframes(base64.b64decode(event["audio"]))
            if event.get("type") == "reply.done":
                print(f"answer: {event['answer']}")
