"""What comes out of a conversion."""

from nuanced_speech.convert.conversion import times_of
from nuanced_speech.models.voice_activity import SpeechStretch


def test_times_of_places_are_named() -> None:
    places = [SpeechStretch(float(k), k + 0.52) for k in range(5)]
    assert times_of(places[:2]) == "0.0-0.5 s, 1.0-1.5 s" and times_of([]) == ""
    assert times_of(places) == "0.0-0.5 s, 1.0-1.5 s, 2.0-2.5 s and 2 more"
