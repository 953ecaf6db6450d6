"""Names of months and their short forms."""

from __future__ import annotations

import pytest

from nuanced_speech.text.months import MONTHS, short_months


def test_every_language_has_twelve_months_of_its_own() -> None:
    assert all(len(set(names)) == 12 for names in MONTHS.values())


def test_short_forms_stand_for_the_month_of_their_place() -> None:
    assert short_months("fr", "janv,jan - - - - - juil - - - - déc") == {
        "janv": "janvier",
        "jan": "janvier",
        "juil": "juillet",
        "déc": "décembre",
    }
    with pytest.raises(ValueError):
        short_months("fr", "janv")
