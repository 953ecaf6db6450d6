"""The classifier of emotions: it is trained without the actor, and counts the emotions that a conversion keeps."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from nuanced_speech import audio
from nuanced_speech.evaluate import emotion
from nuanced_speech.evaluate.emotion import Acted, Judged

SIGNS = {"angry": np.array([3.0, 0.0, 0.0]), "calm": np.array([0.0, 3.0, 0.0])}


def acted(rng: np.random.Generator, actors: str = "abc", backwards: str = "") -> dict[str, Acted]:
    """Clips whose first two features tell the emotion; of some actors they tell the opposite."""
    clips = {}
    for actor in actors:
        for mood, other in (("angry", "calm"), ("calm", "angry")):
            for k in range(6):
                features = SIGNS[other if actor in backwards else mood] + rng.normal(0, 0.3, 3)
                clips[f"{actor}-{mood}-{k}"] = Acted(features, actor, mood)
    return clips


def test_kept_emotions_are_counted() -> None:
    clips = acted(np.random.default_rng(0))
    same = {name: clip.features for name, clip in clips.items()}
    judged = emotion.judge(clips, same)
    assert len(judged) == 36
    assert emotion.right_on_originals(judged) == emotion.kept_emotions(judged) == 1
    flat = {name: SIGNS["calm"] for name in clips}
    judged = emotion.judge(clips, flat)
    assert emotion.right_on_originals(judged) == 1
    assert emotion.kept_emotions(judged) == emotion.right_on_conversions(judged) == 0.5
    only_known = [Judged("angry", "calm", "angry"), Judged("angry", "angry", "calm")]
    assert emotion.kept_emotions(only_known) == 0 and emotion.right_on_conversions(only_known) == 0.5


def test_the_classifier_is_not_trained_on_the_actor() -> None:
    clips = acted(np.random.default_rng(0), backwards="c")
    judged = emotion.judge(clips, {name: clip.features for name, clip in clips.items() if clip.actor == "c"})
    assert len(judged) == 12 and emotion.right_on_originals(judged) == 0


def test_features_of_an_actor_are_no_emotion() -> None:
    clips = acted(np.random.default_rng(0))
    shifted = {n: Acted(c.features + (40 if c.actor == "b" else 0), c.actor, c.emotion) for n, c in clips.items()}
    judged = emotion.judge(shifted, {name: clip.features for name, clip in shifted.items()})
    assert emotion.right_on_originals(judged) == emotion.kept_emotions(judged) == 1


def test_a_table_without_clips_is_empty() -> None:
    assert emotion.markdown({"direct": []}) == ""
    assert "| direct | 1 | 100.0% | 0.0% | 0.0% |" in emotion.markdown({"direct": [Judged("calm", "calm", "angry")]})


@pytest.mark.skipif(find_spec("opensmile") is None, reason="extra 'benchmark'")
def test_features_depend_on_the_voice_and_not_on_the_level(clip: Path) -> None:
    wave = audio.read(clip)
    features = emotion.egemaps(wave, audio.SAMPLE_RATE)
    assert features.shape == (88,) and np.isfinite(features).all()
    quiet = emotion.egemaps(wave * 0.1, audio.SAMPLE_RATE)
    assert np.allclose(features, quiet, rtol=0.02, atol=0.02)
    # positive, unlike quotients by a mean, which have its sign
    spreads = [k for k, name in enumerate(emotion._smile().feature_names) if name.endswith("stddevNorm")]
    assert len(spreads) > 20 and (features[spreads] > 0).all()
    faster = emotion.egemaps(wave[: len(wave) // 2], audio.SAMPLE_RATE)
    assert not np.allclose(features, faster, rtol=0.02, atol=0.02)
