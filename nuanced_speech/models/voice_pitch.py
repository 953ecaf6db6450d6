"""The pitch of a voice: that of a sentence as Kokoro would read it."""

import torch

from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voice.style import Style

PITCH_SENTENCE = "We were away a year ago, and now the early morning is ours."
# Its phonemes: a conversion that speaks no text need not load the rules of English for them, which takes seconds.
PITCH_PHONEMES = "wˌi wɜɹ əwˈA ɐ jˈɪɹ əɡˈO, ænd nˈW ði ˈɜɹli mˈɔɹnɪŋ ɪz ˈWəɹz."


@torch.no_grad()
def pitch_of(kokoro: Kokoro, pack: Style) -> float:
    """Median F0, log2 Hz, of a sentence in a voice, a batch ``[510]``."""
    ids = kokoro.tokens(PITCH_PHONEMES)[None]
    prosody = kokoro.predict(kokoro.encode_text(ids), style_of(pack, ids.shape[1] - 2).vector[None])
    return median_log_f0(prosody.voiced_f0()[0])
