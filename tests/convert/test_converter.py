"""The main job end to end: real weights, a real clip, and Whisper to check the words."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nuanced_speech import Converter, audio
from nuanced_speech.adapt import speaker_eq as tint
from nuanced_speech.adapt.speaker_eq import find_tint
from nuanced_speech.analysis import analyzer as hear
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.convert.converter import _choose_path
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.metrics import count_edits
from nuanced_speech.evaluate.systems import say
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.models.style_encoder import PACKAGED
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train import attentive_style_encoder as style
from nuanced_speech.voice.stock import stock_voices


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


@pytest.fixture(scope="module")
def direct(converter: Converter, wave: np.ndarray):
    return converter.convert(wave, path="direct")


def words_kept(converter: Converter, source: np.ndarray, output: np.ndarray) -> float:
    texts = [report.hear(converter.transcriber, x).text for x in (source, output)]
    return metrics.word_errors(*texts).wer


def test_direct_path_keeps_words_melody_loudness_and_length(converter, wave, direct):
    assert len(direct.audio) == len(wave)
    assert np.isfinite(direct.audio).all()
    assert words_kept(converter, wave, direct.audio) <= 0.25
    a, b = report.contours(wave), report.contours(direct.audio)
    assert metrics.f0_correlation(a.f0, b.f0) > 0.85
    assert metrics.energy_correlation(a.n, b.n) > 0.85


def test_the_style_that_is_heard_is_the_mean_of_two_opinions(converter, wave):
    (piece,) = segment(wave)
    own = np.pad(wave, (0, piece.units * 600 - len(wave)))
    layers = style.hear(converter.listener, hear.to_whisper(own), tuple(range(1, 7)))
    frames = -(-len(own) * 50 // audio.SAMPLE_RATE)
    features = converter.listener.features(with_silence(hear.to_whisper(own)))[:frames]
    with torch.no_grad():
        opinions = converter.style_encoder(features[None])[0], converter.attentive(layers[None])[0]
    found = converter.hear(wave, 1.0, piece).style
    torch.testing.assert_close(found, sum(opinions) / 2, atol=5e-3, rtol=5e-3)
    assert (opinions[0] - opinions[1]).abs().max() > 0.05
    assert Converter(encoder=PACKAGED).attentive is None


def test_recognised_phonemes_take_their_share_of_the_content(converter, wave, monkeypatch):
    (piece,) = segment(wave)
    heard = converter.hear(wave, 1.0, piece)
    contents = {}
    for share in (0.0, 0.5, 1.0):
        monkeypatch.setattr(hear, "SHARPNESS", share)
        with torch.no_grad():
            contents[share] = converter.content_of(heard)
    torch.testing.assert_close(contents[0.0], heard.content[None].float())
    torch.testing.assert_close(contents[0.5], (contents[0.0] + contents[1.0]) / 2)
    # what is recognised holds for as long as a phoneme lasts, the regression changes all the time
    still = [(c[..., 1:] == c[..., :-1]).all(1).float().mean() for c in (contents[0.0], contents[1.0])]
    assert still[0] < 0.01 and still[1] > 0.3


def test_phonemes_that_fit_are_taken_and_those_that_do_not_are_left_out(converter, wave):
    (piece,) = segment(wave)
    heard = converter.hear(wave, 1.0, piece, phonemes=True)
    assert (
        count_edits(
            phonemize("But a mob without any man at the head of it is beneath pitifulness."), heard.phonemes
        ).rate
        < 0.25
    )
    written = heard.phonemes
    contents = {}
    for phonemes in (written, "", "ʒ" * 30, "a" * 500):
        heard.phonemes = phonemes
        with torch.no_grad():
            contents[phonemes] = converter.content_of(heard)
    alone = contents.pop("")
    assert not torch.equal(contents.pop(written), alone)
    assert all(torch.equal(content, alone) for content in contents.values())


def test_pieces_that_follow_each_other_are_written_down_together(converter, wave, monkeypatch):
    long = np.tile(wave, 4)
    # a window need not begin where the recording does
    pieces = segment(long)[1:]
    assert len(pieces) > 1
    whole = pieces[-1].last - pieces[0].first
    told: list[float] = []
    asked: list[int] = []
    write = converter.recogniser.write
    monkeypatch.setattr(converter.recogniser, "write", lambda x, units: asked.append(units) or write(x, units))
    together = converter.hear_pieces(long, 1.0, pieces, True, told.append)
    assert asked == [whole] and told == [(k + 1) / len(pieces) for k in range(len(pieces))]
    monkeypatch.setattr(hear, "WINDOW_UNITS", 1)
    alone = converter.hear_pieces(long, 1.0, pieces, True)
    assert asked[1:] == [piece.units for piece in pieces]
    for mine, other in zip(together, alone, strict=True):
        assert count_edits(mine.phonemes, other.phonemes).rate < 0.25


@pytest.mark.parametrize("nonsense", ["", "ʒ" * 200, "ʒ" * 2000])
def test_pieces_that_the_words_of_their_window_do_not_fit_are_written_down_alone(
    converter, wave, monkeypatch, nonsense
):
    pieces = segment(np.tile(wave, 3))
    assert len(pieces) > 1
    monkeypatch.setattr(
        converter.recogniser, "write", lambda _, units: nonsense if units == pieces[-1].last else f"wˈʌn {units}"
    )
    heard = converter.hear_pieces(np.tile(wave, 3), 1.0, pieces, True)
    assert [item.phonemes for item in heard] == [f"wˈʌn {piece.units}" for piece in pieces]


def test_a_recording_is_heard_in_as_few_windows_as_hold_its_pieces() -> None:
    pieces = segment(np.random.default_rng(0).standard_normal(24000 * 70).astype(np.float32))
    windows = list(hear._within(pieces, 1000))
    assert [piece for window in windows for piece in window] == pieces
    spans = [window[-1].last - window[0].first for window in windows]
    assert max(spans) <= 1000
    assert all(after[0].last - window[0].first > 1000 for window, after in pairwise(windows))
    assert [len(window) for window in hear._within(pieces, 10)] == [1] * len(pieces)


def test_output_has_the_loudness_of_the_input(wave, direct):
    levels = [audio.active_level_db(x, audio.SAMPLE_RATE) for x in (wave, direct.audio)]
    assert abs(levels[0] - levels[1]) < 2


def test_same_seed_same_audio_other_seed_other_noise(converter, wave, direct):
    short = wave[: 2 * audio.SAMPLE_RATE]
    one, two, three = (converter.convert(short, seed=seed).audio for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_text_path_keeps_words_and_melody(converter, wave):
    done = converter.convert(wave, path="text")
    assert done.transcript is not None
    assert len(done.audio) == len(wave)
    assert words_kept(converter, wave, done.audio) <= 0.25
    a, b = report.contours(wave), report.contours(done.audio)
    assert metrics.f0_correlation(a.f0, b.f0) > 0.8


def test_another_voice_moves_the_melody_to_its_range(converter, wave):
    wave = wave[: 3 * audio.SAMPLE_RATE]
    source = median_log_f0(report.contours(wave).f0)
    outputs = {}
    for voice in ("am_onyx", "af_heart"):
        done = converter.convert(wave, voice)
        outputs[voice] = median_log_f0(report.contours(done.audio).f0)
        assert abs(outputs[voice] - converter._voice(voice, {}).log_f0) < 0.2
    assert outputs["af_heart"] - outputs["am_onyx"] > 0.5
    shifted = converter.convert(wave, pitch_shift=5.0)
    assert abs(median_log_f0(report.contours(shifted.audio).f0) - source - 5 / 12) < 0.1


def test_new_words_are_said(converter, wave):
    done = converter.convert(wave, text="The weather in the mountains is cold today.")
    heard = report.hear(converter.transcriber, done.audio).text
    assert metrics.word_errors("The weather in the mountains is cold today.", heard).wer <= 0.25


def test_rhythm_can_be_left_to_kokoro(converter, wave):
    done = converter.convert(wave, "af_heart", keep=("f0", "energy"))
    assert done.path == "text"
    assert words_kept(converter, wave, done.audio) <= 0.35


def test_several_pieces_join_and_stream_to_a_file(converter, wave, tmp_path):
    pause = np.zeros(audio.SAMPLE_RATE // 2, np.float32)
    long = np.concatenate([wave, pause, wave, pause, wave])[: 14 * audio.SAMPLE_RATE]
    seen: list[float] = []
    out = tmp_path / "long.flac"
    converter.convert(long, output=out, progress=seen.append)
    assert soundfile.info(out).frames == len(long)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_voices_from_files_give_what_their_names_give(converter, wave, tmp_path):
    short = wave[: 2 * audio.SAMPLE_RATE]
    pack = stock_voices()["bm_george"]
    torch.save(pack[:, None], tmp_path / "own.pt")
    np.savez(tmp_path / "own.npz", voice=pack.numpy())
    named = converter.convert(short, "bm_george").audio
    for name in ("own.pt", "own.npz"):
        assert np.allclose(converter.convert(short, tmp_path / name).audio, named, atol=1e-4)


def test_a_recording_serves_as_voice(converter, wave, clip, monkeypatch):
    short, found = wave[: 2 * audio.SAMPLE_RATE], []

    def note(encoder, spoken, speaker):
        found.append(speaker)
        return find_tint(encoder, spoken, speaker)

    monkeypatch.setattr(tint, "find_tint", note)
    assert np.isfinite(converter.convert(short, clip).audio).all()
    # it is coloured like its speaker, which nothing else is unless it is refined
    own = converter.speaker_encoder.embed(wave, audio.SAMPLE_RATE)
    assert [float(speaker @ torch.from_numpy(own)) > 0.99 for speaker in found] == [True]
    for voice in (None, "am_onyx"):
        converter.convert(short, voice, path="direct")
    assert len(found) == 1


def test_other_recordings_of_a_voice_make_it_better_known(converter, wave, clip):
    heard: list[list] = []
    short, settle = wave[: 2 * audio.SAMPLE_RATE], Converter.settle_styles

    def note(hearing, pieces, foreign=False):
        settle(hearing, pieces, foreign)
        heard.append(pieces)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Converter, "settle_styles", note)
        outputs = [converter.convert(short, path="direct", more=more).audio for more in ([], [clip])]
        with torch.no_grad():
            converter._voice(clip, {"more": audio.read(clip)})
    alone, together, _ = heard
    assert [len(x) for x in heard] == [1, 2, 2]
    assert len(outputs[0]) == len(outputs[1]) == len(short)
    # the same speaker: one style for both, and not what the short one alone would have
    torch.testing.assert_close(together[0].style, together[1].style, atol=1e-3, rtol=1e-3)
    assert (together[0].style - alone[0].style).abs().max() > 0.01
    with pytest.raises(UserError, match="--more"):
        converter.convert(short, "af_heart", more=[clip])


@torch.no_grad()
def test_a_voice_that_serves_again_is_not_heard_again(converter, wave, tmp_path, monkeypatch):
    heard, hear_all = [], Converter.hear_all

    def note(hearing, wave, phonemes=False):
        heard.append(len(wave))
        return hear_all(hearing, wave, phonemes)

    monkeypatch.setattr(Converter, "hear_all", note)
    path, second = tmp_path / "voice.wav", audio.SAMPLE_RATE
    audio.write(path, wave[: 2 * second])
    one, again = (converter._voice(path, {}) for _ in range(2))
    assert again is one and heard == [2 * second]
    # but what it is known by has changed
    audio.write(path, wave[second : 3 * second])
    assert not torch.equal(converter._voice(path, {}).pack, one.pack)
    converter._voice(path, {"more.wav": wave[:second]})
    assert heard == [2 * second, 2 * second, 2 * second, second]


@torch.no_grad()
def test_other_recordings_that_serve_again_are_not_heard_again(converter, wave, monkeypatch):
    (own,), other = converter.hear_all(wave[: 2 * audio.SAMPLE_RATE]), {"other.wav": wave[2 * audio.SAMPLE_RATE :]}
    first = converter._more_of([own], other, False)
    styles = [item.style for item in first]
    converter.settle_styles([own, *first])
    monkeypatch.setattr(Converter, "hear_all", lambda *_: pytest.fail("heard again"))
    again = converter._more_of([own], other, False)
    assert all(torch.equal(item.style, style) for item, style in zip(again, styles, strict=True))
    with pytest.raises(pytest.fail.Exception):
        converter._more_of([own], other, True)


def test_another_speakers_recording_is_left_out(converter, wave, clip, caplog):
    (own,) = converter.hear_all(wave)
    with torch.no_grad():
        stranger = say(converter.kokoro, "Good morning, my dear, how do you do?", "en", "af_heart")
        found = converter._more_of([own], {"stranger.wav": stranger, "own.wav": wave}, False)
    assert [item.units for item in found] == [own.units]
    assert "stranger.wav is left out" in caplog.text


@pytest.mark.parametrize(
    ("path", "keep", "text", "wanted"),
    [
        ("auto", ("f0", "rhythm", "energy"), None, "auto"),
        ("auto", ("f0", "energy"), None, "text"),
        ("auto", ("f0", "rhythm", "energy"), "words", "text"),
        ("text", ("f0", "rhythm", "energy"), None, "text"),
        ("direct", ("f0", "rhythm", "energy"), None, "direct"),
    ],
)
def test_path_is_chosen_by_what_is_asked(path, keep, text, wanted):
    assert _choose_path(path, keep, text) == wanted


@pytest.mark.parametrize(
    ("path", "keep", "text"),
    [
        ("direct", ("f0",), None),
        ("direct", ("f0", "rhythm", "energy"), "words"),
        ("sideways", ("f0",), None),
        ("auto", ("tone",), None),
        ("auto", ("f0", "rhythm", "energy"), "  "),
    ],
)
def test_wishes_that_cannot_be_fulfilled(path, keep, text):
    with pytest.raises(UserError):
        _choose_path(path, keep, text)
