"""Whisper's transcription, window by window: as ``whisper.transcribe`` does it at one temperature and without the text
of earlier windows, but able to go on after windows that are known.

A window is at most 30 s; the next one begins after its last sentence that is whole. Source of the method: Radford et
al. 2022, section 4.5, and ``transcribe.py`` of ``openai-whisper``, whose results these are to the last bit.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from whisper.audio import FRAMES_PER_SECOND, N_FRAMES, pad_or_trim
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.timing import add_word_timestamps, dtw
from whisper.tokenizer import get_tokenizer
from whisper.utils import get_end

from nuanced_speech.models.whisper_spectrum import log_mel

# From these values on, a window is taken as silent.
_SILENT, _UNSURE = 0.6, -1.0
_FRAMES_PER_TOKEN = 2
_SECONDS_PER_TOKEN = _FRAMES_PER_TOKEN / FRAMES_PER_SECOND


@cache
def compile_word_times() -> None:
    """Compile a function that word times need, which takes some seconds.

    Its first call gives the thread that it is in as many OpenMP threads as there are processors, whatever PyTorch was
    told, and sums by another number of threads differ in their last bits: so it is in a thread of its own.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(dtw, torch.zeros(2, 2)).result()


@dataclass(frozen=True)
class Window:
    """What came of a window.

    Attributes:
        end: where the next window begins, in frames of 10 ms.
        speech_end: end of the last word so far, in seconds; 0 without word times.
        tokens: of the text.
        segments: as ``whisper.transcribe`` gives them.
        silent: the window was passed over.
    """

    end: int
    speech_end: float
    tokens: list[int]
    segments: list[dict[str, Any]]
    silent: bool = False


def transcribed(
    model: Any,
    wave: np.ndarray,
    language: str,
    words: bool,
    prompt: str | None,
    known: Sequence[Window] = (),
    temperature: float = 0.0,
) -> Iterator[tuple[Window, float]]:
    """The windows of a recording after those that are known, each with the share of the recording that is done.

    Args:
        model: Whisper.
        wave: ``[T]`` at 16 kHz.
        language: ISO 639-1.
        words: whether words get times.
        prompt: text before the first words.
        known: the first windows, of an earlier call with the same arguments.
        temperature: 0 for the likeliest words; above, words are drawn.
    """
    mel = log_mel(wave, model.dims.n_mels)
    frames = mel.shape[-1] - N_FRAMES
    tokenizer = tokenizer_of(model, language)
    asked = [] if prompt is None else tokenizer.encode(" " + prompt.strip())
    position, speech_end = (known[-1].end, known[-1].speech_end) if known else (0, 0.0)
    prompted = any(not window.silent for window in known)
    while position < frames:
        size = min(N_FRAMES, frames - position)
        part = pad_or_trim(mel[:, position : position + size], N_FRAMES).to(model.device)
        before = [] if prompted else asked
        options = DecodingOptions(language=language, temperature=temperature, fp16=False, prompt=before)
        result: DecodingResult = model.decode(part, options)
        if result.no_speech_prob > _SILENT and not result.avg_logprob > _UNSURE:
            window = Window(position + size, speech_end, [], [], silent=True)
        else:
            window = _window(model, tokenizer, result, part, position, size, speech_end, words)
            prompted = True
        position, speech_end = window.end, window.speech_end
        yield window, min(position / frames, 1.0)


def text_of(model: Any, language: str, windows: Sequence[Window]) -> str:
    """The text of all windows."""
    return tokenizer_of(model, language).decode([token for window in windows for token in window.tokens]).strip()


def tokenizer_of(model: Any, language: str) -> Any:
    """The tokenizer, set to write a language down."""
    return get_tokenizer(model.is_multilingual, num_languages=model.num_languages, language=language, task="transcribe")


def _window(
    model: Any,
    tokenizer: Any,
    result: DecodingResult,
    mel: Tensor,
    position: int,
    size: int,
    speech_end: float,
    words: bool,
) -> Window:
    """A window at a position, of a size in frames, from what was decoded of its ``mel [bands, 3000]``."""
    tokens, first = torch.tensor(result.tokens), tokenizer.timestamp_begin
    begin = position / FRAMES_PER_SECOND
    times = tokens.ge(first)
    silent_end = times[-2:].tolist() == [False, True]
    cuts = (torch.where(times[:-1] & times[1:])[0] + 1).tolist()
    end = position + size
    segments = []
    if cuts:
        # several sentences, each between two time tokens
        slices = [*cuts, len(tokens)] if silent_end else cuts
        for start, stop in zip([0, *slices], slices, strict=False):
            piece = tokens[start:stop]
            place = [begin + (int(token) - first) * _SECONDS_PER_TOKEN for token in (piece[0], piece[-1])]
            segments.append(_segment(tokenizer, result, position, place, piece))
        if not silent_end:
            # what is left is a sentence that is not finished
            end = position + (int(tokens[slices[-1] - 1]) - first) * _FRAMES_PER_TOKEN
    else:
        stamps = tokens[times]
        stamped = len(stamps) > 0 and int(stamps[-1]) != first
        seconds = (int(stamps[-1]) - first) * _SECONDS_PER_TOKEN if stamped else size / FRAMES_PER_SECOND
        segments.append(_segment(tokenizer, result, position, [begin, begin + seconds], tokens))
    if words:
        compile_word_times()
        add_word_timestamps(
            segments=segments, model=model, tokenizer=tokenizer, mel=mel, num_frames=size,
            last_speech_timestamp=speech_end,
        )  # fmt: skip
        last = get_end(segments)
        if last is not None:
            if not silent_end and last > begin:
                end = round(last * FRAMES_PER_SECOND)
            speech_end = float(last)
    for segment in segments:
        if segment["start"] == segment["end"] or not segment["text"].strip():
            segment.update(text="", tokens=[], words=[])
    kept = [token for segment in segments for token in segment["tokens"]]
    return Window(int(end), speech_end, kept, segments)


def _segment(
    tokenizer: Any, result: DecodingResult, position: int, place: Sequence[float], tokens: Tensor
) -> dict[str, Any]:
    """A sentence as ``add_word_timestamps`` takes it, from ``place[0]`` to ``place[1]`` in seconds."""
    numbers = tokens.tolist()
    return {
        "seek": position,
        "start": place[0],
        "end": place[1],
        "text": tokenizer.decode([token for token in numbers if token < tokenizer.eot]),
        "tokens": numbers,
        "avg_logprob": result.avg_logprob,
        "compression_ratio": result.compression_ratio,
        "no_speech_prob": result.no_speech_prob,
    }
