"""The phoneme recogniser: it begins as Whisper's decoder, writes what it expects most, and was taught English."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech import Converter, audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.phoneme_recognizer import PhonemeRecognizer, with_silence
from nuanced_speech.models.phoneme_tokenizer import END, SYMBOLS, PhonemeTokenizer
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.word_errors import count_edits
from nuanced_speech.train.pronounced import pronounced_words

# pronunciations that are some of Whisper's tokens
LEXICON = PhonemeTokenizer({f"word{k}": [1000 + 2 * k, 1001 + 2 * k] for k in range(300)})


@pytest.fixture
def recogniser(listener: WhisperModel) -> PhonemeRecognizer:
    torch.manual_seed(0)
    return PhonemeRecognizer(listener, LEXICON)


def changed(listener: WhisperModel) -> PhonemeRecognizer:
    """With changes as training might make them."""
    torch.manual_seed(0)
    recogniser = PhonemeRecognizer(listener, LEXICON)
    recogniser.add_low_rank()
    with torch.no_grad():
        for name, value in recogniser.named_parameters():
            if name.endswith(".up"):
                value.normal_(0, 0.02)
        # untaught, it would end at once
        recogniser.tokens.symbols[END] = 0.3 * recogniser.tokens.symbols[60]
    return recogniser


def random_features(frames: int = 80, seed: int = 1) -> torch.Tensor:
    return torch.randn(frames, 384, generator=torch.Generator().manual_seed(seed))


def test_it_begins_as_whispers_decoder(recogniser: PhonemeRecognizer, listener: WhisperModel) -> None:
    decoder = listener.model.decoder
    features = random_features()[None]
    # words that are one of Whisper's tokens each
    with torch.no_grad():
        recogniser.tokens.words.copy_(decoder.token_embedding.weight[1000:1300])
    tokens = torch.randint(0, 300, (1, 12), generator=torch.Generator().manual_seed(0))
    mine = recogniser(features, torch.tensor([80]), tokens + SYMBOLS)[..., SYMBOLS:]
    prompt = torch.tensor([[50257, 50362]])  # start of transcript, no times
    theirs = decoder(torch.cat([prompt, tokens + 1000], 1), features)[:, 1:, 1000:1300]
    assert torch.allclose(mine, theirs, atol=1e-4)


def test_a_batch_of_different_lengths_gives_what_its_items_give_alone(listener: WhisperModel) -> None:
    recogniser = changed(listener)
    short, long = random_features(50), random_features(90, seed=2)
    ids = torch.tensor([[5, 6, 7], [9, 8, 7]])
    features = torch.nn.utils.rnn.pad_sequence([short, long], batch_first=True)
    together = recogniser(features, torch.tensor([50, 90]), ids)
    for k, alone in enumerate((short, long)):
        own = recogniser(alone[None], torch.tensor([len(alone)]), ids[k : k + 1])[0]
        assert torch.allclose(together[k], own, atol=1e-4)


def test_one_beam_writes_what_is_expected_most_until_the_end_or_the_limit(clip: Path, listener: WhisperModel) -> None:
    recogniser = changed(listener)
    features = listener.features(with_silence(audio.read(clip, audio.WHISPER_SAMPLE_RATE)[:32_000]))
    limit, sizes = 40, torch.tensor(LEXICON.sizes)
    said = recogniser.search(features, limit, beams=1)
    assert len(said) >= 4, "nothing to compare"
    assert len(LEXICON.phonemes(said)) <= limit
    logits = recogniser(features[None], torch.tensor([len(features)]), torch.tensor([said]))[0]
    total = 0.0
    for k, token in enumerate([*said, END]):
        counts = sizes[torch.tensor(said[:k], dtype=torch.long)].sum() + sizes
        log_probabilities = logits[k].log_softmax(-1)
        worth = (total + log_probabilities) / counts.sqrt()
        worth[counts > limit] = -torch.inf
        worth[END] = (total + log_probabilities[END]) / counts[END].sqrt()
        assert int(worth.argmax()) == token
        total += float(log_probabilities[token])
    assert 0 < len(LEXICON.phonemes(recogniser.search(features, 15, beams=1))) <= 15


def test_more_beams_find_a_string_that_is_more_probable(converter: Converter, clip: Path) -> None:
    base, recogniser = converter.models.feature_extractor, converter.models.phoneme_recognizer
    wave = audio.read(clip, audio.WHISPER_SAMPLE_RATE)
    rng = np.random.default_rng(0)
    noisy = (wave + 0.7 * wave.std() * rng.standard_normal(len(wave))).astype(np.float32)
    features = base.features(with_silence(noisy))

    def probability(said: list[int]) -> float:
        """Log probability of a string and its end, over the root of its symbols, as it would be with it known."""
        logits = recogniser(features[None], torch.tensor([len(features)]), torch.tensor([said]))[0]
        total = logits.log_softmax(-1)[torch.arange(len(said) + 1), torch.tensor([*said, END])].sum()
        return float(total / sum(recogniser.tokenizer.sizes[token] for token in [*said, END]) ** 0.5)

    one, five = (recogniser.search(features, 400, beams) for beams in (1, 5))
    assert one != five
    assert probability(five) > probability(one)


@pytest.mark.slow
def test_untaught_it_writes_whispers_words(clip: Path, listener: WhisperModel) -> None:
    wave = audio.read(clip, audio.WHISPER_SAMPLE_RATE)
    words = pronounced_words(listener, 3000, parts=0).words
    untaught = PhonemeRecognizer(listener, PhonemeTokenizer(words))
    untaught.merge_low_rank()
    wanted = phonemize(listener.transcribe(wave, language="en").text)
    said = untaught.transcribe(listener.features(with_silence(wave)), 400)
    assert count_edits(list(wanted), list(said)).rate < 0.5


def test_in_a_second_no_long_word_is_written_again_and_again(converter: Converter, clip: Path) -> None:
    wave = audio.read(clip, audio.WHISPER_SAMPLE_RATE)
    one, longer = (
        converter.models.phoneme_recognizer.transcribe(
            converter.models.feature_extractor.features(with_silence(wave[: 400 * units])), units
        )
        for units in (40, 60)
    )
    assert 0 < len(one) <= 40
    assert len(set(one.split())) == len(one.split())
    assert count_edits(list("bˌʌt ɐ mˈɑb wɪðˈWt"), list(longer)).rate < 0.2


def test_merged_and_saved_it_is_the_same_one(listener: WhisperModel, tmp_path: Path) -> None:
    recogniser = changed(listener)
    before = listener.model.decoder.blocks[0].attn.query.weight.clone()
    recogniser.save(tmp_path / "r.safetensors")
    again = PhonemeRecognizer.load(listener, tmp_path / "r.safetensors")
    assert again.tokenizer.words == LEXICON.words
    ids = torch.tensor([[5, 6, 7]])
    arguments = random_features()[None], torch.tensor([80]), ids
    assert torch.allclose(again(*arguments), recogniser(*arguments), atol=0.05)
    assert not torch.allclose(again(*arguments), PhonemeRecognizer(listener, LEXICON)(*arguments), atol=0.5)
    # Whisper itself, which goes on transcribing, is untouched
    assert torch.equal(listener.model.decoder.blocks[0].attn.query.weight, before)


def test_files_that_do_not_fit_are_refused_in_one_line(listener: WhisperModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a phoneme recogniser"):
        PhonemeRecognizer.load(listener)  # the packaged one is for Whisper base
    with pytest.raises(UserError, match=r"none\.safetensors"):
        PhonemeRecognizer.load(listener, tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"bad\.safetensors"):
        PhonemeRecognizer.load(listener, tmp_path / "bad.safetensors")


def test_the_packaged_one_hears_english_phonemes(converter: Converter, clip: Path) -> None:
    base = converter.models.feature_extractor
    wave = audio.read(clip, audio.WHISPER_SAMPLE_RATE)
    said = converter.models.phoneme_recognizer.transcribe(base.features(with_silence(wave)), 400)
    wanted = phonemize(base.transcribe(wave, language="en").text)
    assert count_edits(list(wanted), list(said)).rate < 0.2
