"""Names of devices, and what is said of those that cannot be used."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from nuanced_speech.core.device import check_device, find_device, without_cudnn
from nuanced_speech.core.errors import UserError


@pytest.mark.parametrize("find", [check_device, find_device])
def test_the_processor_is_always_there(find) -> None:  # type: ignore[no-untyped-def]
    assert find("cpu") == torch.device("cpu")


@pytest.mark.parametrize("find", [check_device, find_device])
@pytest.mark.parametrize("name", ["cuda:99", "toaster", "cpu:x", ""])
def test_both_say_the_same_of_what_cannot_be_used(find, name: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError) as caught:
        find(name)
    assert str(caught.value) == f"device {name!r} is not usable here: use cpu"


def test_auto_is_cuda_where_there_is_one() -> None:
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(UserError):
        check_device("auto")


def test_importing_it_does_not_load_torch() -> None:
    program = "import sys, nuanced_speech.core.device; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_threads_that_switch_cudnn_off_leave_it_on() -> None:
    before = torch.backends.cudnn.enabled

    def switch(_: int) -> bool:
        with without_cudnn():
            return torch.backends.cudnn.enabled

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(switch, range(400)))
    assert torch.backends.cudnn.enabled == before
