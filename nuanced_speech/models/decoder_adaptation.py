"""A fast decoder's weights as a speaker's recordings changed them."""

from dataclasses import replace

from torch import Tensor, nn

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.voice.adaptation import DecoderAdaptation


def check_adaptation(decoder: nn.Module, digest: str, adaptation: DecoderAdaptation) -> None:
    """Check that an adaptation was made for a decoder of this digest.

    Raises:
        UserError: it was made for another.
    """
    if adaptation.decoder != digest:
        raise UserError(
            f"the voice is adapted to another decoder ({adaptation.decoder[:16]}) than the one given ({digest}): give "
            "that one, or clone the voice again with this one"
        )
    for name, layer in adaptation.layers.items():
        weight = getattr(dict(decoder.named_modules()).get(name), "weight", None)
        if weight is None or weight.shape != (layer.up.shape[0], layer.down.shape[1]):
            raise UserError(f"the voice's adaptation changes a layer {name[:80]!r} that this decoder does not have")


def adapted_weights(decoder: nn.Module, digest: str, adaptation: DecoderAdaptation) -> dict[str, Tensor]:
    """Weights of the changed layers by their names; gradients reach the adaptation.

    Raises:
        UserError: as ``check_adaptation``.
    """
    check_adaptation(decoder, digest, adaptation)
    weights = dict(decoder.named_parameters())
    return {
        f"{name}.weight": weights[f"{name}.weight"] + layer.change.to(weights[f"{name}.weight"])
        for name, layer in adaptation.layers.items()
    }


def adapted_voice(voice: DecoderVoice) -> DecoderVoice:
    """An adapted voice for a decoder that has the adapted weights."""
    assert voice.adaptation is not None
    speaker = voice.adaptation.speaker.to(voice.timbre).expand(len(voice.timbre), -1)
    return replace(voice, speaker=speaker, adaptation=None)
