"""Convert a recording over the server's live WebSocket, as a microphone would send it.

python examples/live.py in.wav out.wav [VOICE] [ADDRESS]     # the server runs: nuanced-speech serve
"""

import base64
import json
import sys
import wave

from websockets.sync.client import connect

from nuanced_speech import audio

source, target = sys.argv[1], sys.argv[2]
voice = sys.argv[3] if len(sys.argv) > 3 else "af_heart"
address = (sys.argv[4] if len(sys.argv) > 4 else "http://127.0.0.1:8880").replace("http", "ws", 1)

pcm = audio.to_int16(audio.read(source)).tobytes()
heard = b""
with connect(f"{address}/v1/realtime/translations") as socket:
    settings = {"audio": {"output": {"voice": voice}}}
    socket.send(json.dumps({"type": "session.update", "session": settings}))
    for start in range(0, len(pcm), 9600):  # a fifth of a second
        part = base64.b64encode(pcm[start : start + 9600]).decode()
        socket.send(json.dumps({"type": "session.input_audio_buffer.append", "audio": part}))
    socket.send(json.dumps({"type": "session.close"}))
    for message in socket:
        event = json.loads(message)
        if event["type"] == "error":
            sys.exit(event["error"]["message"])
        if event["type"] == "session.output_audio.delta":
            heard += base64.b64decode(event["delta"])
with wave.open(target, "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(24_000)
    file.writeframes(heard)
print(f"wrote {target}")
