"""Weights in half the room, and back."""

import torch

from nuanced_speech.weights.compact import compacted, restored


def test_large_matrices_come_back_nearly_as_they_were_in_a_quarter_of_the_room() -> None:
    torch.manual_seed(0)
    # rows of very different size, one of them empty
    state = {"a": torch.randn(300, 256) * torch.logspace(-6, 2, 300)[:, None], "b": torch.randn(64, 300, 5)}
    state["a"][7] = 0
    packed = compacted(state)
    assert packed["a"].dtype == packed["b"].dtype == torch.int8
    for name, value in restored(packed).items():
        rows, back = state[name].flatten(1), value.flatten(1)
        assert value.shape == state[name].shape and value.dtype == torch.float32
        assert bool(((rows - back).abs().amax(1) <= rows.abs().amax(1) / 250).all())


def test_small_tensors_and_files_of_before_are_only_converted() -> None:
    state = {"bias": torch.randn(100_000), "small": torch.randn(10, 10)}
    packed = compacted(state)
    assert {value.dtype for value in packed.values()} == {torch.float16} and set(packed) == set(state)
    assert all(torch.equal(value, state[name].half().float()) for name, value in restored(packed).items())
