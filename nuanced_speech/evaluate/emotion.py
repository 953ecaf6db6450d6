"""Emotion of conversions: a classifier predicts the acted emotion from the original and from the conversion.

Features are openSMILE's eGeMAPSv02 functionals (Eyben et al. 2016) minus the actor's mean over all originals, which
removes what is typical of the actor. The classifier is logistic regression, trained on the originals of all other
actors (leave one actor out).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.progress import Progress
from nuanced_speech.evaluate.recordings import EvaluationRecording

LEVEL_DB = -26.0
# Inverse regularisation: the best of five on RAVDESS (docs/experiments.md#evaluate-inverse-regularisation-003).
INVERSE_REGULARISATION = 0.03


@dataclass(frozen=True)
class Acted:
    """A recording of a known emotion: ``features [88]``, the actor, and the emotion."""

    features: np.ndarray
    actor: str
    emotion: str


@dataclass(frozen=True)
class Judged:
    """Emotions of one clip: the acted one, and those predicted from the original and from the conversion."""

    emotion: str
    original: str
    conversion: str


def available() -> bool:
    """Whether the packages are installed."""
    return find_spec("opensmile") is not None and find_spec("sklearn") is not None


def egemaps(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """eGeMAPSv02 functionals ``[88]`` of ``wave [T]``, which is brought to one level first.

    Spreads are multiplied by the mean that openSMILE divides them by, since means of slopes and cepstra may be near 0.
    The classifier recognised 42 % of 180 RAVDESS originals by the quotients, and 60 % by the spreads.
    """
    level = audio.active_level_db(wave, sample_rate)
    wave = audio.resample(wave, sample_rate, audio.WHISPER_SAMPLE_RATE)
    gain = 10 ** ((LEVEL_DB - level) / 20) if np.isfinite(level) else 1.0
    features = np.nan_to_num(_smile().process_signal(wave * gain, audio.WHISPER_SAMPLE_RATE).to_numpy()[0])
    for spread, mean in _spreads():
        features[spread] *= features[mean]
    return features


def judge(originals: Mapping[str, Acted], conversions: Mapping[str, np.ndarray]) -> list[Judged]:
    """Predictions for all conversions, by classifiers that were not trained on the actor in question.

    Only the mean over the actor's originals, of all emotions, is used. All actors should act the same emotions.

    Args:
        originals: acted recordings by name.
        conversions: features ``[88]`` by the name of the original.
    """
    predictions = []
    actors = sorted({acted.actor for acted in originals.values()})
    actor_means = {
        actor: np.mean([acted.features for acted in originals.values() if acted.actor == actor], 0) for actor in actors
    }
    for actor in actors:
        names = [name for name, acted in originals.items() if acted.actor == actor and name in conversions]
        others = [acted for acted in originals.values() if acted.actor != actor]
        if not names or len({acted.emotion for acted in others}) < 2:
            continue
        classifier = _fit(np.stack([a.features - actor_means[a.actor] for a in others]), [a.emotion for a in others])
        before = classifier.predict(np.stack([originals[name].features - actor_means[actor] for name in names]))
        after = classifier.predict(np.stack([conversions[name] - actor_means[actor] for name in names]))
        predictions += [Judged(originals[n].emotion, b, a) for n, b, a in zip(names, before, after, strict=True)]
    return predictions


def probe(
    recordings: Sequence[EvaluationRecording],
    conversions: Mapping[str, Mapping[str, Path]],
    progress: Progress | None = None,
) -> dict[str, list[Judged]]:
    """Predictions for each system.

    Args:
        recordings: originals; those of unknown emotion are left out.
        conversions: files by system, then by the name of the original.
        progress: called with the share of the originals that are done, 0 to 1.
    """
    originals = {}
    for number, r in enumerate(recordings, 1):
        if r.emotion:
            originals[r.name] = Acted(_of_file(r.path), r.speaker, r.emotion)
        if progress is not None:
            progress(number / len(recordings))
    return {
        system: judge(originals, {name: _of_file(path) for name, path in paths.items() if name in originals})
        for system, paths in conversions.items()
    }


def markdown(judged: Mapping[str, Sequence[Judged]]) -> str:
    """A table with a row for each system; empty where there are no predictions."""
    rows = [
        f"| {system} | {len(clips)} | {right_on_originals(clips):.1%} | {right_on_conversions(clips):.1%} "
        f"| {kept_emotions(clips):.1%} |"
        for system, clips in judged.items()
        if clips
    ]
    head = ["| system | clips | right on originals | right on conversions | kept of these |", "|---|---|---|---|---|"]
    return "\n".join(head + rows) if rows else ""


def right_on_originals(judged: Sequence[Judged]) -> float:
    """Share of originals whose emotion is recognised."""
    return float(np.mean([j.original == j.emotion for j in judged])) if judged else float("nan")


def right_on_conversions(judged: Sequence[Judged]) -> float:
    """Share of conversions whose emotion is recognised."""
    return float(np.mean([j.conversion == j.emotion for j in judged])) if judged else float("nan")


def kept_emotions(judged: Sequence[Judged]) -> float:
    """Share of conversions whose emotion is recognised, of those whose original's emotion is recognised."""
    recognised = [j.conversion == j.emotion for j in judged if j.original == j.emotion]
    return float(np.mean(recognised)) if recognised else float("nan")


def _of_file(path: Path) -> np.ndarray:
    return egemaps(audio.read(path), audio.SAMPLE_RATE)


def _fit(features: np.ndarray, emotions: Sequence[str]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000))
    return classifier.fit(features, emotions)


@lru_cache(maxsize=1)
def _spreads() -> list[tuple[int, int]]:
    """Indices of the spreads among the features, each with the index of the mean that it is divided by."""
    names = _smile().feature_names
    ends = "stddevNorm", "amean"
    return [(k, names.index(name.replace(*ends))) for k, name in enumerate(names) if name.endswith(ends[0])]


@lru_cache(maxsize=1)
def _smile() -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
