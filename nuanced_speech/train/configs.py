"""Configs of the trainers. On the command line each field is an option, whose help is the field's line here.

This module imports nothing heavy, so that ``--help`` is quick.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SENTENCES = Path(__file__).parent / "texts" / "sentences.txt"
LANGUAGE_TEXTS = SENTENCES.parent / "languages"
"""Packaged sentences that corpora are spoken from."""


def at_least(least: float, default: Any, most: float | None = None) -> Any:
    """A field whose value the command line bounds."""
    return field(default=default, metadata={"min": least, "max": most})


@dataclass(frozen=True)
class CorpusConfig:
    """What to speak.

    Attributes:
        out: Folder of the corpus; made if it is not there.
        utterances: Number of utterances; 1600 are about two hours of speech.
        per_shard: Number of utterances in a file.
        seed: Random seed.
        workers: Number of processes, one core each.
        text_file: Text file of English sentences, one a line; the packaged ones by default.
        languages: Languages of the texts, separated by commas (en,de,ko). Each has an equal share of the utterances.
        text_folder: Folder with a text file for each other language (de.txt), one sentence a line; the packaged ones by
            default.
        dictionary: Share of English texts that are random words of the pronunciation dictionary.
        precision: Number format of the synthesizer: auto, float32 or bfloat16.
        decoder: Last step to the sound: kokoro, or fast, which is thirty times quicker and a little rougher.
    """

    out: Path
    utterances: int = 1600
    per_shard: int = 20
    seed: int = 0
    workers: int = 2
    text_file: Path = SENTENCES
    languages: str = "en"
    text_folder: Path = LANGUAGE_TEXTS
    dictionary: float = at_least(0, 0.0, 1)
    precision: str = "auto"
    decoder: str = "kokoro"


@dataclass(frozen=True)
class DecoderDataConfig:
    """Which speech the fast decoder learns from.

    Attributes:
        out: Folder of the data; made if it is not there.
        spoken: Folder that 'train corpus' made; may be repeated.
        recordings: Folder of real recordings, a sub-folder or a prefix up to '-' for each speaker; may be repeated.
        per_shard: Number of recordings in a file.
    """

    out: Path
    spoken: tuple[Path, ...] = ()
    recordings: tuple[Path, ...] = ()
    per_shard: int = 32


@dataclass(frozen=True)
class FastDecoderTraining:
    """How to train the fast decoder.

    Attributes:
        data: Folder that 'train decoder-data' made.
        out: Folder of checkpoint and weights; each stage needs its own.
        stage: Stage: spectra (spectral losses alone), speaker (likeness of the speaker too) or adversarial (also
            discriminators).
        start: Weights of the stage before, which a later stage starts from (fast_decoder.safetensors).
        steps: Number of steps; on one core a step takes one to two seconds.
        minutes: Minutes after which the run stops, with a checkpoint; 0 for no limit.
        batch_size: Number of crops in a step.
        crop_seconds: Length of a crop.
        reference_units: Highest number of reference frames of a crop, 25 ms each.
        recorded: Share of crops of real recordings; the others are Kokoro's own speech.
        disturbed: Share of crops with disturbed content.
        no_timbre: Share of crops without timbre.
        no_speaker: Share of crops without speaker embedding.
        no_reference: Share of crops without reference frames.
        no_source: Share of crops without the envelopes of the recording that is converted; 1 for a decoder that does
            not follow them.
        width: Channels of the network.
        blocks: Number of its blocks.
        lr: Highest learning rate.
        warmup: Number of steps until the highest learning rate.
        ema: Momentum of the average of the weights.
        speaker_weight: Weight of the speaker loss beside the spectral losses, whose weight is 1.
        mel_weight: Weight of the log distance in mel bands, which the adversarial stage has in place of the spectral
            losses.
        adversarial_weight: Weight of the adversarial loss, which is summed over eight discriminators.
        matching_weight: Weight of the discriminators' feature matching.
        discriminator_lr: Highest learning rate of the discriminators.
        measured: Number of held-out crops of each kind that are measured.
        device: Device to train on: auto, cpu or cuda.
        precision: Number format of the networks: auto, float32 or bfloat16.
        checkpoint_every: Number of steps between checkpoints.
        seed: Random seed.
    """

    data: Path
    out: Path = Path("models/decoder")
    stage: str = "spectra"
    start: Path | None = None
    steps: int = 40000
    minutes: float = 0.0
    batch_size: int = 10
    crop_seconds: float = 1.2
    reference_units: int = 320
    recorded: float = at_least(0, 0.6, 1)
    disturbed: float = at_least(0, 0.5, 1)
    no_timbre: float = at_least(0, 0.3, 1)
    no_speaker: float = at_least(0, 0.3, 1)
    no_reference: float = at_least(0, 0.3, 1)
    no_source: float = at_least(0, 0.3, 1)
    width: int = 320
    blocks: int = 8
    lr: float = 5e-4
    warmup: int = 200
    ema: float = 0.999
    speaker_weight: float = 1.0
    mel_weight: float = 2.0
    adversarial_weight: float = 0.1
    matching_weight: float = 0.2
    discriminator_lr: float = 4e-4
    measured: int = 24
    device: str = "auto"
    precision: str = "auto"
    checkpoint_every: int = 500
    seed: int = 0


@dataclass(frozen=True)
class AdapterConfig:
    """How to train the content adapter.

    Attributes:
        corpora: Folders that 'train corpus' made.
        out: Folder of checkpoint and weights.
        real: Folder that 'train real' made.
        start: Weights to start from in place of Whisper's own blocks (content_adapter.safetensors).
        steps: Number of steps.
        batch_size: Number of crops in a step.
        lr: Highest learning rate.
        tuned_lr_scale: Share of the learning rate for Whisper's own blocks, which know something already.
        warmup: Number of steps until the highest learning rate.
        weight_decay: Weight decay of AdamW.
        symbol_weight: Weight of the loss of symbols beside that of content.
        real_share: Share of real speech in a batch.
        ema: Momentum of the average of the weights.
        held_out: Number of utterances that are measured and never trained on.
        checkpoint_every: Number of steps between checkpoints.
        seed: Random seed.
        precision: Number format of the network: auto, float32 or bfloat16.
    """

    corpora: tuple[Path, ...]
    out: Path = Path("models/adapter")
    real: Path | None = None
    start: Path | None = None
    steps: int = 2000
    batch_size: int = 16
    lr: float = 1e-3
    tuned_lr_scale: float = 0.2
    warmup: int = 50
    weight_decay: float = 0.01
    symbol_weight: float = 0.3
    real_share: float = 0.5
    ema: float = 0.99
    held_out: int = 40
    checkpoint_every: int = 200
    seed: int = 0
    precision: str = "auto"


@dataclass(frozen=True)
class PhonemeRecognizerTraining:
    """How to train the phoneme recognizer.

    Attributes:
        corpora: Folders that 'train corpus' made.
        out: Folder of checkpoint and weights.
        real: Folder that 'train real' made.
        whisper: Whisper size (base, tiny.en, small, …).
        rank: Rank of the changes of Whisper's weights.
        device: Device to train on: cpu or cuda.
        steps: Number of steps.
        batch_size: Number of clips in a step.
        lr: Highest learning rate.
        warmup: Number of steps until the highest learning rate.
        weight_decay: Weight decay of AdamW.
        real_share: Share of real speech in a batch.
        kept: Share of what training changed that is kept; Whisper knows more speakers (Wortsman et al. 2022).
        slips: Share of input tokens that are replaced by others, as what the recognizer writes holds errors too.
        smoothing: Label smoothing of the cross entropy.
        ema: Momentum of the average of the weights.
        held_out: Number of clips that are measured and never trained on.
        max_phonemes: Largest number of phonemes in a clip; longer ones are left out. As many as fit if omitted.
        versions: Number of versions of each spoken clip, the first undisturbed.
        real_versions: Number of versions of each real clip, the first undisturbed.
        checkpoint_every: Number of steps between checkpoints.
        seed: Random seed.
        precision: Number format of the network: auto, float32 or bfloat16.
    """

    corpora: tuple[Path, ...]
    out: Path = Path("models/recogniser")
    real: Path | None = None
    whisper: str = "base"
    rank: int = 32
    device: str = "cpu"
    steps: int = 150
    batch_size: int = 16
    lr: float = 3e-4
    warmup: int = 50
    weight_decay: float = 0.01
    real_share: float = 0.5
    kept: float = 0.65
    slips: float = 0.06
    smoothing: float = 0.05
    ema: float = 0.98
    held_out: int = 20
    max_phonemes: int | None = None
    versions: int = 2
    real_versions: int = 4
    checkpoint_every: int = 100
    seed: int = 0
    precision: str = "auto"


@dataclass(frozen=True)
class StyleTraining:
    """How to train the attentive style encoder.

    Attributes:
        corpora: Folders that 'train corpus' made.
        out: Folder of checkpoint and weights.
        steps: Number of steps; on one core a step takes 0.7 s.
        batch_size: Number of stretches of speech in a step.
        lr: Highest learning rate.
        warmup: Number of steps until the highest learning rate.
        weight_decay: Weight decay of AdamW.
        cosine_weight: Weight of the cosine distance of the halves beside the squared error in standard deviations.
        checkpoint_every: Number of steps between checkpoints.
        seed: Random seed.
    """

    corpora: tuple[Path, ...]
    out: Path = Path("models/style")
    steps: int = 900
    batch_size: int = 48
    lr: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    cosine_weight: float = 5.0
    checkpoint_every: int = 250
    seed: int = 0


@dataclass(frozen=True)
class TimbreConfig:
    """How to fit the timbre surrogate.

    Attributes:
        speech: Folder that 'train real' made of recordings of many speakers, each a speaker.
        out: Folder of samples and weights.
        corpora: Folder that 'train corpus' made, as samples that cost nothing; may be repeated.
        embeddings: Weights whose prediction of embeddings is kept; only cleanness is fitted then.
        random: Number of samples of random timbres.
        rounds: Number of rounds: timbres are tried for the speakers, and the result is learned from.
        per_round: Number of samples in a round.
        per_shard: Number of samples in a file.
        epochs: Number of times through all samples in a fit.
        seed: Random seed.
    """

    speech: Path
    out: Path = Path("models/timbre")
    corpora: tuple[Path, ...] = ()
    embeddings: Path | None = None
    random: int = at_least(10, 700)
    rounds: int = 4
    per_round: int = 250
    per_shard: int = 10
    epochs: int = 40
    seed: int = 0


@dataclass(frozen=True)
class TimbreExtensionTraining:
    """How to train the timbre extension.

    Attributes:
        speech: Folder that 'train real' made of recordings of many speakers, each a speaker.
        out: Folder of checkpoint and weights.
        device: Device to train on: cpu or cuda.
        steps: Number of steps; on two cores a step takes minutes, on a GPU half a second.
        batch_size: Number of passages in a step that are said in their own voice.
        crossed: Number of passages in a step that are said in another speaker's voice.
        lr: Highest learning rate.
        discriminator_lr: Learning rate of the discriminators.
        warmup: Number of steps until the highest learning rate.
        likeness_weight: Weight of the cosine to the speaker's embedding.
        adversarial_weight: Weight of the adversarial loss; 0 trains without discriminators.
        decay: Weight decay of AdamW.
        passage_units: Length of a passage in units of 25 ms.
        held_out: Number of recordings that are measured and never trained on.
        checkpoint_every: Number of steps between checkpoints.
        seed: Random seed.
    """

    speech: Path
    out: Path = Path("models/extension")
    device: str = "cpu"
    steps: int = 500
    batch_size: int = 10
    crossed: int = 5
    lr: float = 1e-3
    discriminator_lr: float = 5e-4
    warmup: int = 50
    likeness_weight: float = 2.0
    adversarial_weight: float = 0.1
    decay: float = 0.01
    passage_units: int = 128
    held_out: int = 20
    checkpoint_every: int = 250
    seed: int = 0


@dataclass(frozen=True)
class AttributesConfig:
    """How to fit the directions of attributes.

    Attributes:
        out: Folder of samples and result.
        mixtures: Number of mixtures to speak with besides the stock voices.
        seed: Random seed.
    """

    out: Path = Path("models/attributes")
    mixtures: int = at_least(0, 46)
    seed: int = 0
