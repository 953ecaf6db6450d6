"""Journals: what is kept is whole after any kill, and goes when the work is another."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from core.test_files import room_for

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.journal import Journal

PARTS = [np.full(size, size, np.float32) for size in (3, 0, 500, 2)]


def filled(folder: Path, parts: int = 4, work: str = "a") -> None:
    with Journal(folder, {"work": work}) as journal:
        for number in range(len(journal.notes), parts):
            journal.add(PARTS[number], {"number": number, "text": "é"})


def test_parts_are_there_again(tmp_path: Path) -> None:
    filled(tmp_path / "x.work", 2)
    filled(tmp_path / "x.work")
    with Journal(tmp_path / "x.work", {"work": "a"}) as journal:
        assert journal.notes == [{"number": n, "text": "é"} for n in range(4)] and journal.samples == 505
        assert np.array_equal(np.concatenate([*journal.chunks()]), np.concatenate(PARTS))
        assert np.array_equal(np.concatenate([*journal.chunks(2, 5)]), np.concatenate(PARTS)[2:5])
        assert np.array_equal(journal.sound(2), PARTS[2]) and journal.length(3) == 2
        journal.remove()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["parts.jsonl", "sound.f32"])
def test_a_file_cut_anywhere_leaves_whole_parts(tmp_path: Path, name: str) -> None:
    filled(tmp_path / "whole.work")
    data = {path.name: path.read_bytes() for path in (tmp_path / "whole.work").iterdir()}
    for cut in range(0, len(data[name]), 1 if name == "parts.jsonl" else 50):
        folder = tmp_path / f"{cut}.work"
        folder.mkdir()
        for other, content in data.items():
            (folder / other).write_bytes(content[:cut] if other == name else content)
        with Journal(folder, {"work": "a"}) as journal:
            kept = len(journal.notes)
            assert journal.samples == sum(map(len, PARTS[:kept])) and kept < 4
        filled(folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == data


def test_another_work_begins_anew(tmp_path: Path) -> None:
    filled(tmp_path / "x.work")
    (tmp_path / "x.work" / "features").mkdir()
    (tmp_path / "x.work" / "features" / "0.bin").touch()
    with Journal(tmp_path / "x.work", {"work": "b"}) as journal:
        assert journal.notes == [] and journal.samples == 0
    assert not (tmp_path / "x.work" / "features").exists()


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    with Journal(tmp_path / "x.work", {}), pytest.raises(UserError, match="in use"), Journal(tmp_path / "x.work", {}):
        pass


def test_a_full_disk_and_a_missing_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"), Journal(tmp_path / "nowhere" / "x.work", {}):
        pass
    with Journal(tmp_path / "x.work", {"work": "a"}) as journal:
        journal.add(PARTS[0], 0)
        with room_for(1000), pytest.raises(UserError, match="cannot write .*File too large"):
            journal.add(np.zeros(1000, np.float32), 1)
    with Journal(tmp_path / "x.work", {"work": "a"}) as journal:
        assert journal.notes == [0] and np.array_equal(journal.sound(0), PARTS[0])


def _add_for_ever(folder: Path) -> None:
    with Journal(folder, {"work": "a"}) as journal:
        while True:
            number = len(journal.notes)
            journal.add(np.full(number % 1000, number, np.float32), number)


def test_kills_lose_nothing_that_was_kept(tmp_path: Path) -> None:
    known = 0
    for _ in range(6):
        process = multiprocessing.get_context("fork").Process(target=_add_for_ever, args=(tmp_path / "x.work",))
        process.start()
        while not (tmp_path / "x.work" / "parts.jsonl").exists():
            pass
        lines = (tmp_path / "x.work" / "parts.jsonl").read_bytes().count(b"\n")
        while (seen := (tmp_path / "x.work" / "parts.jsonl").read_bytes().count(b"\n")) < lines + 3:
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with Journal(tmp_path / "x.work", {"work": "a"}) as journal:
            assert len(journal.notes) >= max(seen, known) and journal.notes == [*range(len(journal.notes))]
            known = len(journal.notes)
            for part in range(known):
                assert np.array_equal(journal.sound(part), np.full(part % 1000, part, np.float32))


@pytest.mark.parametrize(
    "damage", ['{"samples": 1e400, "note": 1}', "[" * 100_000, '{"samples": "3", "note": 1}', '{"samples": 3}']
)
def test_damage_in_a_journal_costs_the_parts_behind_it(tmp_path: Path, damage: str) -> None:
    for name in ("parts.jsonl", "work.json"):
        folder = tmp_path / f"{name}.work"
        filled(folder)
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        lines[min(2, len(lines) - 1)] = damage
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        with Journal(folder, {"work": "a"}) as journal:
            assert len(journal.notes) == (2 if name == "parts.jsonl" else 0)
