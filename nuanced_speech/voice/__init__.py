"""Voices: Kokoro's stock voices, voice files, sums of voices, and how far from real voices a style may be."""
