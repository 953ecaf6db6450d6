"""Transcripts of a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.tts import ljspeech, transcripts
from nuanced_speech.tts.ljspeech import Row
from nuanced_speech.tts.normalise import normalise
from nuanced_speech.tts.transcript_split import split_transcript


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Dr. Smith paid $5.50.", "Doctor Smith paid five dollars and fifty cents."),
        ("On the 21st of May, 1863, at 10:05", "On the twenty-first of May, eighteen sixty-three, at ten oh five"),
        ("1,234 people & 3.14%", "one thousand two hundred and thirty-four people and three point one four percent"),
        ("He said no. No. 7, agent 007.", "He said no. Number seven, agent zero zero seven."),
        ("$3 million, the 1990s, etc.", "three million dollars, the nineteen nineties, et cetera."),
        ("nothing  to\ndo “here”", 'nothing to do "here"'),
    ],
)
def test_text_is_spelled_out(text: str, spoken: str) -> None:
    assert normalise(text) == spoken


def test_numbers_of_other_languages() -> None:
    assert normalise("il y a 21 ans", "fr") == "il y a vingt et un ans"
    assert normalise("3,5 von 1.000", "de") == "drei Komma fünf von eintausend"
    assert normalise("21 x", "cy") != "21 x" and normalise("21 x", "haw") == "21 x"


def test_any_number_has_words() -> None:
    for number in ("0", "00", "1.50", "9" * 40, "1." + "5" * 40, "$" + "9" * 30, "99999th", "0:00", "23:59", "7000s"):
        assert normalise(f"a {number} b").startswith("a ")


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [Row("a-1", "One, 2", "One, two"), Row("b", 'He said "no', 'He said "no')]
    ljspeech.write(tmp_path, rows)
    assert ljspeech.read(tmp_path) == rows
    assert (tmp_path / "metadata.csv").read_bytes().startswith(b"a-1|One, 2|One, two\n")
    ljspeech.write(tmp_path, [Row("a", "one | two\nthree", "x")])
    assert ljspeech.read(tmp_path) == [Row("a", "one , two three", "x")]
    (tmp_path / "metadata.csv").write_text("a|b\nonly\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 2"):
        ljspeech.read(tmp_path)
    with pytest.raises(UserError, match="tts prepare"):
        ljspeech.read(tmp_path / "nowhere")


def test_words_are_shared_out() -> None:
    text = "One, two three four. Five six - seven eight nine ten."
    assert split_transcript(text, ["one two tree four", "five six seven", "ate nine ten"]) == [
        "One, two three four.",
        "Five six - seven",
        "eight nine ten.",
    ]
    # nobody knows where "four. Five" was said
    assert split_transcript(text, ["one two three", "six seven", "eight nine ten"]) == [None, None, "eight nine ten."]
    assert split_transcript("ああ いい うう", ["ああい", "いうう"], "ja") == ["ああい", "いうう"]
    assert split_transcript(text, ["", "one two three four five six seven eight nine ten"])[0] is None


def test_transcripts_are_found(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    for name in ("a.wav", "b.wav", "c.flac", "d.wav", "wavs/e.wav"):
        (tmp_path / name).touch()
    (tmp_path / "a.txt").write_text("beside\nit ", encoding="utf-8")
    (tmp_path / "b.lab").write_text("\ufefflab", encoding="utf-8")
    (tmp_path / "1-2.trans.txt").write_text("c WHAT I SAID\nx NOTHING\n", encoding="utf-8")
    (tmp_path / "metadata.csv").write_text("a|row\nd|text|normal\ne|in wavs\n", encoding="utf-8")
    (tmp_path / "readme.txt").write_text("no transcript", encoding="utf-8")
    found = transcripts.find(sorted(p for p in tmp_path.rglob("*") if p.is_file()))
    texts = {path.name: text for path, text in found.texts.items()}
    assert texts == {"a.wav": "beside it", "b.wav": "lab", "c.flac": "what I said", "d.wav": "text", "e.wav": "in wavs"}
    assert {path.name for path in found.sources} == {"a.txt", "b.lab", "1-2.trans.txt", "metadata.csv"}
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UserError, match=r"a\.txt.*UTF-8"):
        transcripts.find([tmp_path / "a.txt", tmp_path / "a.wav"])
