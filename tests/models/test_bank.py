"""The bank of models: lazy, locked, each model once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from nuanced_speech.models.bank import ModelBank, shared_bank


def test_threads_that_need_a_model_share_it() -> None:
    bank, started = ModelBank(), threading.Barrier(4)

    def load() -> object:
        started.wait()
        return bank.speaker_encoder

    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: load(), range(4)))
    assert len({id(model) for model in models}) == 1


def test_different_models_load_at_the_same_time() -> None:
    bank, both = ModelBank(), threading.Barrier(2, timeout=20)
    with ThreadPoolExecutor(2) as pool:
        # each waits inside its own load until the other one is there
        found = [pool.submit(bank._once, name, lambda: both.wait() >= 0) for name in ("one", "other")]
        assert [future.result(30) for future in found] == [True, True]


def test_nothing_is_loaded_before_it_is_needed() -> None:
    assert not ModelBank()._models


def test_a_model_that_is_handed_in_is_not_loaded() -> None:
    encoder = object()
    bank = ModelBank(loaded={"speaker_encoder": encoder})
    assert bank.speaker_encoder is encoder
    # the other banks are as they were
    assert not ModelBank()._models


def test_calls_that_are_given_no_bank_share_one_for_each_device() -> None:
    assert shared_bank("cpu") is shared_bank("cpu") is not shared_bank("cuda")
    assert (shared_bank("cpu").device, shared_bank("cuda").device) == ("cpu", "cuda")
