"""Instructions: words for the manner change a voice, and leave who it is."""

from __future__ import annotations

import torch

from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.attributes import NAMES
from nuanced_speech.voicemaking.directions import directions
from nuanced_speech.voicemaking.instructions import instructed


def test_the_manner_changes_as_the_words_say() -> None:
    voice = Voice.load("af_heart")
    slow = instructed(voice, "Speak slowly and calmly, as an old man would.")
    assert set(slow.levels) == {"pace", "movement", "energy"} and all(level < 0 for level in slow.levels.values())
    step = (slow.voice.pack - voice.pack)[100].double().numpy()
    # attributes are linear in the style: the predicted change has the signs that were asked for
    change = dict(zip(NAMES, directions().weights @ directions().whitened(step + directions().mean), strict=True))
    assert change["pace"] < 0 and change["movement"] < 0
    assert torch.allclose((slow.voice.pack - voice.pack)[0], (slow.voice.pack - voice.pack)[509], atol=1e-5)
    fast = instructed(voice, "fast, excited")
    assert fast.levels["pace"] > 0 and not torch.equal(fast.voice.pack[:, TIMBRE_DIM:], voice.pack[:, TIMBRE_DIM:])


def test_what_is_not_understood_changes_nothing() -> None:
    voice = Voice.load("bm_george")
    for text in ("Xyzzy.", "slow and fast", "a man", ""):
        assert instructed(voice, text).levels == {} and instructed(voice, text).voice is voice
