"""CSV: what is written comes back as it was, but for texts that a spreadsheet would work out."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.cli.sheets import Sheet


def back(*rows: list[Any]) -> list[list[str]]:
    file = io.StringIO()
    Sheet(file).writerows(rows)
    return [*csv.reader(io.StringIO(file.getvalue(), newline=""))]


@pytest.mark.parametrize("text", ["=1+1", "=cmd|' /C calc'!A0", "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-80C freezer"])
def test_a_text_that_would_be_a_formula_is_marked_as_text(text: str) -> None:
    assert back([text]) == [["'" + text]]


def test_numbers_stay_numbers() -> None:
    assert back([-1.5, "-1.5", "+3", -2, "1e3", None]) == [["-1.5", "-1.5", "+3", "-2", "1e3", ""]]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), min_size=1))
def test_all_else_comes_back(texts: list[str]) -> None:
    whole = [f"a{text}" for text in texts]
    assert back(whole) == [whole]
