"""Encoders: one container a stream, bytes before the end, and the audio that went in."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.audio.limiter import limit, true_peak
from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.audio_encoder import SPEECH_FORMATS, UNKNOWN_SIZE, AudioFormat, audio_encoder

RATE = 24_000
TONE = (0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)).astype(np.float32)
OUTPUTS = ("mp3_22050_32", "mp3_44100_128", "opus_48000_64", "pcm_8000", "wav_44100", "ulaw_8000", "alaw_8000")


def encoded(form: AudioFormat, chunk: int = 3_001) -> list[bytes]:
    """The pieces of a stream, the last from ``finish``."""
    encoder = audio_encoder(form, "synthetic speech")
    return [*(encoder.write(TONE[k : k + chunk]) for k in range(0, len(TONE), chunk)), encoder.finish()]


def decoded(data: bytes, form: AudioFormat) -> np.ndarray:
    """float32 ``[T]`` at the format's rate, by FFmpeg."""
    raw = {"pcm": "s16le", "ulaw": "mulaw", "alaw": "alaw"}.get(form.codec)
    options = {"sample_rate": str(form.sample_rate)} if raw else {}
    container: Any = av.open(io.BytesIO(data), format=raw, options=options)
    resampler = av.AudioResampler("flt", "mono", form.sample_rate)
    frames = [*container.decode(audio=0), None]
    pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(pieces)


@pytest.mark.parametrize("name", SPEECH_FORMATS)
def test_a_stream_is_one_file_with_the_audio_that_went_in(name: str) -> None:
    form = AudioFormat.of_speech(name)
    pieces = encoded(form)
    wave = decoded(b"".join(pieces), form)
    # encoders add some silence at the ends
    assert -10 <= len(wave) - len(TONE) < 0.1 * RATE
    middle = wave[len(wave) // 4 : -len(wave) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(220, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.3, abs=0.05)
    # a seam between chunks would be a click: steps are never larger than the tone's own
    assert np.abs(np.diff(middle)).max() < 1.5 * 0.3 * 2 * np.pi * 220 / RATE + 0.01


@pytest.mark.parametrize("name", SPEECH_FORMATS)
def test_half_of_the_bytes_are_out_before_the_last_fifth_goes_in(name: str) -> None:
    pieces = encoded(AudioFormat.of_speech(name))
    total = sum(map(len, pieces))
    assert sum(map(len, pieces[: len(pieces) * 4 // 5])) > total / 2


@pytest.mark.parametrize("name", OUTPUTS)
def test_formats_of_elevenlabs_have_their_rate(name: str) -> None:
    form = AudioFormat.of_output(name)
    assert form.sample_rate == int(name.split("_")[1])
    wave = decoded(b"".join(encoded(form)), form)
    assert len(wave) / form.sample_rate == pytest.approx(2, abs=0.1)
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_wav_of_unknown_length_says_so_once() -> None:
    data = b"".join(encoded(AudioFormat.of_speech("wav")))
    assert data[:4] == b"RIFF" and data.count(b"RIFF") == data.count(b"WAVE") == 1
    assert data[4:8] == UNKNOWN_SIZE.to_bytes(4, "little")
    at = data.index(b"data")
    assert data[at + 4 : at + 8] == UNKNOWN_SIZE.to_bytes(4, "little")
    assert len(data) - at - 8 == 2 * len(TONE) and b"synthetic speech" in data[:at]


@pytest.mark.parametrize("name", ["mp3", "mp3_44100_999", "opus_24000_64", "wav_1", "", "../x"])
def test_unknown_formats_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="output_format"):
        AudioFormat.of_output(name)


@pytest.mark.parametrize("name", [*SPEECH_FORMATS, "pcm_8000", "wav_44100", "mp3_44100_32", "ulaw_8000"])
def test_no_stream_decodes_to_a_peak(name: str) -> None:
    """Of speech that was limited as what is spoken here is; another rate and codecs raise peaks."""
    wave = audio.read(CLIP)[: 3 * RATE]
    wave = limit(4 * wave / np.abs(wave).max())
    form = AudioFormat.of_speech(name) if name in SPEECH_FORMATS else AudioFormat.of_output(name)
    encoder = audio_encoder(form)
    data = b"".join([*(encoder.write(wave[k : k + 5_000]) for k in range(0, len(wave), 5_000)), encoder.finish()])
    found = decoded(data, form)
    assert abs(len(found) / form.sample_rate - len(wave) / RATE) < 0.1
    assert 0.6 < true_peak(found) <= 10 ** (-1 / 20)
