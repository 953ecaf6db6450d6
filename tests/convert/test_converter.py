"""The main job end to end: real weights, a real clip, and Whisper to check the words."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from helpers import OTHER_SPEAKER, SAMPLE

from nuanced_speech import Converter, audio
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.audio.loudness import loudness
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.synthesis.resynthesizer import Rendered, Resynthesizer
from nuanced_speech.text.word_errors import word_errors


@pytest.fixture(scope="module")
def direct(converter: Converter, wave: np.ndarray):
    return converter.convert(wave, sample_rate=24000, path="direct")


@pytest.fixture(scope="module")
def long(wave: np.ndarray) -> np.ndarray:
    """What is just too long for one segment, with pauses."""
    pause = np.zeros(audio.SAMPLE_RATE // 2, np.float32)
    return np.concatenate([wave, pause, wave, pause, wave])[: round(12.4 * audio.SAMPLE_RATE)]


@pytest.fixture(scope="module")
def words_kept(converter: Converter, wave: np.ndarray) -> Callable[[np.ndarray], float]:
    """Share of the clip's words that are others in an output, as Whisper hears both."""
    source = report.transcribe(converter.models.transcriber, wave).text
    return lambda output: word_errors(source, report.transcribe(converter.models.transcriber, output).text).wer


@pytest.mark.slow
def test_direct_path_keeps_words_melody_loudness_and_length(words_kept, wave, direct):
    assert len(direct.audio) == len(wave)
    assert np.isfinite(direct.audio).all()
    assert words_kept(direct.audio) <= 0.25
    a, b = report.contours(wave), report.contours(direct.audio)
    assert metrics.f0_correlation(a.f0, b.f0) > 0.85
    assert metrics.energy_correlation(a.n, b.n) > 0.85


def test_output_has_the_loudness_of_the_input(wave, direct):
    levels = [audio.active_level_db(x, audio.SAMPLE_RATE) for x in (wave, direct.audio)]
    assert abs(levels[0] - levels[1]) < 2


@pytest.mark.slow
def test_no_output_passes_minus_one_decibel(quick, wave):
    """A recording that was clipped hard is given out as loud as it was, and without its peaks."""
    loud = np.clip(40 * wave[: 2 * SAMPLE_RATE], -1, 1)
    out = quick.convert(loud, sample_rate=SAMPLE_RATE, path="direct").audio
    assert len(out) == len(loud)
    assert 0.8 < np.abs(out).max() <= 0.89
    quiet = quick.convert(loud, sample_rate=SAMPLE_RATE, path="direct", loudness=-30.0).audio
    assert loudness(quiet) == pytest.approx(-30, abs=0.3)


@pytest.mark.slow
def test_same_seed_same_audio_other_seed_other_noise(quick, wave):
    short = wave[: audio.SAMPLE_RATE]
    one, two, three = (quick.convert(short, sample_rate=24000, path="direct", seed=seed).audio for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


@pytest.mark.slow
def test_text_path_keeps_words_and_melody(converter, words_kept, wave):
    done = converter.convert(wave, sample_rate=24000, path="text")
    assert done.transcript is not None
    assert len(done.audio) == len(wave)
    assert words_kept(done.audio) <= 0.25
    a, b = report.contours(wave), report.contours(done.audio)
    assert metrics.f0_correlation(a.f0, b.f0) > 0.8


@pytest.mark.slow
def test_another_voice_moves_the_melody_to_its_range(quick, wave):
    wave = wave[: 3 * audio.SAMPLE_RATE]
    source = median_log_f0(report.contours(wave).f0)
    outputs = {}
    for voice in ("am_onyx", "af_heart"):
        done = quick.convert(wave, sample_rate=24000, voice=voice)
        outputs[voice] = median_log_f0(report.contours(done.audio).f0)
        assert abs(outputs[voice] - quick.voices.target(ConversionOptions(voice=voice)).log_f0) < 0.2
    assert outputs["af_heart"] - outputs["am_onyx"] > 0.5
    shifted = quick.convert(wave, sample_rate=24000, pitch_shift=5.0)
    assert abs(median_log_f0(report.contours(shifted.audio).f0) - source - 5 / 12) < 0.1


@pytest.mark.slow
def test_new_words_are_said(quick, wave):
    done = quick.convert(wave, sample_rate=24000, text="The weather in the mountains is cold today.")
    heard = report.transcribe(quick.models.transcriber, done.audio).text
    assert word_errors("The weather in the mountains is cold today.", heard).wer <= 0.25


@pytest.mark.slow
def test_rhythm_can_be_left_to_kokoro(quick, words_kept, wave):
    done = quick.convert(wave, sample_rate=24000, voice="af_heart", keep=("f0", "energy"))
    assert done.path == "text"
    assert words_kept(done.audio) <= 0.35


@pytest.mark.slow
def test_several_pieces_join_and_stream_to_a_file(quick, long, tmp_path):
    seen: list[float] = []
    out = tmp_path / "long.flac"
    quick.convert(long, sample_rate=24000, output=out, progress=seen.append)
    assert soundfile.info(out).frames == len(long)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["direct", "text"])
def test_the_bar_of_one_segment_moves_with_its_steps(quick: Converter, wave: np.ndarray, path: str) -> None:
    shares: list[float] = []
    made: list[float] = []
    done = quick.convert(wave, sample_rate=24000, path=path, progress=shares.append, made=made.append)
    assert shares == sorted(set(shares)) and shares[-1] == pytest.approx(1.0)
    # reading, overlaps, models, five measurements, words, content, decoding
    assert len(shares) >= 10 and np.diff([0.0, *shares]).max() < 0.6
    assert made == [pytest.approx(len(done.audio) / SAMPLE_RATE, abs=0.03)]


class Remembering(Analyzer):
    """An analyzer that analyses a recording once for the same arguments."""

    def __init__(self, models: ModelBank) -> None:
        super().__init__(models)
        self.kept: dict[tuple[object, ...], list[SegmentFeatures]] = {}

    def __call__(self, recording, segments, gain, phonemes, progress):  # type: ignore[no-untyped-def]
        key = recording.tobytes(), tuple(segments), gain, phonemes
        if key not in self.kept:
            self.kept[key] = super().__call__(recording, segments, gain, phonemes, progress)
        return self.kept[key]


class Echo(Resynthesizer):
    """A resynthesizer that gives each segment back as it was, and notes when it was asked."""

    def __init__(self, models: ModelBank) -> None:
        super().__init__(models)
        self.asked = 0

    def from_content(self, features, voice, delivery):  # type: ignore[no-untyped-def]
        self.asked += 1
        return Rendered(features.wave, voice)


@pytest.mark.slow
def test_a_stream_gives_what_a_conversion_gives_as_soon_as_it_is_made(converter, long):
    echo = Echo(converter.models)
    chain = Converter(converter.models, Remembering(converter.models), resynthesizer=echo)
    chunks, asked = [], []
    for chunk in chain.stream(long, sample_rate=24000, path="direct", language="fr"):
        chunks.append(chunk)
        asked.append(echo.asked)
    # a chunk comes before the next segment is spoken; the last are the milliseconds that the limiter looked ahead
    assert asked == [*range(1, len(chunks)), len(chunks) - 1] and len(chunks) > 2
    assert len(chunks[-1]) < 0.01 * SAMPLE_RATE
    streamed = np.concatenate(chunks)
    np.testing.assert_allclose(streamed, long, atol=1e-5)
    assert np.array_equal(streamed, chain.convert(long, sample_rate=24000, path="direct", language="fr").audio)


@pytest.mark.slow
def test_two_people_at_once_are_named_and_segments_may_be_handed_in(converter, wave, caplog):
    mixed, other = audio.read(SAMPLE)[: 4 * SAMPLE_RATE], audio.read(OTHER_SPEAKER)
    mixed[SAMPLE_RATE : SAMPLE_RATE + len(other)] += other * (mixed.std() / other.std())
    # a second of one speaker and a gap, which is cut out, before it
    source = np.concatenate([wave[SAMPLE_RATE : 2 * SAMPLE_RATE], np.zeros(3 * SAMPLE_RATE, np.float32), mixed])
    echo, options = Echo(converter.models), {"sample_rate": 24000, "path": "direct", "language": "fr"}
    done = Converter(converter.models, resynthesizer=echo).convert(source, **options)
    assert done.overlaps and all(4.5 < place.start < place.end < 8 for place in done.overlaps)
    assert f"the recording: two people speak at once ({done.overlap_times}): one voice speaks for both" in caplog.text

    def halves(wave: np.ndarray) -> list[Segment]:
        units = len(wave) // 600
        return [Segment(0, units // 2, 0, units // 2), Segment(units // 2, units, units // 2, units)]

    chain = Converter(converter.models, resynthesizer=echo, segmenter=halves, overlaps=lambda wave: ())
    echo.asked = 0
    assert chain.convert(source[:SAMPLE_RATE], **options).overlaps == () and echo.asked == 2


def test_a_voice_as_second_argument_is_deprecated(quick, wave):
    short = wave[: audio.SAMPLE_RATE]
    with pytest.warns(DeprecationWarning, match="voice"):
        old = quick.convert(short, "af_heart", path="direct").audio
    assert np.array_equal(old, quick.convert(short, sample_rate=24000, voice="af_heart", path="direct").audio)


@pytest.mark.slow
def test_threads_share_a_converter(quick, wave):
    """Eight conversions on four threads give what one thread gives."""
    # the clip begins with silence
    short = wave[audio.SAMPLE_RATE : 3 * audio.SAMPLE_RATE // 2]
    jobs = [(voice, path, seed) for voice in (None, "af_heart") for path in ("direct", "text") for seed in (0, 1)]

    def convert(job):  # type: ignore[no-untyped-def]
        voice, path, seed = job
        return quick.convert(short, sample_rate=24000, voice=voice, path=path, seed=seed)

    # not in the main thread: an earlier test may have changed how many processors that one computes with
    with ThreadPoolExecutor(1) as pool:
        alone = list(pool.map(convert, jobs))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(convert, jobs))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.audio, other.audio)
        assert one.transcript == other.transcript and one.seconds.keys() == other.seconds.keys()
    # other seeds and other voices are other sounds
    assert len({one.audio.tobytes() for one in alone}) == 8
