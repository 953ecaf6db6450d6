"""Conversion, speech and streams by another decoder than Kokoro's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import CLIP, Ended
from torch import Tensor

from nuanced_speech import Converter, audio
from nuanced_speech.adapt.decoder_adaptation import DecoderAdaptationConfig
from nuanced_speech.adapt.voice_adaptation import AdaptationConfig, VoiceAdapter
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.convert.archive import digest_of
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE, TIMBRE_DIM, WHISPER_SAMPLE_RATE
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.voice.stock import stock_voices, style_of


class Noting:
    """A fast decoder that notes the voices and sources that it is given."""

    drops_octaves, uses_recordings, follows_source = False, True, True

    def __init__(self, decoder: FastDecoder) -> None:
        self.decoder, self.digest = decoder, decoder.digest
        self.voices: list[DecoderVoice] = []
        self.sources: list[SourceEnvelopes | None] = []

    def __call__(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        voice: DecoderVoice,
        seed: int = 0,
        source: SourceEnvelopes | None = None,
    ) -> Tensor:
        self.voices.append(voice)
        self.sources.append(source)
        wave: Tensor = self.decoder(content, f0, energy, voice, seed, source)
        return wave


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    return audio.read(CLIP)[: 2 * SAMPLE_RATE]


@pytest.fixture
def noting(fast_decoder: FastDecoder) -> Noting:
    return Noting(fast_decoder)


def test_the_own_voice_is_given_the_sources_frames(converter: Converter, noting: Noting, wave: np.ndarray) -> None:
    chain = Converter(converter.models, converter.analyzer, decoder=noting)
    result = chain.convert(wave, sample_rate=SAMPLE_RATE, path="direct")
    assert result.audio.shape == wave.shape and np.abs(result.audio).max() > 0.01 and np.isfinite(result.audio).all()
    (voice,), (source,) = noting.voices, noting.sources
    assert voice.reference is not None and abs(voice.reference.content.shape[1] - 80) <= 20
    # the segment's envelopes at 80 Hz, and its own frames
    assert source is not None and source.envelope.shape[1] == 2 * source.frames.content.shape[1]
    assert torch.equal(source.frames.envelope, voice.reference.envelope)
    pairs = source.envelope.unflatten(1, (-1, 2)).mean(2)
    assert float((pairs - source.frames.envelope).abs().mean()) < 0.3
    assert abs(float(voice.speaker.norm()) - 1) < 1e-4


def test_a_recordings_voice_is_given_its_frames_and_a_stock_voice_its_timbre_alone(
    converter: Converter, noting: Noting, wave: np.ndarray, tmp_path: Path
) -> None:
    chain = Converter(converter.models, converter.analyzer, decoder=noting)
    for voice in ("af_heart", CLIP):
        chain.convert(wave, sample_rate=SAMPLE_RATE, path="direct", voice=voice)
    stock, recorded = noting.voices
    # a voice without frames follows nothing; the usual envelopes of the source are its own
    nothing, source = noting.sources
    assert nothing is None and source is not None
    assert source.frames.content.shape[1] == source.envelope.shape[1] // 2 < recorded.reference.content.shape[1]
    assert stock.reference is None and bool(stock.speaker.isnan().all())
    assert bool((stock.timbre[0] == style_of(stock_voices()["af_heart"])[:TIMBRE_DIM]).all())
    assert recorded.reference is not None and recorded.reference.content.shape[1] > 150
    assert bool(recorded.speaker.isfinite().all())


def test_refinement_adapts_the_decoder_for_the_speakers_segments(
    converter: Converter, fast_decoder: FastDecoder, wave: np.ndarray
) -> None:
    search = DecoderAdaptationConfig(blocks=1, crop_units=16, check_every=2, step_size=0.02)
    adapt = VoiceAdapter(converter.models, config=AdaptationConfig(decoder=search), decoder=fast_decoder)
    silent = np.zeros(SAMPLE_RATE, np.float32)
    pieces = [converter.analyzer(x, segment(x), gain=1.0)[0] for x in (wave, silent)]
    features = converter.speakers.assign(pieces)
    told: list[float] = []
    adapted = adapt(features, 8, 0, told.append)
    assert adapted.decoder is not None and adapted.decoder.decoder == fast_decoder.digest
    assert any(bool(layer.up.any()) for layer in adapted.decoder.layers.values()) and told[-1] == 1.0
    # the style is Kokoro's matter, and stays
    assert torch.equal(adapted.style.vector, features[0].style.vector)
    voice = TargetVoice.own(None, None, adapted.decoder)
    speech, nothing = (voice.decoder_voice(item.style, item, True).adaptation for item in adapted.features)
    assert speech is adapted.decoder and nothing is None
    # Kokoro's own decoder is told nothing of it
    assert voice.decoder_voice(features[0].style, adapted.features[0], False).adaptation is None


def test_a_text_is_spoken_by_it(converter: Converter, noting: Noting) -> None:
    spoken = TextToSpeech(converter.models, decoder=noting).speak("Yes.", "af_heart")
    assert len(spoken) > 2400 and np.isfinite(spoken).all() and len(noting.voices) == 1
    assert noting.voices[0].reference is None


def test_archives_tell_decoders_apart(converter: Converter, noting: Noting) -> None:
    assert converter.settings == {"whisper": "tiny.en"}
    digests = {
        digest_of(ConversionOptions(), **chain.settings)
        for chain in (converter, Converter(converter.models, decoder=noting))
    }
    assert len(digests) == 2


@pytest.mark.parametrize(
    "command",
    [
        ("convert", CLIP, "OUT"),
        ("say", "Yes.", "OUT"),
        ("reply", CLIP, "OUT"),
        ("serve", "--port", 0),
        ("live", "--source", CLIP, "--write", "OUT"),
    ],
)
def test_a_file_that_is_no_decoder_is_refused_before_anything_is_written(
    run: Callable[..., Ended], tmp_path: Path, command: tuple[object, ...]
) -> None:
    out, bad = tmp_path / "out.wav", tmp_path / "bad.safetensors"
    bad.write_bytes(b"no" * 50)
    for path, message in ((bad, "not a fast decoder"), (tmp_path / "none.safetensors", "none.safetensors")):
        ended = run(*(out if part == "OUT" else part for part in command), "--decoder", path)
        assert ended.status == 1 and message in ended.err and len(ended.err.strip().splitlines()) == 1, ended
        assert not out.exists()


def test_the_packaged_decoder_speaks_words(quick: Converter, listener: WhisperModel) -> None:
    wave = TextToSpeech(quick.models, decoder=quick.decoder).speak("The boats came back late, and nobody asked why.")
    heard = listener.transcribe(audio.resample(wave, SAMPLE_RATE, WHISPER_SAMPLE_RATE), "en").text
    assert heard == "The boats came back late and nobody asked why."
