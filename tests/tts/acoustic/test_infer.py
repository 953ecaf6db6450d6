"""Speech of acoustic models: sentences, pauses, speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tts.acoustic.small_models import small

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.tts.acoustic.infer import pieces_of, stream, token_ids, trimmed
from nuanced_speech.tts.acoustic.speakers import embedding_of
from nuanced_speech.tts.features import find, load
from nuanced_speech.tts.vocoders.griffin_lim import GriffinLim


@pytest.mark.slow
def test_text_is_spoken_sentence_by_sentence_with_pauses() -> None:
    pieces = pieces_of("Hello there. How are you?\n\nFine!", pause=0.5)
    assert [piece.pause for piece in pieces] == [0.5, 1.0, 1.0] and pieces[0].phonemes.startswith("həl")
    assert all(len(piece.phonemes) <= 200 for piece in pieces_of("and so on " * 100))
    model, vocoder, who = small("etts").eval(), GriffinLim(iterations=1), torch.rand(256)
    said = list(stream(pieces, model, vocoder, who))
    assert len(said) == 3 and not said[2].audio[: MEL.sample_rate].any() and said[0].mel.shape[1] == 80


def test_silence_at_the_ends_is_cut_and_faded() -> None:
    rate = MEL.sample_rate
    tone = np.sin(np.arange(rate) / 10).astype(np.float32)
    silence = np.zeros(rate, np.float32)
    cut = trimmed(np.concatenate([silence, tone, silence]))
    assert rate <= len(cut) <= 1.15 * rate and cut[0] == 0 and abs(cut[-1]) < 1e-3
    assert len(trimmed(silence)) == rate


def test_a_speaker_is_a_recording_a_voice_or_an_utterance(clip: Path, dummy: Path, tmp_path: Path) -> None:
    embedding = embedding_of(str(clip))
    assert embedding.shape == (256,) and float(embedding.norm()) == pytest.approx(1, abs=1e-3)
    path = find(dummy)[0]
    np.testing.assert_allclose(embedding_of(str(path)).numpy(), load(path).embedding, rtol=1e-6)
    with pytest.raises(UserError, match="does not exist"):
        embedding_of("nobody.wav")
    with pytest.raises(UserError, match="unknown voice"):
        embedding_of("nobody")


def test_phonemes_that_do_not_exist_are_named() -> None:
    known = vocabulary()
    assert token_ids("aQ€b").tolist() == [0, known["a"], known["Q"], known["b"], 0]
    with pytest.raises(UserError, match="€"):
        token_ids("a€b", strict=True)
    with pytest.raises(UserError, match="nothing speakable"):
        token_ids("...")
