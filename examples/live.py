"""Convert a recording over the server's live WebSocket, in real time, as a microphone would send it.

python examples/live.py in.wav out.wav [VOICE] [ADDRESS]     # the server runs: nuanced-speech serve
"""

import base64
import json
import os
import sys
import threading
import time
import wave

from websockets.sync.client import ClientConnection, connect

from nuanced_speech import audio

source, target = sys.argv[1:3]
voice = sys.argv[3] if len(sys.argv) > 3 else "af_heart"
address = (sys.argv[4] if len(sys.argv) > 4 else "http://127.0.0.1:8880").replace("http", "ws", 1)
secret = {"xi-api-key": os.environ.get("NUANCED_SPEECH_TOKEN", "")}
pcm = audio.to_int16(audio.read(source)).tobytes()


def speak(socket: ClientConnection) -> None:
    for start in range(0, len(pcm), 9600):  # a fifth of a second
        part = base64.b64encode(pcm[start : start + 9600]).decode()
        socket.send(json.dumps({"type": "session.input_audio_buffer.append", "audio": part}))
        time.sleep(0.2)
    socket.send(json.dumps({"type": "session.close"}))


with connect(f"{address}/v1/realtime/translations", additional_headers=secret) as live, wave.open(target, "wb") as file:
    file.setparams((1, 2, 24_000, 0, "NONE", "not compressed"))
    live.send(json.dumps({"type": "session.update", "session": {"audio": {"output": {"voice": voice}}}}))
    threading.Thread(target=speak, args=[live], daemon=True).start()
    for event in map(json.loads, live):
        if event["type"] == "error":
            sys.exit(event["error"]["message"])
        if event["type"] == "session.output_audio.delta":
            file.writeframes(base64.b64decode(event["delta"]))
print(f"wrote {target}")
