"""Tacotron 2 (Shen et al. 2018): phonemes to mel frame by frame, aligned by attention.

embedding → three convolutions → BiLSTM → location-sensitive attention ⇄ two decoder LSTMs → mel, stop token → postnet

Sizes are the published ones. The speaker's embedding is joined to the encoder's output; without it (``speaker=False``)
the model is the published one for a single voice. ``reduction`` frames come out of a step (Wang et al. 2017): the
published model has 1, and 2 or 3 find the alignment sooner. Guided attention (Tachibana et al. 2017) helps as well, and
so does frame dropout, of whole frames that the decoder is fed in training: what it cannot copy from the frame before it
has to read, by attention, from the phonemes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.constants import SPEAKER_DIM
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.tts.acoustic.data import Batch
from nuanced_speech.tts.acoustic.interface import AcousticModel, AcousticOutput, Loss, masked_mean
from nuanced_speech.tts.acoustic.tacotron2_layers import (
    Attention,
    Encoder,
    Postnet,
    Prenet,
    Tacotron2Config,
    ZoneoutLSTM,
)

# How wide the diagonal of guided attention is (g of Tachibana et al.).
GUIDE_WIDTH = 0.2
# One step in hundreds is the last: it weighs more.
STOP_WEIGHT = 8.0


@dataclass(frozen=True)
class Decoded:
    """Normalised mel ``[B, frames, 80]`` before and after the postnet, logits of the stop token ``[B, steps]``,
    attention ``[B, steps, T]``."""

    coarse: Tensor
    fine: Tensor
    stop: Tensor
    alignment: Tensor


class Tacotron2(AcousticModel):
    """The model; ``loss`` feeds it the true frames, ``speak`` its own."""

    name = "tacotron2"

    def __init__(self, config: Tacotron2Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Tacotron2Config()
        memory = config.channels + SPEAKER_DIM * config.speaker
        self.encoder = Encoder(config)
        self.prenet = Prenet(config)
        self.first = ZoneoutLSTM(config.prenet, memory, config.decoder, config.zoneout)
        self.attention = Attention(config, memory)
        self.second = ZoneoutLSTM(config.decoder + memory, 0, config.decoder, config.zoneout)
        self.to_mel = nn.Linear(config.decoder + memory, MEL.n_mels * config.reduction)
        self.to_stop = nn.Linear(config.decoder + memory, 1)
        self.postnet = Postnet(config)

    def encode(self, phonemes: Tensor, lengths: Tensor, embedding: Tensor) -> Tensor:
        """What the attention looks at, ``[B, T, 512]``, or 768 with the speaker."""
        memory = self.encoder(phonemes, lengths)
        if not self.config.speaker:
            return memory
        speaker = (embedding * SPEAKER_DIM**0.5)[:, None].expand(-1, memory.shape[1], -1)
        return torch.cat([memory, speaker.to(memory.dtype)], -1)

    def forward(self, batch: Batch) -> Decoded:
        """Predict every frame from the true ones before it."""
        reduction = self.config.reduction
        memory = self.encode(batch.phonemes, batch.lengths, batch.embedding)
        mask, keys = length_mask(batch.lengths, memory.shape[1]), self.attention.memory(memory)
        frames = -(-batch.mel.shape[1] // reduction) * reduction
        true = F.pad(self.normalised(batch.mel), (0, 0, 0, frames - batch.mel.shape[1]))
        true = true * length_mask(batch.frames, frames)[..., None]
        # before the first frame there is a frame of zeros; of a step's frames the last is passed on
        last = F.pad(true, (0, 0, 1, 0))[:, :-1:reduction]
        if self.training and self.config.frame_dropout:
            # to 0, which is the mean: the model works on normalised mels
            kept = torch.rand(last.shape[:2], device=last.device) >= self.config.frame_dropout
            last = last * kept[..., None]
        first, second = self.first.start(memory), self.second.start(memory)
        context = torch.zeros_like(memory[:, 0])
        before = memory.new_zeros(len(memory), 2, memory.shape[1], dtype=torch.float32)
        hiddens, contexts, weights = [], [], []
        for step in first.project(self.prenet(last)).unbind(1):
            hidden = first.step(step, context)
            weight = self.attention(hidden, keys, mask, before)
            context = (weight[:, None].to(memory.dtype) @ memory)[:, 0]
            before = torch.stack([weight, before[:, 1] + weight], 1)
            hiddens.append(hidden)
            contexts.append(context)
            weights.append(weight)
        # the second LSTM tells the first and the attention nothing, so all that enters it is known now
        context = torch.stack(contexts, 1)
        inputs = torch.cat([torch.stack(hiddens, 1), context], -1)
        outputs = [second.step(step) for step in second.project(inputs).unbind(1)]
        output = torch.cat([torch.stack(outputs, 1), context], -1)
        coarse = self.to_mel(output).unflatten(-1, (reduction, -1)).flatten(1, 2)
        coarse = coarse * length_mask(batch.frames, frames)[..., None]
        fine = coarse + self.postnet(coarse, length_mask(batch.frames, frames))
        return Decoded(coarse, fine, self.to_stop(output)[..., 0], torch.stack(weights, 1))

    def loss(self, batch: Batch, done: float = 0.0) -> Loss:
        """MSE of the mel before and after the postnet, cross entropy of the stop token, and guided attention."""
        decoded = self(batch)
        steps = -(-batch.frames // self.config.reduction)
        mask = length_mask(batch.frames, batch.mel.shape[1])
        target = self.normalised(batch.mel)
        coarse, fine = (x[:, : target.shape[1]].float() for x in (decoded.coarse, decoded.fine))
        valid = length_mask(steps, decoded.stop.shape[1])
        last = torch.arange(decoded.stop.shape[1], device=mask.device)[None] == steps[:, None] - 1
        stop = F.binary_cross_entropy_with_logits(
            decoded.stop.float(),
            last.float(),
            reduction="none",
            pos_weight=torch.tensor(STOP_WEIGHT, device=mask.device),
        )
        parts = {
            "mel": masked_mean((fine - target).square(), mask),
            "mel_before_postnet": masked_mean((coarse - target).square(), mask),
            "stop": masked_mean(stop, valid),
            "off_diagonal": off_diagonal(decoded.alignment, batch.lengths, steps),
        }
        total = parts["mel"] + parts["mel_before_postnet"] + parts["stop"]
        total = total + self.guide(done) * parts["off_diagonal"]
        return Loss(total, parts, self.log_mel(fine), decoded.alignment)

    def guide(self, done: float) -> float:
        """The weight of guided attention when the share ``done`` of the training is over."""
        until = self.config.guide_until
        left = min(max(2 * (1 - done / until), 0.0), 1.0) if until else 1.0
        return self.config.guided_attention * left

    @torch.no_grad()
    def speak(self, phonemes: Tensor, embedding: Tensor, speed: float = 1.0) -> AcousticOutput:
        """A mel ``[frames, 80]`` of ids ``[T]`` for a speaker ``[256]``. The attention sets the pace: other speeds are
        made by stretching the finished mel."""
        lengths = torch.tensor([len(phonemes)], device=phonemes.device)
        memory = self.encode(phonemes[None], lengths, embedding[None])
        mask, keys = length_mask(lengths, memory.shape[1]), self.attention.memory(memory)
        first, second = self.first.start(memory), self.second.start(memory)
        context, before = torch.zeros_like(memory[:, 0]), memory.new_zeros(1, 2, memory.shape[1])
        frame = memory.new_zeros(1, MEL.n_mels)
        steps: list[Tensor] = []
        weights: list[Tensor] = []
        ended = False
        while len(steps) < self.config.longest and not ended:
            hidden = first.step(first.project(self.prenet(frame)), context)
            weight = self.attention(hidden, keys, mask, before)
            context = (weight[:, None] @ memory)[:, 0]
            before = torch.stack([weight, before[:, 1] + weight], 1)
            output = torch.cat([second.step(second.project(torch.cat([hidden, context], -1))), context], -1)
            frames = self.to_mel(output).unflatten(-1, (self.config.reduction, -1))
            frame = frames[:, -1]
            steps.append(frames)
            weights.append(weight)
            ended = bool(self.to_stop(output) > 0)
        coarse = torch.cat(steps, 1)
        everywhere = torch.ones(coarse.shape[:2], dtype=torch.bool, device=coarse.device)
        mel = self.log_mel(coarse + self.postnet(coarse, everywhere))[0]
        alignment = torch.cat(weights)
        if speed != 1.0:
            frames_at_speed = max(round(len(mel) / speed), 1)
            mel = F.interpolate(mel.T[None], frames_at_speed, mode="linear", align_corners=False)[0].T
        durations = spans(alignment, len(mel))
        return AcousticOutput(mel, durations, alignment, ended)


def off_diagonal(alignment: Tensor, lengths: Tensor, steps: Tensor) -> Tensor:
    """How far attention ``[B, steps, T]`` is from the diagonal, 0 to 1 (Tachibana et al. 2017, equation 6)."""
    place = torch.arange(alignment.shape[2], device=alignment.device)[None, None] / lengths[:, None, None]
    time = torch.arange(alignment.shape[1], device=alignment.device)[None, :, None] / steps[:, None, None]
    penalty = 1 - torch.exp(-((place - time) ** 2) / (2 * GUIDE_WIDTH**2))
    return masked_mean((alignment * penalty).sum(2), length_mask(steps, alignment.shape[1]))


def spans(alignment: Tensor, frames: int) -> Tensor:
    """Frames of each phoneme ``[T]`` from attention ``[steps, T]``: each step's frames go to where it looks most."""
    looked = alignment.argmax(1)
    which = looked[torch.arange(frames, device=looked.device) * len(looked) // frames]
    return torch.bincount(which, minlength=alignment.shape[1])
