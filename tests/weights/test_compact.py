"""Large matrices in half the room of fp16, and back."""

import torch

from nuanced_speech.weights.compact import dequantised, quantised


def test_large_matrices_come_back_nearly_as_they_were_in_half_the_room() -> None:
    torch.manual_seed(0)
    # rows of very different size, one of them empty
    state = {"a": torch.randn(300, 256) * torch.logspace(-6, 2, 300)[:, None], "b": torch.randn(64, 300, 5)}
    state["a"][7] = 0
    packed = quantised(state)
    assert packed["a"].dtype == packed["b"].dtype == torch.int8
    assert sum(value.nbytes for value in packed.values()) < 0.51 * sum(value.half().nbytes for value in state.values())
    for name, value in dequantised(packed).items():
        rows, back = state[name].flatten(1), value.flatten(1)
        assert value.shape == state[name].shape and value.dtype == torch.float32
        assert bool(((rows - back).abs().amax(1) <= rows.abs().amax(1) / 250).all())


def test_small_tensors_and_files_of_before_are_only_converted() -> None:
    state = {"bias": torch.randn(100_000), "small": torch.randn(10, 10)}
    packed = quantised(state)
    assert {value.dtype for value in packed.values()} == {torch.float16} and set(packed) == set(state)
    assert all(torch.equal(value, state[name].half().float()) for name, value in dequantised(packed).items())
