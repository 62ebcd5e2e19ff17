"""The compiled checks, above all where the model is narrower than RDF and the differential test cannot go."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.checks import FIRST_INSTANT, LAST_INSTANT, Finding, check, compile_checks, detail
from brain.errors import BadQuery
from brain.model import Verdict
from brain.pattern import mirror
from brain.schema import Datatype, Property
from ontology import load_schema

NULL, RANGE, TYPE = Verdict.NULL, Verdict.OUT_OF_RANGE, Verdict.WRONG_TYPE


def prop(datatype: Datatype, **constraints: object) -> Property:
    return Property("p", "https://example.org/p", datatype, **constraints)  # type: ignore[arg-type]


CASES = [
    (prop(Datatype.FLOAT), [None, math.nan, math.inf, True, "1", 2**63, b"1", [1.0]], [NULL, TYPE, TYPE, *[TYPE] * 5]),
    (prop(Datatype.FLOAT), [1.5, 7, -(2**63), 1.7e308, 0.0], [None] * 5),
    (prop(Datatype.FLOAT, minimum=0, maximum=1200), [0, 0.0, -0.0, 1200, 1200.0, -1e-9, 9999.99], [None] * 5 + [RANGE] * 2),
    (prop(Datatype.FLOAT, exclusive_minimum=0, exclusive_maximum=1), [0, 5e-324, 0.5, 1, 1.0], [RANGE, None, None, RANGE, RANGE]),
    (prop(Datatype.INTEGER), [None, 1.0, True, "1", 2**63, -(2**63) - 1], [NULL, TYPE, TYPE, TYPE, TYPE, TYPE]),
    (prop(Datatype.INTEGER), [0, -(2**63), 2**63 - 1], [None] * 3),
    (prop(Datatype.INTEGER, exclusive_minimum=1, exclusive_maximum=3), [1, 2, 3], [RANGE, None, RANGE]),
    (prop(Datatype.INTEGER, one_of=(1, 5)), [1, 5, 2, True], [None, None, RANGE, TYPE]),
    (prop(Datatype.BOOLEAN), [True, False, None, 1, 0, "true"], [None, None, NULL, TYPE, TYPE, TYPE]),
    (prop(Datatype.BOOLEAN, one_of=(True,)), [True, False], [None, RANGE]),
    (prop(Datatype.INSTANT), [0, FIRST_INSTANT, LAST_INSTANT], [None] * 3),
    (prop(Datatype.INSTANT), [FIRST_INSTANT - 1, LAST_INSTANT + 1, 2**63, 0.0, "2020"], [RANGE, RANGE, TYPE, TYPE, TYPE]),
    (prop(Datatype.STRING), ["", "ä", "😀", None, 1, "a\0b", "\ud800", "\udc00x"], [None] * 3 + [NULL, TYPE, TYPE, TYPE, TYPE]),
    (prop(Datatype.STRING, min_length=1, max_length=2), ["", "a", "😀😀", "abc"], [RANGE, None, None, RANGE]),
    (prop(Datatype.STRING, one_of=("on", "off")), ["on", "On", ""], [None, RANGE, RANGE]),
    (prop(Datatype.STRING, pattern="^P-[0-9]+$"), ["P-1", "xP-1", "P-1\n", "P-x"], [None, RANGE, RANGE, RANGE]),
    (prop(Datatype.STRING, pattern="P"), ["aPb", "ab"], [None, RANGE]),
]


@pytest.mark.parametrize(("property", "values", "verdicts"), CASES)
def test_verdicts(property: Property, values: list[object], verdicts: list[Verdict | None]) -> None:
    assert [check(property)(value) for value in values] == verdicts


def test_a_class_is_judged_as_a_whole() -> None:
    pump = compile_checks(load_schema()).of("InfusionPump")
    assert pump({"flow": 12.5, "state": "idle", "assetTag": "P-7"}) == ()
    assert pump({}) == ()
    assert pump({"flow": 9999.99, "state": "idle", "battery": None, "temperature": "warm"}) == (
        Finding("flow", RANGE, "9999.99"),
        Finding("battery", NULL, ""),
        Finding("temperature", TYPE, "warm"),
    )


def test_names_that_the_ontology_does_not_have() -> None:
    checks = compile_checks(load_schema())
    with pytest.raises(BadQuery, match="no class 'InfusionPumpe'; did you mean 'InfusionPump'"):
        checks.of("InfusionPumpe")
    with pytest.raises(BadQuery, match="InfusionPump has no property 'flwo'; did you mean 'flow'"):
        checks.of("InfusionPump")({"flwo": 1})


@given(
    st.one_of(st.text(st.characters(codec=None, exclude_categories=[])), st.integers(), st.floats(), st.binary(), st.booleans())
)
def test_details_fit_any_store(value: object) -> None:
    text = detail(value)
    assert len(text) <= 200 * 6  # a lone surrogate is written out as \\ud800
    text.encode()


def test_a_detail_of_endless_digits() -> None:
    assert detail(10**5000) == "an integer of 16610 bits"


MATCHES = [
    ("a.c", ["abc", "xaxcx"], ["a\nc", "a\rc", "ac"]),
    ("^[^a]$", ["b", "\n"], ["a", "bb", ""]),
    (r"^\s$", [" ", "\t", "\n", "\r"], ["\u00a0", "\x0b", "\u2003"]),
    (r"^\S$", ["\u00a0", "x"], [" ", "\n"]),
    (r"^[\sx]+$", ["x \t"], ["x\u00a0"]),
    (r"^\d+$", ["12", "٣"], ["", "1x", "²"]),
    (r"^[\-\]\\a]$", ["-", "]", "\\", "a"], ["^", "b"]),
    (r"^[a&&b]$", ["a", "&", "b"], ["&&", "c"]),
    (r"^\$5\.00$", ["$5.00"], ["$5x00", "5.00", "$5.00\n"]),
    ("a{2,3}$", ["aa", "baaa"], ["a", "aab"]),
    ("^(?:a|b)+?c$", ["abac"], ["c"]),
    ("^x{0}$", [""], ["x"]),
]


@pytest.mark.parametrize(("pattern", "good", "bad"), MATCHES)
def test_patterns_mean_what_xpath_means(pattern: str, good: list[str], bad: list[str]) -> None:
    search = mirror(pattern).search
    assert [bool(search(text)) for text in good + bad] == [True] * len(good) + [False] * len(bad)


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\w", r"\b", r"\A", r"\Z", r"\p{L}", r"\i", r"\c", r"\x41", r"\u0041", r"\N{DIGIT ONE}", "\\", r"\0"),
        *("(?i)a", "(?=a)", "(?P<n>a)", "(?#x)", "a*+", "a++", "a?+", "a{2}+", "a{,3}", "a{3,2}", "*a", "a**"),
        *("[a-z-[aeiou]]", "[", "[]", "[a", r"[\S]", r"[\w]", "(", ")", "a{99999999999}", "[z-a]", r"(a)\1"),
    ],
)
def test_patterns_without_a_counterpart_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        mirror(pattern)
