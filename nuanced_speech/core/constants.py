"""Rates and sizes that everything shares, derived from each other."""

from pathlib import Path

SAMPLE_RATE = 24_000
"""Hz: Kokoro's rate, and so that of all audio here that is not marked otherwise."""
WHISPER_SAMPLE_RATE = 16_000
"""Hz: what Whisper and the speaker encoder are given."""

UNITS_PER_SECOND = 40
"""Rate of content and durations: one duration unit is 25 ms."""
SAMPLES_PER_UNIT = SAMPLE_RATE // UNITS_PER_SECOND
SECONDS_PER_UNIT = 1 / UNITS_PER_SECOND
FRAMES_PER_UNIT = 2
"""F0 and energy have two frames for each duration unit."""
FRAME_RATE = UNITS_PER_SECOND * FRAMES_PER_UNIT
"""Hz: rate of F0 and energy."""
HOP_LENGTH = SAMPLE_RATE // FRAME_RATE
"""Samples between frames of F0 and energy."""

FEATURE_RATE = 50
"""Hz: rate of Whisper's encoder features."""
FEATURE_FRAMES_PER_UNIT = FEATURE_RATE / UNITS_PER_SECOND

TIMBRE_DIM = 128
"""First numbers of a style: they drive the decoder."""
PROSODY_DIM = 128
"""Last numbers of a style: they drive the predictor."""
STYLE_DIM = TIMBRE_DIM + PROSODY_DIM
SPEAKER_DIM = 256
"""Numbers of a speaker embedding."""
CONTENT_DIM = 512
"""Numbers of Kokoro's text features, for each unit."""
ENVELOPE_BANDS = 64
"""Mel bands of a recording's spectral envelope."""
MAX_PHONEMES = 510
"""Longest phoneme string that Kokoro takes."""
PACK_ROWS = MAX_PHONEMES
"""Rows of a voice pack: one style for each number of phonemes."""
VOICED_HZ = 20.0
"""Predicted F0 below this means unvoiced."""

SEMITONES = 12
"""Semitones in an octave."""

KOKORO_LEVEL_DB = -24.0
"""Active level of Kokoro's own speech: energy is an absolute level, so recordings are brought to this one first."""
ENERGY_OFFSET = 0.6
"""Energy that the predictor gives minus energy measured of what the decoder makes of it."""
SHARPNESS = 0.75
"""Share of recognised phonemes' text features in content, the rest being the regression's (docs/experiments.md)."""

OWN_VOICE = "own"
"""Name of the recording's own voice, where a voice is named."""
SYNTHETIC = "synthetic speech made with Nuanced Speech"
"""Mark in the metadata of written files: a RIFF INFO chunk in WAV, a Vorbis comment in FLAC and OGG."""

DATA = Path(__file__).parent.parent / "data"
"""Folder of the packaged weights."""
FAST_DECODER = DATA / "fast_decoder.safetensors"
"""Weights of the packaged fast decoder."""
