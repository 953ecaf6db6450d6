"""The pitch of a voice."""

from nuanced_speech.models.voice_pitch import PITCH_PHONEMES, PITCH_SENTENCE
from nuanced_speech.text.g2p import phonemize


def test_the_phonemes_of_the_pitch_sentence_are_those_of_its_text() -> None:
    assert phonemize(PITCH_SENTENCE) == PITCH_PHONEMES
