"""A voice from recordings: what is made of good ones, and what is said of bad ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers import SAMPLE

from nuanced_speech import Converter, audio
from nuanced_speech.adapt.decoder_adaptation import DecoderAdaptationConfig
from nuanced_speech.adapt.prosody_fit import ProsodyFit, ProsodyFitConfig, TimedSentence, fit_prosody
from nuanced_speech.adapt.refinement import RefinementConfig
from nuanced_speech.adapt.style_inversion import InversionConfig
from nuanced_speech.adapt.voice_adaptation import AdaptationConfig
from nuanced_speech.analysis.enrollment import read_recording, read_recordings
from nuanced_speech.core.constants import SAMPLE_RATE, TIMBRE_DIM
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate import report, voice_report
from nuanced_speech.evaluate.quality import Quality
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voicemaking.cloning import Clone, CloningConfig, clone


@pytest.fixture(scope="module")
def models(converter: Converter) -> ModelBank:
    return converter.models


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of real speech by another speaker than ``clip``'s."""
    path = tmp_path_factory.mktemp("longer") / SAMPLE.name
    audio.write(path, audio.read(SAMPLE)[: 4 * SAMPLE_RATE], comment="")
    return path


# enough voices to choose from
CHOSEN = {"af_heart", "am_adam", "am_michael", "am_onyx", "bf_emma", "bm_george"}
SHORT = CloningConfig(
    prosody=ProsodyFitConfig(steps=6, left_out=frozenset(set(stock_voices()) - CHOSEN)),
    sentences=("We were away a year ago.",),
)


@pytest.fixture(scope="module")
def cloned(models: ModelBank, clip: Path, longer: Path) -> Clone:
    return clone([clip, longer], "huck", consent="The recording is public.", models=models, config=SHORT)


@pytest.mark.slow
def test_a_clone_has_its_speakers_sound_and_pitch(models: ModelBank, cloned: Clone, tmp_path: Path) -> None:
    sentence = "Nobody asked him where he was going."
    recordings = {str(recording.path): recording.wave for recording in cloned.recordings}
    speaker = voice_report.TargetSpeaker(recordings, cloned.embedding, cloned.log_f0, cloned.warnings)
    # predicted opinions are other tests' matter, and slow to load
    figures, spoken = voice_report.measure(
        cloned.voice, speaker, models, nearest=1, sentence=sentence, judge=lambda wave, rate: Quality()
    )
    assert figures.sentence == sentence
    assert figures.wer <= 0.2
    assert figures.similarity > max(figures.nearest_stock.values()) + 0.03
    assert figures.held_out is not None and 0.5 < figures.held_out < 0.99
    assert len(figures.predicted_stock) == 54 and set(figures.by_recording) == {str(r.path) for r in cloned.recordings}
    assert abs(np.log2(figures.f0_median / figures.recordings_f0_median)) < 2 / 12
    known = cloned.voice.provenance
    assert known.kind == "clone" and known.language == "en" and known.consent == "The recording is public."
    assert [source.name for source in known.sources] == ["clip.flac", "huckleberry.flac"]
    sheet, sound, picture = voice_report.write(tmp_path, cloned.voice, speaker, figures, spoken)
    assert '"wer"' in sheet.read_text() and picture.read_bytes().startswith(b"\x89PNG")
    assert audio.synthetic_mark(sound) == f"{audio.SYNTHETIC}; voice: huck (clone)"


def test_every_row_of_a_clone_is_a_style(cloned: Clone) -> None:
    pack = cloned.voice.pack
    stock = torch.stack(list(stock_voices().values()))
    assert pack.shape == (510, 256) and bool(pack.isfinite().all())
    # rows move with the number of phonemes about as much as stock voices' do
    moves = [(p[..., 9, :] - p[..., 119, :]).norm(dim=-1) for p in (pack, stock)]
    assert moves[1].min() * 0.5 < moves[0] < moves[1].max() * 1.5


@pytest.mark.slow
def test_all_rows_of_a_refined_clone_move_alike(models: ModelBank, cloned: Clone, clip: Path, longer: Path) -> None:
    # as if Kokoro had made the recordings: only then the prosody is refined too
    inversion = InversionConfig(crop_units=24, synthetic_distance=np.inf)
    config = replace(
        SHORT, adaptation=AdaptationConfig(refinement=RefinementConfig(crop_units=24), inversion=inversion)
    )
    told: list[float] = []
    made = clone([clip, longer], "huck", consent="Yes.", models=models, refine=1, progress=told.append, config=config)
    moved = made.voice.pack - cloned.voice.pack
    assert bool((moved[0].abs() > 1e-4).any()) and moved[0, TIMBRE_DIM:].norm() > 0.01
    torch.testing.assert_close(moved[:, TIMBRE_DIM:], moved[:1, TIMBRE_DIM:].expand(510, -1), atol=1e-4, rtol=0)
    assert told == sorted(told) and told[-1] == 1.0


@pytest.mark.slow
def test_a_clone_for_a_fast_decoder_keeps_its_numbers_beside_the_same_pack(
    models: ModelBank, cloned: Clone, clip: Path, longer: Path, fast_decoder: FastDecoder
) -> None:
    search = DecoderAdaptationConfig(blocks=1, crop_units=16, check_every=2, step_size=0.02)
    config = replace(SHORT, adaptation=AdaptationConfig(decoder=search))
    made = clone(
        [clip, longer], "huck", consent="Yes.", models=models, refine=4, config=config, decoder=fast_decoder
    ).voice
    assert torch.equal(made.pack, cloned.voice.pack)
    assert made.frames is not None and made.frames.digest == cloned.voice.frames.digest
    assert made.frames.content.shape == (320, 512)
    assert made.adaptation is not None and made.adaptation.decoder == fast_decoder.digest
    plain, adapted = (
        TextToSpeech(models, decoder=fast_decoder).speak("Yes.", voice)
        for voice in (replace(made, adaptation=None), made)
    )
    assert plain.shape == adapted.shape and not np.array_equal(plain, adapted)
    alone = TextToSpeech(models, decoder=fast_decoder).speak("Yes.", replace(made, adaptation=None, frames=None))
    assert not np.array_equal(plain, alone)


def test_melody_and_pace_are_found_again(kokoro: Kokoro) -> None:
    names = ["af_heart", "am_onyx", "am_puck", "bf_emma"]
    packs = torch.stack([stock_voices()[name] for name in names])
    text = phonemize("Nobody asked him where he was going.")
    ids = kokoro.tokens(text)[None]
    with torch.no_grad():
        style = (0.5 * packs[1] + 0.5 * packs[3])[len(text) - 1]
        said = kokoro.predict(kokoro.encode_text(ids), style[None])
    f0 = said.f0[0].numpy()
    log_f0 = np.log2(f0[f0 > 20])
    sentence = TimedSentence(text, round(float(said.soft_durations[0, 1:-1].sum())))
    fit = ProsodyFit(kokoro, [sentence], log_f0, packs)
    melody = ProsodyFit(kokoro, [sentence], log_f0, packs, ProsodyFitConfig(pace_weight=0))
    with torch.no_grad():
        alone = [float(fit.loss(prosody)) for prosody in fit.prosodies]
        assert all(melody.loss(prosody) < loss for prosody, loss in zip(fit.prosodies, alone, strict=True))
        weights = fit_prosody(kokoro, [sentence], log_f0, packs)
        found = float(fit.loss(torch.einsum("v,vsd->sd", weights, fit.prosodies)))
    assert weights.min() >= 0 and float(weights.sum()) == pytest.approx(1)
    assert found < 0.6 * min(alone)
    assert not TimedSentence(text, 3).plausible and sentence.plausible


def test_two_speakers_are_told_apart_and_one_is_not(
    models: ModelBank, packaged_decoder: Decoder, clip: Path, tmp_path: Path
) -> None:
    text = "The north wind and the sun were arguing one day."
    other = TextToSpeech(models, decoder=packaged_decoder).speak(text, "af_bella")
    both = np.concatenate([audio.read(clip), other])
    soundfile.write(tmp_path / "both.wav", both, SAMPLE_RATE)
    with pytest.raises(
        UserError, match=r"two speakers: .*both\.wav from 0 s on and .*both\.wav from [3-7] s on"
    ) as caught:
        read_recordings([tmp_path / "both.wav"], models.speaker_encoder)
    assert "\n" not in str(caught.value)
    recordings, warnings = read_recordings([tmp_path / "both.wav"], models.speaker_encoder, one_speaker=True)
    assert len(recordings) == 1 and not warnings
    assert len(read_recordings([clip, SAMPLE], models.speaker_encoder)[0]) == 2


def test_silence_noise_and_clipping(clip: Path, encoder: SpeakerEncoder, tmp_path: Path) -> None:
    wave = audio.read(clip)
    silence = np.zeros(3 * SAMPLE_RATE, np.float32)
    soundfile.write(tmp_path / "still.wav", np.concatenate([silence, wave, silence, wave]), SAMPLE_RATE)
    still, plain = read_recording(tmp_path / "still.wav"), read_recording(clip)
    assert abs(len(still.wave) - 2 * len(plain.wave)) < SAMPLE_RATE
    assert still.times[0] > 2.7 and still.times[-1] > 3 * 2 + 1.5 * len(wave) / SAMPLE_RATE
    assert still.speech_seconds == pytest.approx(2 * plain.speech_seconds, rel=0.1)

    level = 10 ** (audio.active_level_db(wave, SAMPLE_RATE) / 20)
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    soundfile.write(tmp_path / "noisy.wav", wave + 0.5 * level * noise, SAMPLE_RATE)
    soundfile.write(tmp_path / "loud.wav", np.clip(wave / np.abs(wave).max() * 4, -1, 1), SAMPLE_RATE)
    for name, says in ((clip, None), (tmp_path / "noisy.wav", "noisy"), (tmp_path / "loud.wav", "clipped")):
        _, warnings = read_recordings([name], encoder, one_speaker=True)
        assert [says in warning for warning in warnings] == ([True] if says else [])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"consent": " "}, "consent"),
        ({"name": "a b"}, "cannot be a voice's name"),
        ({"name": "af_sky"}, "stock voice"),
        ({"refine": -1}, "refine -1"),
        ({"language": "xx"}, "unknown language"),
        ({"recordings": []}, "at least one recording"),
        ({"recordings": ["missing.wav"]}, "does not exist"),
        ({"recordings": ["short.wav"]}, "2.. s of speech .* at least 3 s"),
    ],
)
def test_what_cannot_be_cloned(
    options: dict, says: str, models: ModelBank, clip: Path, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    soundfile.write("short.wav", audio.read(clip)[: int(2.5 * SAMPLE_RATE)], SAMPLE_RATE)
    given = {"recordings": [clip], "name": "me", "consent": "yes", "models": models} | options
    with pytest.raises(UserError, match=says) as caught:
        clone(given.pop("recordings"), given.pop("name"), **given)
    assert "\n" not in str(caught.value)


def test_words_of_a_clone_survive_short_texts(models: ModelBank, cloned: Clone) -> None:
    spoken = TextToSpeech(models).speak("Good morning, everybody.", cloned.voice)
    assert word_errors("Good morning, everybody.", report.transcribe(models.transcriber, spoken).text).wer == 0
