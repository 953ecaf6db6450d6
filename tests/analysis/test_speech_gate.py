"""Speech passes, other sound does not."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import CLIP, SAMPLE, benchmark

from nuanced_speech import audio
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.enrollment import read_recordings
from nuanced_speech.analysis.speech_gate import Cut, GateConfig, GatedRecording, SpeechGate, speech_in
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import NoSpeechError
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.voice_activity import SpeechStretch
from nuanced_speech.models.whisper import Transcript, TranscriptSegment


@pytest.fixture(scope="module")
def gate() -> SpeechGate:
    return SpeechGate()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio.read(CLIP)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def noise(seconds: float, level: float) -> np.ndarray:
    return level * np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)


def restored(gate: SpeechGate, wave: np.ndarray) -> np.ndarray:
    gated = gate(wave)
    chunks = (gated.wave[at : at + 10_000] for at in range(0, len(gated.wave), 10_000))
    return np.concatenate(list(gated.restored(chunks)))


@pytest.mark.parametrize("path", [CLIP, SAMPLE])
def test_speech_passes_bit_for_bit(gate: SpeechGate, path: object) -> None:
    wave = audio.read(path)  # type: ignore[arg-type]
    gated = gate(wave)
    assert gated.wave is wave and gated.has_speech and not gated.cuts


def test_half_a_minute_of_silence_is_cut_and_comes_back(gate: SpeechGate, speech: np.ndarray) -> None:
    wave = np.concatenate([silence(30), speech, silence(10), speech])
    gated = gate(wave)
    assert len(gated.wave) < 2 * len(speech) + 2 * SAMPLE_RATE
    out = restored(gate, wave)
    assert len(out) == len(wave)
    # what is kept of a gap is faded to silence, and speech is as it was
    np.testing.assert_allclose(out, wave, atol=0.02)
    assert np.array_equal(out[31 * SAMPLE_RATE : 34 * SAMPLE_RATE], wave[31 * SAMPLE_RATE : 34 * SAMPLE_RATE])
    first = gated.cuts[0]
    assert first.position == 0 and 29 < first.samples / SAMPLE_RATE < 31
    assert gated.seconds(1.0) == pytest.approx(1.0 + first.samples / SAMPLE_RATE)
    # the second clip is 10 s later than what is left of the recording tells
    assert gated.seconds(8.0) > 8.0 + first.samples / SAMPLE_RATE + 8


@pytest.mark.parametrize("seconds", [1.9, 6.0])
def test_loud_noise_between_words_is_silenced(gate: SpeechGate, speech: np.ndarray, seconds: float) -> None:
    wave = np.concatenate([speech, noise(seconds, 0.1), speech])
    out = restored(gate, wave)
    assert len(out) == len(wave)
    middle = slice(len(speech) + round(0.7 * SAMPLE_RATE), len(speech) + round((seconds - 0.7) * SAMPLE_RATE))
    assert not out[middle].any()
    voiced = slice(SAMPLE_RATE, 2 * SAMPLE_RATE)
    assert np.array_equal(out[voiced], wave[voiced])


def test_fifty_sounds_are_no_speech(gate: SpeechGate) -> None:
    sounds = benchmark("not_speech").sounds()
    assert len(sounds) == 50
    gated = {name: gate(wave) for name, wave in sounds.items()}
    assert [name for name, one in gated.items() if one.has_speech] == []
    # Whisper is asked about no more than these
    doubtful = {name for name, one in gated.items() if one.doubtful}
    assert doubtful <= {"tone 440 -40", "tone 440 -10", "siren", "beeps", "music organ"}


@pytest.mark.parametrize("gain", [0.001, 0.05, 1.0])
@pytest.mark.parametrize("begin", [0.6, 0.9, 1.3, 2.2, 3.0])
def test_a_third_of_a_second_of_speech_is_speech(
    gate: SpeechGate, speech: np.ndarray, begin: float, gain: float
) -> None:
    word = speech[round(begin * SAMPLE_RATE) :][: round(0.3 * SAMPLE_RATE)]
    assert gate(word * np.float32(gain)).has_speech
    assert gate(np.concatenate([silence(0.1), word, silence(0.1)]) * np.float32(gain)).has_speech


def test_high_voices_are_speech(gate: SpeechGate, speech: np.ndarray) -> None:
    """A voice a fifth and a half higher, as of a child or of somebody who shouts."""
    high = audio.resample(speech, 32, 20)
    assert sum(one.end - one.start for one in gate(high).speech) > 0.6 * len(high) / SAMPLE_RATE


def test_an_analysis_of_no_speech_says_so() -> None:
    with pytest.raises(NoSpeechError, match="no speech"):
        Analyzer(ModelBank())(noise(2, 0.1))


def test_noise_is_no_part_of_a_voice(tmp_path, encoder: SpeakerEncoder, speech: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    audio.write(tmp_path / "noisy.wav", np.concatenate([speech, noise(4, 0.1)]))
    audio.write(tmp_path / "noise.wav", noise(4, 0.1))
    recordings, warnings = read_recordings([tmp_path / "noisy.wav", tmp_path / "noise.wav"], encoder)
    assert [r.path.name for r in recordings] == ["noisy.wav"]
    assert recordings[0].speech_seconds < len(speech) / SAMPLE_RATE
    assert any("noise.wav: there is no speech" in text for text in warnings)


class Doubting(SpeechGate):
    """A gate that finds no speech, and is not sure."""

    def __call__(self, recording: np.ndarray, progress: object = None) -> GatedRecording:
        return GatedRecording(recording[:0], (), len(recording), (), doubtful=True)


@pytest.mark.parametrize(
    ("text", "log_probability", "no_speech", "config", "found"),
    [
        ("Stop!", -0.5, 0.1, GateConfig(), True),
        ("Stop!", -0.9, 0.1, GateConfig(), False),
        ("Stop!", -0.9, 0.1, GateConfig(sure_log_probability=-1.0), True),
        ("Stop!", -0.5, 0.6, GateConfig(), False),
        ("Stop!", -0.5, 0.6, GateConfig(sure_no_speech=0.7), True),
        ("…", -0.5, 0.1, GateConfig(), False),
    ],
)
def test_where_the_gate_is_in_doubt_sure_words_decide(
    text: str, log_probability: float, no_speech: float, config: GateConfig, found: bool
) -> None:
    piece = TranscriptSegment(text, 0.0, 1.0, log_probability=log_probability, no_speech=no_speech)
    wave = np.full(SAMPLE_RATE, 0.1, np.float32)
    gated = speech_in(wave, Doubting(config=config), lambda loud: Transcript(text, "en", [piece]))
    assert gated.has_speech == found and len(gated.wave) == found * len(wave)


def test_a_single_word_has_silence_around_it_until_the_result() -> None:
    config = GateConfig(around_seconds=0.1)
    word = np.linspace(-0.5, 0.5, 12_000, dtype=np.float32)
    gated = GatedRecording(word, (Cut(6000, 500),), 12_500, (SpeechStretch(0.0, 0.52),))
    room = gated.surrounded(config)
    assert len(room.wave) == 12_000 + 2 * 2400 and not room.wave[:2400].any() and not room.wave[-2400:].any()
    pieces = np.array_split(room.wave, 7)
    assert np.array_equal(np.concatenate(list(room.restored(iter(pieces)))),
                          np.concatenate([word[:6000], np.zeros(500, np.float32), word[6000:]]))  # fmt: skip
    # times are those of the recording
    assert room.seconds(0.05) == 0 and room.seconds(0.2) == pytest.approx(0.1)
    assert room.seconds(0.5) == pytest.approx(0.4 + 500 / 24_000)
    whole = gated.whole(np.ones(30_000, np.float32))
    assert whole.surrounded(config) is whole
