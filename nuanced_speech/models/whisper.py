"""Whisper: encoder features at 50 Hz for the clip's own length, and transcription.

Source of the model: Radford et al. 2022, as packaged in ``openai-whisper``.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.constants import WHISPER_SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.models.language_detection import LanguageDetectionConfig, mean_shares, speech_starts

if TYPE_CHECKING:
    from nuanced_speech.models.whisper_windows import Window

FEATURE_RATE = 50
HOP = WHISPER_SAMPLE_RATE // FEATURE_RATE
WINDOW_SECONDS = 28
OVERLAP_SECONDS = 2
# Silence around the clip, so that its first and last sounds are recognised whole.
MARGIN_SECONDS = 0.5


def check_language(code: str) -> None:
    """Complain of a language that Whisper does not know.

    Raises:
        UserError: names the code.
    """
    from whisper.tokenizer import LANGUAGES

    if code not in LANGUAGES:
        raise UserError(f"unknown language {code!r}: give a code such as en, fr or ja")


def check_size(size: str) -> None:
    """Complain of a Whisper model that openai-whisper does not know.

    Raises:
        UserError: names the size.
    """
    from nuanced_speech.weights.catalog import canonical

    canonical(f"whisper-{size}")


def fetch(size: str) -> None:
    """See that the weights of a size are there, and fetch them where they are not.

    Raises:
        UserError: an unknown size, or weights that cannot be found.
    """
    from nuanced_speech.weights.catalog import find

    find(f"whisper-{size}")


@dataclass(frozen=True)
class TranscriptWord:
    """A word and when it was said, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class TranscriptSegment:
    """A stretch of speech as Whisper cuts it, in seconds, and how sure Whisper is of it.

    Attributes:
        log_probability: mean over its tokens.
        no_speech: probability that there is no speech in the 30 s around it.
        compression: how many times smaller zlib makes the text; above 2.4 it repeats itself.
    """

    text: str
    start: float
    end: float
    words: list[TranscriptWord] = field(default_factory=list)
    log_probability: float = 0.0
    no_speech: float = 0.0
    compression: float = 1.0


@dataclass(frozen=True)
class Transcript:
    """What was said, in which language (ISO 639-1), piece by piece."""

    text: str
    language: str
    segments: list[TranscriptSegment]


class WhisperModel:
    """A Whisper model.

    Args:
        name: any size that openai-whisper knows, ``base`` or ``tiny.en`` say.
        device: where it runs.
        detection: how the language of a recording is found.

    Raises:
        UserError: an unknown name, or weights that cannot be found.
    """

    def __init__(
        self,
        name: str = "base",
        device: str | torch.device = "cpu",
        detection: LanguageDetectionConfig | None = None,
    ) -> None:
        # the whole package before any part of it: of two threads that import parts, one would find half of a module
        import whisper  # noqa: F401

        self.name, self.device = name, torch.device(device)
        self.detection = detection or LanguageDetectionConfig()
        self._loading = threading.RLock()
        # decoding hooks into the network, and the encoder remembers: one thread at a time
        self._transcribing = threading.RLock()

    @property
    def model(self) -> Any:
        """The network, loaded when first needed."""
        with self._loading:
            return self._model

    @cached_property
    def _model(self) -> Any:
        from nuanced_speech.models.caching_whisper import CachingWhisper
        from nuanced_speech.weights.catalog import load_whisper

        return load_whisper(self.name, self.device, kind=CachingWhisper).eval().requires_grad_(False)

    @property
    def width(self) -> int:
        """Size of one feature vector."""
        return self.model.dims.n_audio_state

    @property
    def depth(self) -> int:
        """Number of the encoder's last block."""
        return self.model.dims.n_audio_layer

    @cached_property
    def english_tokenizer(self) -> Any:
        """The tokenizer, set to write English down."""
        from whisper.tokenizer import get_tokenizer

        languages = self.model.num_languages
        return get_tokenizer(self.model.is_multilingual, num_languages=languages, language="en", task="transcribe")

    @torch.no_grad()
    def features(
        self,
        wave: np.ndarray,
        layers: Sequence[int] = (),
        window_seconds: float = WINDOW_SECONDS,
        overlap_seconds: float = OVERLAP_SECONDS,
    ) -> Tensor:
        """Encoder features of a clip, in windows that overlap where it is longer than one.

        Args:
            wave: ``[T]`` at 16 kHz.
            layers: blocks (from 1) whose outputs are wanted, joined along the last axis; the encoder's own output,
                after its last norm, when empty.
            window_seconds, overlap_seconds: lengths of the windows and of their overlaps.

        Returns:
            ``[ceil(T / 320), width * max(1, len(layers))]``: row k is centred at k * 20 ms.
        """
        window, overlap = (round(x * WHISPER_SAMPLE_RATE) for x in (window_seconds, overlap_seconds))
        frames = -(-len(wave) // HOP)
        pieces = []
        for start in range(0, max(len(wave) - overlap, 1), window - overlap):
            piece = self._window(wave[start : start + window], layers)
            # each side of an overlap is taken from the window in which it is further from the edge
            first = 0 if start == 0 else overlap // HOP // 2
            last = len(piece) if start + window >= len(wave) else len(piece) - overlap // HOP // 2
            pieces.append(piece[first:last])
        return torch.cat(pieces)[:frames]

    def output_norm(self, features: Tensor) -> Tensor:
        """The encoder's own output ``[F, width]`` from the features of its last block."""
        return self.model.encoder.ln_post(features.float())

    def _window(self, wave: np.ndarray, layers: Sequence[int]) -> Tensor:
        """Features of at most 29 seconds, without padding to 30."""
        from whisper.audio import log_mel_spectrogram

        encoder = self.model.encoder
        margin = int(MARGIN_SECONDS * WHISPER_SAMPLE_RATE)
        frames = -(-len(wave) // HOP)
        padded = np.pad(wave, (margin, margin + frames * HOP - len(wave)))
        mel = log_mel_spectrogram(torch.from_numpy(padded), self.model.dims.n_mels).to(self.device)
        x = torch.nn.functional.gelu(encoder.conv1(mel[None]))
        x = torch.nn.functional.gelu(encoder.conv2(x)).transpose(1, 2)
        x = x + encoder.positional_embedding[: x.shape[1]]
        kept = []
        for number, block in enumerate(encoder.blocks, 1):
            x = block(x)
            if number in layers:
                kept.append(x)
            if layers and number == max(layers):
                break
        features = torch.cat(kept, -1) if layers else encoder.ln_post(x)
        skipped = margin // HOP
        return features[0, skipped : skipped + frames]

    def transcribe(
        self,
        wave: np.ndarray,
        language: str | None = None,
        words: bool = False,
        prompt: str | None = None,
        progress: Progress | None = None,
        temperature: float = 0.0,
        known: Sequence["Window"] = (),
        keep: Callable[["Window"], None] | None = None,
    ) -> Transcript:
        """What is said in ``wave [T]`` at 16 kHz; word times on request. The same each time at temperature 0.

        Args:
            wave: the recording.
            language: ISO 639-1 code; found by Whisper when None.
            words: whether words get times.
            prompt: text with names and words that may be said, as they are to be written; its end counts.
            progress: called with the share that is done, after every window of at most 30 s.
            temperature: 0 for the likeliest words; above, words are drawn, the less likely ones the more often.
            known: windows that ``keep`` was given by a call with the same arguments, which was broken off.
            keep: called with every further window.
        """
        from nuanced_speech.models.whisper_windows import text_of, transcribed

        language, windows = language or self.language(wave), list(known)
        # no text is a prompt of one space; marks of Whisper's own are no words, and it refuses them
        prompt = (prompt or "").replace("<|", "< |").strip() or None
        with self._transcribing:
            try:
                for window, share in transcribed(self.model, wave, language, words, prompt, known, temperature):
                    windows.append(window)
                    if keep is not None:
                        keep(window)
                    if progress is not None:
                        progress(share)
            finally:
                self.model.encoder.clear_cache()
        segments = [segment_of(piece) for window in windows for piece in window.segments]
        return Transcript(text_of(self.model, language, windows), language, segments)

    def language(self, wave: np.ndarray) -> str:
        """The language (ISO 639-1) that is spoken in ``wave [T]`` at 16 kHz; en for English-only models.

        It is detected in the first 30 s from where speech begins, and in the next ones too while it is in doubt.
        """
        if self.name.endswith(".en"):
            return "en"
        from whisper.audio import HOP_LENGTH

        from nuanced_speech.models.whisper_spectrum import log_mel

        wave = np.asarray(wave, np.float32)
        mel = log_mel(wave, self.model.dims.n_mels)
        windows: list[dict[str, float]] = []
        for start in speech_starts(wave, self.detection):
            windows.append(self._language_shares(mel[:, start // HOP_LENGTH :]))
            shares = mean_shares(windows)
            if max(shares.values()) > self.detection.sure:
                break
        return max(shares, key=shares.__getitem__)

    @torch.no_grad()
    def _language_shares(self, mel: Tensor) -> dict[str, float]:
        """Probability of each language in the first 30 s of ``mel [bands, frames]``; silence ends it."""
        from whisper.audio import N_FRAMES, pad_or_trim

        # filled up as for transcription, so that one encoding serves both; with silence, as Whisper does it, if that
        # leaves a doubt
        for part in (mel[:, :-N_FRAMES], mel):
            with self._transcribing:
                _, (shares,) = self.model.detect_language(pad_or_trim(part, N_FRAMES)[None].to(self.device))
            if max(shares.values()) > self.detection.sure:
                break
        return shares


def segment_of(piece: dict[str, Any]) -> TranscriptSegment:
    """The segment of what Whisper gives."""
    return TranscriptSegment(
        piece["text"].strip(),
        float(piece["start"]),
        float(piece["end"]),
        [TranscriptWord(w["word"].strip(), float(w["start"]), float(w["end"])) for w in piece.get("words", [])],
        float(piece["avg_logprob"]),
        float(piece["no_speech_prob"]),
        float(piece["compression_ratio"]),
    )
