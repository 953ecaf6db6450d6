"""A speaker's voice from recordings, as a voice pack that speaks any text.

The timbre half is found by its likeness to the speaker (``models.timbre_surrogate``), the prosody half by its melody
and pace (``adapt.prosody_fit``). On request the timbre is refined through the synthesizer; where Kokoro itself spoke
the recordings, both halves are.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.adapt.prosody_fit import ProsodyFitConfig, TimedSentence, fit_prosody
from nuanced_speech.adapt.voice_adaptation import AdaptationConfig, VoiceAdapter
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.enrollment import EnrollmentConfig, EnrollmentRecording, read_recordings
from nuanced_speech.analysis.features import SegmentFeatures, mean_speaker, mean_style
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.core.constants import MAX_PHONEMES, SAMPLES_PER_UNIT, SECONDS_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress, part_of
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.timbre_surrogate import F0_CENTRE
from nuanced_speech.models.whisper import check_language
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import LANGUAGES
from nuanced_speech.voice.adaptation import DecoderAdaptation
from nuanced_speech.voice.files import check_name
from nuanced_speech.voice.provenance import Source, new_provenance
from nuanced_speech.voice.stock import VOICE_LANGUAGES, iso_639, stock_voices, style_of
from nuanced_speech.voice.style import Style
from nuanced_speech.voice.voice import Voice

# So many pieces of about this length are transcribed, to learn the speaker's pace: Whisper takes a second for each.
TRANSCRIBED, TRANSCRIBED_SECONDS = 2, 6.0
# They are tried beside the speaker's own words, and in their place where those are not known.
SENTENCES = (
    "We were away a year ago, and now the early morning is ours.",
    "The north wind and the sun were arguing one day which of them was stronger.",
)


@dataclass(frozen=True)
class Clone:
    """A cloned voice, and the measurements of its recordings.

    Attributes:
        voice: the voice.
        recordings: its recordings, silence cut out.
        embedding: of the speaker, of length 1 ``[256]``.
        log_f0: of the speaker's voiced frames, log2 Hz ``[N]``.
        warnings: what is wrong with the recordings, a line each.
    """

    voice: Voice
    recordings: list[EnrollmentRecording]
    embedding: np.ndarray
    log_f0: np.ndarray
    warnings: list[str]


@dataclass(frozen=True)
class CloningConfig:
    """Settings of the searches for the prosody half and, with refinement, for the timbre half; which recordings make a
    voice; and English ``sentences`` to fit the prosody on."""

    prosody: ProsodyFitConfig = field(default_factory=ProsodyFitConfig)
    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)
    enrollment: EnrollmentConfig = field(default_factory=EnrollmentConfig)
    sentences: tuple[str, ...] = SENTENCES


@torch.no_grad()
def clone(
    recordings: Sequence[str | Path],
    name: str,
    *,
    consent: str,
    language: str | None = None,
    refine: int = 0,
    one_speaker: bool = False,
    seed: int = 0,
    models: ModelBank | None = None,
    progress: Progress | None = None,
    config: CloningConfig = CloningConfig(),
    decoder: Decoder | None = None,
) -> Clone:
    """The voice of the speaker of some recordings.

    Args:
        recordings: files of any format and length, together at least three seconds of speech.
        name: name of the voice.
        consent: the speaker's agreement, in words; kept in the voice.
        language: language of the recordings, ISO 639-1; detected by Whisper if None.
        refine: largest number of steps of gradient descent through the synthesizer, or through a fast decoder, whose
            changes are kept beside the pack then.
        one_speaker: skip the check that all recordings have one speaker.
        seed: random seed of the passages that refinement tries.
        models: bank of models; a new one if None.
        progress: called with the share that is done.
        config: settings of the searches.
        decoder: decoder to refine for; Kokoro's own if omitted.

    Raises:
        UserError: as ``analysis.enrollment.read_recordings``; no consent; not a name for a voice; unknown language;
            nothing voiced.
    """
    _check(recordings, name, consent, language, refine)
    models = models or ModelBank()
    analyze, encoder = Analyzer(models), models.speaker_encoder
    enrolled, warnings = read_recordings([*map(Path, recordings)], encoder, one_speaker, config.enrollment)
    phonemes = refine > 0 and language in (None, "en")
    features = [item for one in enrolled for item in analyze(one.wave, segment(one.wave), phonemes=phonemes)]
    f0 = np.concatenate([f.f0 for f in features])
    log_f0 = np.log2(f0[f0 > 0])
    embedding = mean_speaker(features)
    if embedding is None or not len(log_f0):
        raise UserError("there is no voice in the recordings: give recordings of speech")
    if progress is not None:
        progress(0.1)

    median = torch.tensor([median_log_f0(f0)], device=models.device).nan_to_num(F0_CENTRE)
    timbre = models.timbre_surrogate.find(embedding[None], median)[0]
    sentences, language = _sentences(models, enrolled, language, config.sentences)
    fit_progress = part_of(progress, 0.2, 0.3 if refine else 1.0)
    prosody = _prosody_rows(models, sentences, language, log_f0, fit_progress, config.prosody)
    adapter, rest = VoiceAdapter(models, config=config.adaptation, decoder=decoder), part_of(progress, 0.3, 1.0)
    timbre, prosody, adaptation = _refined(adapter, features, timbre, prosody, refine, seed, rest)
    pack = torch.cat([_timbre_rows(timbre.cpu()), prosody], 1)
    sources = tuple(Source(recording.path.name, recording.sha256) for recording in enrolled)
    provenance = new_provenance("clone", language=language, sources=sources, consent=consent.strip())
    voice = Voice(name, pack, provenance, adaptation, RecordedVoice(features).frames())
    return Clone(voice, enrolled, embedding.cpu().numpy(), log_f0, warnings)


def _check(recordings: Sequence[str | Path], name: str, consent: str, language: str | None, refine: int) -> None:
    """Complain, before any work, of what cannot be cloned.

    Raises:
        UserError: as ``clone``.
    """
    check_name(name)
    if not consent.strip():
        raise UserError("a voice is cloned only with its speaker's consent: say what was agreed to")
    if refine < 0:
        raise UserError(f"refine {refine}: give a number of steps")
    if not recordings:
        raise UserError("give at least one recording to clone a voice from")
    if language is not None:
        check_language(language)


def _refined(
    adapter: VoiceAdapter,
    features: list[SegmentFeatures],
    timbre: Tensor,
    prosody: Tensor,
    steps: int,
    seed: int,
    progress: Progress | None,
) -> tuple[Tensor, Tensor, DecoderAdaptation | None]:
    """A timbre ``[128]`` and prosody ``[510, 128]`` after refinement through the synthesizer; or these as they were,
    and what the speaker changes in a fast decoder. Nothing happens in no steps."""
    if not steps:
        return timbre, prosody, None
    start = replace(mean_style(features), timbre=timbre)
    adapted = adapter([replace(item, style=start) for item in features], steps, seed, progress)
    if adapted.synthetic:
        # the prosody half is known better than by its melody only where Kokoro made the recordings
        prosody = prosody + adapted.style.prosody.cpu() - style_of(prosody)
    return adapted.style.timbre, prosody, adapted.decoder


def _sentences(
    models: ModelBank, recordings: list[EnrollmentRecording], language: str | None, fixed: Sequence[str]
) -> tuple[list[TimedSentence], str]:
    """What to fit melody and pace on, and the language: two pieces' words, and in English or if need be fixed ones."""
    pieces = [(recording.wave, piece) for recording in recordings for piece in segment(recording.wave)]
    pieces.sort(key=lambda item: abs((item[1].end - item[1].start) * SECONDS_PER_UNIT - TRANSCRIBED_SECONDS))
    sentences: list[TimedSentence] = []
    for wave, piece in pieces[:TRANSCRIBED]:
        # the margins belong to the neighbours, and silence is cut out: what is left is the sentence
        sentence_wave = wave[piece.start * SAMPLES_PER_UNIT : piece.end * SAMPLES_PER_UNIT]
        transcript = models.transcriber.transcribe(to_16k(sentence_wave), language)
        language = language or transcript.language
        if language in LANGUAGES:
            with suppress(UserError):  # nothing speakable
                sentences.append(
                    TimedSentence(phonemize(transcript.text, language)[:MAX_PHONEMES], piece.end - piece.start)
                )
    sentences = [sentence for sentence in sentences if sentence.plausible]
    language = language or "en"
    if language == "en" or not sentences:
        sentences += [TimedSentence(phonemize(text)) for text in fixed]
    return sentences, language


def _timbre_rows(timbre: Tensor) -> Tensor:
    """A timbre ``[128]`` for every number of phonemes ``[510, 128]``: it moves as the nearest stock voice's does."""
    stock = [Style.from_vector(pack).timbre for pack in stock_voices().values()]
    nearest = min(stock, key=lambda rows: float((style_of(rows) - timbre).square().sum()))
    return timbre + nearest - style_of(nearest)


def _prosody_rows(
    models: ModelBank,
    sentences: list[TimedSentence],
    language: str,
    log_f0: np.ndarray,
    progress: Progress | None,
    config: ProsodyFitConfig,
) -> Tensor:
    """The prosody ``[510, 128]`` that fits best of mixtures of the language's voices, of all voices if it has none."""
    names = [name for name in stock_voices() if name not in config.left_out]
    same_language = [name for name in names if iso_639(VOICE_LANGUAGES[name[0]]) == language]
    packs = torch.stack([stock_voices()[name] for name in same_language or names])
    weights = fit_prosody(models.kokoro, sentences, log_f0, packs, progress, config)
    return Style.from_vector(torch.einsum("v,vrs->rs", weights, packs)).prosody
