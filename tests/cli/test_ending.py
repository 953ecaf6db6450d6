"""How commands end that are told to stop or whose output is not taken: one line, the right status, nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# A command that is in the middle of a file: it says so, and waits for the signal.
WRITING = """
import sys, time
from nuanced_speech.cli import app
from nuanced_speech.core.files import replacing

def command():
    with replacing(sys.argv[2]) as temporary:
        temporary.write_text("half")
        try:
            print("writing", flush=True)
            time.sleep(60)
        except BaseException:
            if sys.argv[1] != "library":
                raise
            # what safetensors makes of a signal in the middle of its own code
            raise ValueError("could not determine the shape of object type") from None

app.make_app = lambda names, listed: command
app.main()
"""


def heeding_signals() -> None:
    """What starts the tests may have told its children to ignore some signals, as nohup does."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def writing(out: Path, what: str = "convert") -> subprocess.Popen[str]:
    """A process that writes ``out`` and does not come to an end."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, what, str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heeding_signals,
    )
    assert process.stdout is not None and process.stdout.readline() == "writing\n"
    return process


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [(signal.SIGINT, 130, "interrupted: "), (signal.SIGTERM, 143, "stopped: "), (signal.SIGHUP, 129, "stopped: ")],
)
def test_a_signal_leaves_one_line_and_the_old_file(
    tmp_path: Path, number: signal.Signals, status: int, says: str
) -> None:
    out = tmp_path / "out.wav"
    out.write_text("old")
    process = writing(out)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == status
    assert err.startswith(says) and err.count("\n") == 1
    assert out.read_text() == "old" and [*tmp_path.iterdir()] == [out]


@pytest.mark.parametrize(
    ("number", "status", "says"), [(signal.SIGINT, 130, "interrupted: "), (signal.SIGTERM, 143, "stopped: ")]
)
def test_a_signal_that_a_library_makes_its_own_error_of_is_one_line_too(
    tmp_path: Path, number: signal.Signals, status: int, says: str
) -> None:
    process = writing(tmp_path / "out.wav", "library")
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == status
    assert err.startswith(says) and err.count("\n") == 1
    assert not [*tmp_path.iterdir()]


def test_what_a_kill_left_is_removed_by_the_next_run_and_nothing_else_is(tmp_path: Path) -> None:
    out, foreign = tmp_path / "out.wav", tmp_path / ".nuanced-speech-00000000-1-abc.wav"
    foreign.touch()
    killed, living = writing(out), writing(out)
    killed.kill()
    killed.communicate()
    left = {path.name for path in tmp_path.iterdir()} - {foreign.name}
    assert len(left) == 2  # of both
    writing_too = writing(out)
    now = {path.name for path in tmp_path.iterdir()} - {foreign.name}
    assert len(now) == 2 and len(now & left) == 1 and str(living.pid) in next(iter(now & left))
    for process in (living, writing_too):
        process.terminate()
        process.communicate(timeout=120)
    assert [*tmp_path.iterdir()] == [foreign]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_a_full_standard_output_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "nuanced_speech", "--version"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 1
    assert ended.stderr == "error: standard output cannot be written: No space left on device\n"


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "nuanced_speech", "--version"], stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert (ended.returncode, ended.stderr) == (1, "")


def test_the_handlers_are_put_back() -> None:
    from nuanced_speech.cli.signals import ending_in_order

    before = signal.getsignal(signal.SIGTERM)
    with ending_in_order():
        assert signal.getsignal(signal.SIGTERM) != before
        with pytest.raises(SystemExit) as stopped:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
    assert stopped.value.code == 143 and signal.getsignal(signal.SIGTERM) == before
