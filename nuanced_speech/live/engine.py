"""The parts of live conversions, made of one bank of models."""

import numpy as np

from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SEMITONES
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.block_analysis import BlockAnalyzer
from nuanced_speech.live.block_decoders import BlockDecoder
from nuanced_speech.live.block_stream import BlockStream
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.live_voice import LiveVoice
from nuanced_speech.live.phrase_stream import PhraseStream
from nuanced_speech.live.streams import LiveStream
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.fast_decoder import FastDecoder

# Mixing in recognised phonemes gains nothing in blocks, and takes time.
BLOCK_SHARPNESS = 0.0


class LiveEngine:
    """Makes streams. Threads may share it.

    Args:
        converter: converts phrases; its models are used for blocks too.
        blocks: decoder of blocks; the converter's where that is a fast one, else the packaged fast one. Most processors
            are too slow for blocks by Kokoro's decoder.
        sharpness: share of the recognised phonemes' text features in blocks, 0 to 1.
    """

    def __init__(self, converter: Converter, blocks: Decoder | None = None, sharpness: float = BLOCK_SHARPNESS) -> None:
        self.converter, self.blocks = converter, blocks
        self.analyze = BlockAnalyzer(converter.models, ContentEstimator(converter.models, sharpness))

    def load(self) -> None:
        """Load all models, so that the first words do not wait for them."""
        self.converter.load("direct")

    def stream(self, options: ConversionOptions, config: LiveConfig = LiveConfig()) -> LiveStream:
        """A new stream.

        Raises:
            UserError: options that a stream cannot follow; an unknown voice.
        """
        if options.text is not None or "rhythm" not in options.keep:
            raise UserError("live: other words, and another rhythm, need a whole recording: convert one")
        if options.refine:
            raise UserError("live: refine needs a whole recording: clone the voice with it, and name the clone")
        if config.mode == "phrase":
            return PhraseStream(self.converter, options, config.phrase)
        voice, decoder = None, self._decoder_of_blocks()
        if options.voice is not None:
            target = self.converter.voices.target(options)
            voice = LiveVoice(target.whole(decoder.uses_recordings), target.log_f0)

        def make_decoder(voice: LiveVoice) -> BlockDecoder:
            return voice.decoder(self.converter.models.kokoro, decoder, options.seed)

        shift = options.pitch_shift / SEMITONES
        return BlockStream(self.analyze, make_decoder, voice, self._voice_of, config.block, shift)

    def _decoder_of_blocks(self) -> Decoder:
        decoder = self.converter.decoder
        return self.blocks or (decoder if isinstance(decoder, FastDecoder) else self.converter.models.fast_decoder)

    def _voice_of(self, wave: np.ndarray) -> LiveVoice:
        """The voice of the speaker of ``wave [T]`` at 24 kHz."""
        features = self.converter.analyzer(wave)
        return LiveVoice.of_speech(self.converter.speakers.assign(features))
