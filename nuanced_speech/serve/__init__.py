"""The HTTP server: speech, transcripts, voices and conversion for clients of OpenAI and ElevenLabs."""
