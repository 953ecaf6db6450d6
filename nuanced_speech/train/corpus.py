"""Speech that Kokoro speaks itself, with everything about it known exactly: the adapter's and encoder's training data.

Each utterance has a random text, a random point of the style space (a stock voice, a mixture of two, the timbre of
one with the prosody of another, or any of these moved along the voices' principal components), a random speed and a
random shift and range of its melody. Shards are safetensors files with checksums beside them, written whole or not at
all; a rerun with the same settings makes only those that are missing, and every utterance depends on the seed and its
own number alone, so an interrupted run ends in the same corpus as an uninterrupted one.
"""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech.audio.pcm import CORPUS_SCALE, from_int16, to_int16
from nuanced_speech.core import precision
from nuanced_speech.core.constants import FAST_DECODER, MAX_PHONEMES, TIMBRE_DIM
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import replacing, sha256
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.reading import read_text
from nuanced_speech.core.tensor_files import check_finite
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import FAST, KOKORO, Decoder, load_decoder
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.text.engines import engine
from nuanced_speech.text.english import dictionary_words
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.checkpoint import fingerprint, settings_of
from nuanced_speech.train.configs import CorpusConfig
from nuanced_speech.train.shards import files_setting, keep_settings
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of
from nuanced_speech.voice.style import Style

COMMON_WORDS = (
    "the of and to in a that it was he for his with as had is not but at her on be they have by which this from all"
    " she were him one or so when said out if up what no who would there then into more very we could been some them my"
    " their"
)
FIELDS = ("audio", "ids", "durations", "f0", "energy", "style")


@dataclass(frozen=True)
class Utterance:
    """One spoken text.

    Attributes:
        audio: ``[600 * T]`` float32 at 24 kHz.
        ids: token ids ``[P]``, a zero on each side.
        durations: 25 ms units ``[P]``, summing to T.
        f0, energy: the curves it was spoken with, ``[2T]``.
        style: ``[256]``.
    """

    audio: Tensor
    ids: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor
    style: Tensor


def random_style(rng: np.random.Generator, phonemes: int, packs: list[Tensor]) -> Tensor:
    """A random point ``[256]`` of the style space that stock voices span."""

    def voice() -> Tensor:
        one, other = (style_of(packs[k], phonemes) for k in rng.choice(len(packs), 2, replace=False))
        return one if rng.random() < 0.5 else torch.lerp(one, other, float(rng.uniform(0.2, 0.8)))

    style = voice()
    if rng.random() < 0.4:
        style = replace(Style.from_vector(style), prosody=Style.from_vector(voice()).prosody).vector
    if rng.random() < 0.4:
        style = _moved(style, rng, torch.stack([style_of(pack, phonemes) for pack in packs]))
    return style


def _moved(style: Tensor, rng: np.random.Generator, stock: Tensor) -> Tensor:
    """The style ``[256]`` nearer to the mean of ``stock [N, 256]`` and as much farther along random directions in
    which these differ, each half by itself: as spread out as they are, but between them."""
    mean = stock.mean(0)
    # such a sum has the covariance of the voices: what moving along all of their principal components gives
    weights = torch.from_numpy(rng.normal(0, len(stock) ** -0.5, (2, len(stock)))).float()
    noise = torch.cat([w @ half for w, half in zip(weights, (stock - mean).split(TIMBRE_DIM, 1), strict=True)])
    share = float(rng.uniform(0.2, 0.7))
    return mean + (1 - share**2) ** 0.5 * (style - mean) + share * noise


def random_text(rng: np.random.Generator, sentences: list[str]) -> str:
    """A sentence, or (one time in four) words of several sentences in random order, for contexts that no prose has."""
    if rng.random() < 0.75:
        return sentences[rng.integers(len(sentences))]
    words = " ".join(sentences[k] for k in rng.integers(len(sentences), size=4)).split()
    return " ".join(rng.permutation(words)[: rng.integers(6, 16)])


def dictionary_text(rng: np.random.Generator, words: list[str]) -> str:
    """Four to eleven words, common ones among rare ones, with a mark at the end and sometimes one between.

    An adapter learns sentences by heart; these have no sense, so only their sounds can be learned.
    """
    common = COMMON_WORDS.split()
    drawn = []
    for _ in range(rng.integers(4, 12)):
        pool = common if rng.random() < 0.4 else words
        drawn.append(pool[rng.integers(len(pool))])
    if len(drawn) > 5 and rng.random() < 0.5:
        drawn[rng.integers(2, len(drawn) - 2)] += ","
    return " ".join(drawn).capitalize() + str(rng.choice(list(".....??!")))


def speak(
    kokoro: Kokoro,
    text: str,
    rng: np.random.Generator,
    packs: list[Tensor],
    dtype: torch.dtype,
    language: str = "en",
    decoder: Decoder | None = None,
) -> Utterance | None:
    """Speak a text with random style, speed and melody, by Kokoro's decoder or another; None where it does not fit
    Kokoro's context."""
    phonemes = phonemize(text, language)
    if len(phonemes) > MAX_PHONEMES:
        return None
    ids = kokoro.tokens(phonemes)[None]
    style = random_style(rng, ids.shape[1] - 2, packs)[None]
    content, prosody = kokoro.content_and_prosody(ids, style, speed=float(rng.uniform(0.8, 1.25)))
    voiced = prosody.f0 > 20
    centre = prosody.f0[voiced].log().mean() if bool(voiced.any()) else torch.tensor(5.0)
    shift, stretch = float(rng.normal(0, 0.12)), float(rng.uniform(0.7, 1.6))
    melody = centre + shift + stretch * (prosody.f0.clamp(min=20).log() - centre)
    f0 = torch.where(voiced, melody.exp().clamp(50, 700), prosody.f0)
    timbre, seed = Style.from_vector(style).timbre, int(rng.integers(1 << 31))
    with precision.autocast("cpu", dtype):
        if decoder is None:
            audio = kokoro.decode(content, f0, prosody.energy, timbre, seed=seed)
        else:
            audio = decoder(content, f0, prosody.energy, DecoderVoice.single(timbre[0]), seed)
    return Utterance(audio[0].float(), ids[0], prosody.durations[0], f0[0], prosody.energy[0], style[0])


def generate(config: CorpusConfig) -> None:
    """Speak all shards that are not there yet, with a progress bar.

    Raises:
        UserError: a text file cannot be read or holds no sentence, a language or the decoder cannot be used, or the
            shards that are there were made with other settings.
    """
    for language, _ in sentences_by_language(config):
        if language != "en":
            engine(language)
    if config.decoder != KOKORO:
        load_decoder(config.decoder, ModelBank())
    config.out.mkdir(parents=True, exist_ok=True)
    keep_settings(config.out, settings(config), _shard_name("*"), unnamed={"decoder": KOKORO})
    shards = range(-(-config.utterances // config.per_shard))
    missing = [k for k in shards if not _shard(config.out, k).exists()]
    if not missing:
        return
    # decided here, once, for all workers: one corpus, one precision
    decided = replace(config, precision=precision.name_of(precision.choose(config.precision, "cpu")))
    work = ((decided, k) for k in missing)
    with multiprocessing.get_context("spawn").Pool(config.workers, torch.set_num_threads, (1,)) as pool:
        finished = pool.imap_unordered(_speak_shard, work)
        for _ in step_bar(finished, "speaking", len(shards), done=len(shards) - len(missing)):
            pass


def settings(config: CorpusConfig) -> dict[str, str]:
    """All that shapes a shard. Not the number of utterances: a corpus may grow."""
    texts = sentences_by_language(config)
    # the order of languages counts: an utterance draws a number
    spoken = {f"texts {code}": fingerprint("\n".join(sentences).encode()) for code, sentences in texts}
    ignored = ("utterances", "workers", "text_file", "text_folder", "languages", "decoder")
    own = {"languages": ",".join(code for code, _ in texts), "decoder": _decoder_setting(config.decoder)}
    return settings_of(config, *ignored) | own | spoken


def _decoder_setting(decoder: str) -> str:
    """A decoder as a setting: that of a file by its weights."""
    return KOKORO if decoder == KOKORO else files_setting([FAST_DECODER if decoder == FAST else Path(decoder)])


def sentences_by_language(config: CorpusConfig) -> list[tuple[str, list[str]]]:
    """Every language that is wanted, and its sentences.

    Raises:
        UserError: no language is given, or as ``read_sentences``.
    """
    languages = [code.strip() for code in config.languages.split(",") if code.strip()]
    if not languages:
        raise UserError("languages: give at least one language, such as en or en,de,ko")
    files = (config.text_file if code == "en" else config.text_folder / f"{code}.txt" for code in languages)
    return [(code, read_sentences(path)) for code, path in zip(languages, files, strict=True)]


def read_sentences(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        UserError: the file cannot be read, is not text, or holds no sentence.
    """
    lines = read_text(path, "a text file", "give UTF-8 text, one sentence a line").splitlines()
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise UserError(f"{path}: no sentence in it; write one a line")
    return sentences


def read(folder: Path) -> Iterator[Utterance]:
    """All utterances of a corpus, shard by shard.

    Raises:
        UserError: the folder holds no shard.
    """
    for path in shards_in(folder):
        yield from read_shard(path)


def shards_in(folder: Path) -> list[Path]:
    """The shards of a corpus, in order.

    Raises:
        UserError: the folder holds none.
    """
    paths = sorted(folder.glob(_shard_name("*")))
    if not paths:
        raise UserError(f"{folder}: no corpus here; make one with: nuanced-speech train corpus {folder}")
    return paths


def write_shard(tensors: dict[str, Tensor], path: Path) -> None:
    """Write a shard whole or not at all, with its checksum beside it, as ``sha256sum --check`` reads it."""
    with replacing(path) as temporary:
        save_file(tensors, temporary)
        with replacing(_checksum(path)) as beside:
            beside.write_text(f"{sha256([temporary])}  {path.name}\n", encoding="utf-8")


def read_shard(path: Path, names: tuple[str, ...] = FIELDS) -> list[Utterance]:
    """The utterances of one shard; fields that are not wanted stay empty.

    Raises:
        UserError: it is not what was written, by the checksum beside it if there is one.
    """
    checksum = _checksum(path)
    # as bytes: a damaged sum is another sum, whatever its characters
    if checksum.exists() and checksum.read_bytes().split()[:1] != [sha256([path]).encode()]:
        raise UserError(f"{path} is damaged: delete it and make the corpus again, the other shards are kept")
    utterances = []
    with reading(path, "a corpus shard", "delete it and make the corpus again"), safe_open(path, "pt") as shard:
        for k in range(sum(name.endswith(".ids") for name in shard.keys())):  # noqa: SIM118
            values = dict.fromkeys(FIELDS, torch.empty(0))
            values |= {field: shard.get_tensor(f"{k}.{field}") for field in names}
            check_finite(values)
            values["audio"] = unpack_audio(values["audio"])
            values["ids"], values["durations"] = values["ids"].long(), values["durations"].long()
            utterances.append(Utterance(**values))
    return utterances


def pack_audio(wave: Tensor) -> Tensor:
    """The nearest 16-bit samples, int16, of a waveform of any shape, as shards and other caches hold audio."""
    return torch.from_numpy(to_int16(wave.numpy(), CORPUS_SCALE))


def unpack_audio(samples: Tensor) -> Tensor:
    """float32 in [-1, 1] of what ``pack_audio`` returned."""
    return torch.from_numpy(from_int16(samples.numpy(), CORPUS_SCALE))


def _shard(folder: Path, number: int) -> Path:
    return folder / _shard_name(f"{number:05d}")


def _shard_name(number: str) -> str:
    return f"shard-{number}.safetensors"


def _checksum(shard: Path) -> Path:
    return shard.with_name(shard.name + ".sha256")


_decoder = lru_cache(1)(load_decoder)


@lru_cache(1)
def _worker_models() -> ModelBank:
    """The models of a worker process, which loads them once."""
    return ModelBank(loaded={"kokoro": Kokoro()})


def _speak_shard(work: tuple[CorpusConfig, int], models: ModelBank | None = None) -> None:
    """One shard, in a worker process or with the models that are given."""
    config, number = work
    models = models or _worker_models()
    decoder = None if config.decoder == KOKORO else _decoder(config.decoder, models)
    packs = [pack for name, pack in stock_voices().items() if name not in HELD_OUT]
    texts = sentences_by_language(config)
    words = dictionary_words() if config.dictionary else []
    dtype = precision.choose(config.precision, "cpu")
    tensors: dict[str, Tensor] = {}
    for slot in range(config.per_shard):
        rng = np.random.default_rng([config.seed, number, slot])
        utterance = None
        while utterance is None:
            language, sentences = texts[rng.integers(len(texts)) if len(texts) > 1 else 0]
            rare = language == "en" and config.dictionary and rng.random() < config.dictionary
            text = dictionary_text(rng, words) if rare else random_text(rng, sentences)
            with torch.no_grad():
                utterance = speak(models.kokoro, text, rng, packs, dtype, language, decoder)
        tensors[f"{slot}.audio"] = pack_audio(utterance.audio)
        tensors[f"{slot}.ids"] = utterance.ids.to(torch.int16)
        tensors[f"{slot}.durations"] = utterance.durations.to(torch.int16)
        for field in ("f0", "energy", "style"):
            tensors[f"{slot}.{field}"] = getattr(utterance, field).clone()
    write_shard(tensors, _shard(config.out, number))
