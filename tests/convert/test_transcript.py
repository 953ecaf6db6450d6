"""The phonemes of heard words."""

from __future__ import annotations

import numpy as np
import torch

from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert.transcript import with_phonemes
from nuanced_speech.dsp.spectral_balance import SpectralBalance
from nuanced_speech.models import whisper
from nuanced_speech.models.whisper import Transcript, TranscriptWord
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.style import Style


def silent(start: int, end: int) -> SegmentFeatures:
    none = np.zeros(0, np.float32)
    balance = SpectralBalance(none, none, none, none)
    style = Style.from_vector(torch.zeros(256))
    return SegmentFeatures(
        Segment(start, end, start, end),
        SegmentFrames(none, torch.zeros(512, 0), np.zeros((0, 178), np.float32), balance),
        none,
        none,
        style,
        none,
    )


def test_the_dictionary_counts_for_recognised_words() -> None:
    words = [TranscriptWord("Nguyen", 0.1, 0.4), TranscriptWord("left", 1.2, 1.5)]
    transcript = Transcript("Nguyen left", "en", [whisper.TranscriptSegment("Nguyen left", 0.0, 2.0, words)])
    features = [silent(0, 40), silent(40, 80)]
    names = Dictionary({"Nguyen": "/wˈɪn/", "left": "right"})
    assert [item.phonemes for item in with_phonemes(transcript, features, names)] == ["wˈɪn", phonemize("right")]
    plain = [item.phonemes for item in with_phonemes(transcript, features, None)]
    assert plain == [phonemize("Nguyen"), phonemize("left")]
