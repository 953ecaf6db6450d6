"""``benchmarks/mapped_languages.py said`` goes on where it was broken off, and its rates fit into the docs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from helpers import ROOT


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = ROOT / "benchmarks" / "mapped_languages.py"
    spec = importlib.util.spec_from_file_location("mapped_languages", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # its data class looks for its module
    monkeypatch.setitem(sys.modules, "mapped_languages", module)
    spec.loader.exec_module(module)
    return module


def test_languages_that_are_done_are_not_measured_again(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, measured = tmp_path / "new" / "said.tsv", []

    def measure(code: str) -> object:
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(code)
        return benchmark.Heard(code, code.upper(), 60, 0.1, 0.25)

    with pytest.raises(KeyboardInterrupt):
        benchmark.said(["de", "fi", "nl"], results, lambda: measure)
    assert measured == ["de", "fi"]
    # a line that was not written to its end
    results.write_text(results.read_text(encoding="utf-8") + "nl\tDut", encoding="utf-8")
    capsys.readouterr()
    measured.clear()
    benchmark.said(["de", "fi", "nl"], results, lambda: measure)
    table, progress = capsys.readouterr()
    assert measured == ["nl"] and list(benchmark.read_results(results)) == ["de", "fi", "nl"]
    assert "2 of 3 languages" in progress and "1/1 nl NL: 10% by Kokoro, 25% by espeak-ng's voice" in progress
    assert table.splitlines()[2] == "| DE | 60 | 10% (25%) |  |"


def test_rates_and_reasons_go_into_the_table_of_the_docs(benchmark: ModuleType) -> None:
    page = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    heard = {
        "fi": benchmark.Heard("fi", "Finnish", 60, 0.124, 0.2),
        "ar": benchmark.Heard("ar", "Arabic", 60, 0.9, 0.8),
        "yue": benchmark.Heard("yue", "Cantonese", reason="Whisper base does not know it"),
    }
    for _ in range(2):  # once more changes nothing
        page = benchmark.with_rates(page, heard)
        rows = {row.split("|")[2].strip(): row for row in page.splitlines() if row.count("|") == 8}
        assert rows["fi"] == "| Finnish | fi | fi | o͡i→Y q→k | – | 12% (20%) |  |"
        assert rows["ar"].endswith(
            "| – | short vowels, which texts leave out, are guessed; "
            "Whisper base does not hear it (80% of espeak-ng's voice) |"
        )
        assert rows["yue"].endswith("| – | tones by the melody of the source alone; Whisper base does not know it |")
        assert set(benchmark.MAPPED_LANGUAGES) <= set(rows)


def test_names_in_another_script_are_compared_in_latin_letters(benchmark: ModuleType) -> None:
    assert benchmark.character_errors("немачка", "nemacka") == pytest.approx(1 / 8)
    assert benchmark.character_errors("griechenland", "griechenlant") == pytest.approx(1 / 12)
    assert benchmark.character_errors("norwegen", "") == 1


def test_espeaks_voice_has_said_all_when_a_call_returns(benchmark: ModuleType) -> None:
    voice = benchmark.EspeakVoice()
    for name in ("de", "es"):
        wave = voice("Alemania, Grecia, Noruega, Egipto, Suiza, Turquía, Japón, Hungría.", name)
        assert len(wave) > 5 * voice.rate and np.abs(wave[-voice.rate // 2 :]).max() > 0.05
