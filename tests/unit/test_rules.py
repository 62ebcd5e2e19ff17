"""Rules that cannot be used are told with file, line and mend; all of a file at once."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.paths import parse_path, parse_template
from ingest.rules import BadRules, read_rules
from ingest.rules_yaml import read_yaml
from tests.unit.ingest_plant import PUMPS, plant, rules_of


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadRules) as caught:
        rules_of(folder, text)
    return str(caught.value).splitlines()


def told(read: Callable[[], object]) -> list[str]:
    """The faults that reading finds, if any."""
    try:
        read()
    except BadRules as error:
        return str(error).splitlines()
    return []


def test_good_rules_load(tmp_path: Path) -> None:
    (rules,) = rules_of(tmp_path, PUMPS)
    assert (rules.adapter, rules.topics, len(rules.rules)) == ("pumps", ("pumps", "site/+/pumps"), 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("flow:", "flwo:", 11, "Pump has no property 'flwo'; did you mean 'flow'?"),
        ("class: Pump", "class: Pmup", 8, "the ontology has no class 'Pmup'; did you mean 'Pump'?"),
        ("locatedIn:", "locatedAt:", 19, "Pump has no relation 'locatedAt'; did you mean 'locatedIn'?"),
        ("locatedIn: {class: Bed", "infuses: {class: Bed", 19, "infuses leads to a Patient, and Bed is none"),
        ("unit: L/h", "unit: L", 11, "unit 'L' (length^3) cannot become 'mL/h' (length^3/time)"),
        ("unit: L/h", "unit: hl/hour", 11, "'hl/hour' is no UCUM unit that is known here; did you mean 'h'?"),
        ("cycles: cycles", "cycles: {path: c, unit: s}", 14, "the ontology gives cycles no unit: remove `unit`"),
        (
            "cycles: cycles",
            "cycles: {path: c, scale: 0.5}",
            14,
            "cycles is a whole number, and this unit or scale makes fractions",
        ),
        ("cycles: cycles", "cycles: {path: c, format: epoch_s}", 14, "'format' is for times, and cycles is a whole number"),
        ("cycles: cycles", "cycles: 7", 14, "7 is a constant: write {value: 7}"),
        ("cycles: cycles", "cycles: {value: x}", 14, "Pump.cycles cannot be 'x': it is a whole number >= 0"),
        ("cycles: cycles", "cycles: {pth: x}", 14, "cycles has no key 'pth'; did you mean 'path'?"),
        ("cycles: cycles", "cycles: 'a..b'", 14, "'a..b' is no path"),
        ("RUN: running", "RUN: runing", 13, "Pump.state cannot be 'runing': it is a text, one of idle, running, alarm"),
        ("time: ts", "tme: ts", 6, "a rule has no key 'tme'; did you mean 'time'?"),
        ("    time: ts\n", "", 5, "a rule needs 'time'"),
        ("time: ts", "time: {path: ts, format: iso}", 6, "'iso' is no time format: use iso8601, epoch_s"),
        ("time: ts", "time: {path: ts, zone: Europe/Berln}", 6, "there is no time zone 'Europe/Berln'"),
        ('event: "{device}-{seq}"', 'event: "{device}-{seq"', 5, "the brace at 10 is never closed"),
        ('event: "{device}-{seq}"', "event: device", 5, "event is the same for all messages"),
        ("key: {path: device}", "key: device", 9, "key 'device' is the same for all: write {path: device} or '{device}'"),
        ("        key: {path: device}\n", "", 8, "an entity needs 'key'"),
        ("adapter: pumps\n", "", 1, "the document needs 'adapter'"),
        ("adapter: pumps", "adapter: pumps\nformat: jsn", 2, "there is no format 'jsn'; did you mean 'json'?"),
        ("adapter: pumps", "adapter: pumps\ncolumns: [a]", 2, "'columns' is for format: csv, and this is json"),
        ("adapter: pumps", "adapter: pumps\nadapter: pumps", 2, "'adapter' stands here twice"),
        ('"site/+/pumps"', '"site/#/pumps"', 2, "'site/#/pumps' is no topic filter"),
        ("[pumps,", "&a [pumps,", 2, "anchors and aliases are not allowed"),
        ("[pumps,", "!!python/name:os.system [pumps,", 2, "the tag tag:yaml.org,2002:python/name:os.system is not allowed"),
        ("adapter: pumps", "adapter: [pumps", 2, "not YAML"),
    ],
)
def test_each_fault_has_its_line_and_mend(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in PUMPS
    found = faults(tmp_path, PUMPS.replace(old, new, 1))
    assert [f for f in found if f.startswith(f"rules.yaml:{line}: ") and said in f], found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    broken = PUMPS.replace("flow:", "flwo:").replace("class: Bed", "class: Bd").replace("time: ts", "time: [a b, '']")
    lines = [int(f.split(":")[1]) for f in faults(tmp_path, broken)]
    assert {6, 11, 19} <= set(lines)


def test_faults_of_all_documents_are_told(tmp_path: Path) -> None:
    broken = PUMPS.replace("flow:", "flwo:")
    assert [int(f.split(":")[1]) for f in faults(tmp_path, f"{broken}---\n{broken}")] == [11, 31]


STEP = """\
adapter: a
topics: [a]
rules:
  - time: ts
    steps:
      - key: "{id}"
        activity: Dispense
        completed: ts
        objects: [{class: Order, key: {path: order}, qualifier: order}]
        performedBy: {class: Asset, key: {path: robot}}
        process: Medication
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (
            "        completed: ts\n",
            "",
            6,
            "a step must say which time it reports: one of enabled, scheduled, started, completed",
        ),
        ("        activity: Dispense\n", "", 6, "a step needs 'activity'"),
        ("completed:", "complete:", 8, "a step has no key 'complete'; did you mean 'completed'?"),
        ("class: Order", "class: Ordr", 9, "the ontology has no class 'Ordr'; did you mean 'Order'?"),
        ("activity: Dispense", "class: Order\n        activity: Dispense", 7, "Order is no kind of Step"),
    ],
)
def test_faults_of_steps(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    rules_of(tmp_path, STEP)
    found = faults(tmp_path, STEP.replace(old, new, 1))
    assert [f for f in found if f.startswith(f"rules.yaml:{line}: ") and said in f], found


def test_yaml_that_would_eat_the_memory_is_refused() -> None:
    laughs = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(50))
    for text, said in ((laughs, "anchors"), ("[" * 100 + "]" * 100, "nested"), ("#" * (1 << 20) + "\n", "too many")):
        with pytest.raises(BadRules, match=said):
            read_yaml("x.yaml", text.encode())


def test_plain_words_are_texts() -> None:
    (document,) = read_yaml("x", b"{a: on, b: no, c: 2026-01-01, d: true, e: 7, f: '7', g: null, h: 1e3}")
    assert isinstance(document.value, dict)
    values = {name: item.value for name, item in document.value.items()}
    assert values == {"a": "on", "b": "no", "c": "2026-01-01", "d": True, "e": 7, "f": "7", "g": None, "h": 1000.0}


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_bytes_are_rules_or_bad_rules(data: bytes) -> None:
    assert all(fault.startswith("x.yaml:") for fault in told(lambda: read_yaml("x.yaml", data)))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_edit_of_good_rules_is_good_or_told_with_a_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever a slip of the keyboard does, the answer is rules, or faults that each name the file and a line."""
    start = data.draw(st.integers(0, len(PUMPS)))
    end = min(len(PUMPS), start + data.draw(st.integers(0, 15)))
    text = PUMPS[:start] + data.draw(st.text(alphabet="ab{}[]:-,\n \"'#&*!|>7", max_size=8)) + PUMPS[end:]
    file = tmp_path_factory.getbasetemp() / "edited.yaml"
    file.write_text(text, encoding="utf-8")
    for fault in told(lambda: read_rules(file, plant(), "rules.yaml")):
        place = fault.split(":")
        assert place[0] == "rules.yaml"
        assert 1 <= int(place[1]) <= text.count("\n") + 2


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_any_text_is_a_path_or_a_clear_fault(text: str) -> None:
    for parse in (parse_path, parse_template):
        with suppress(ValueError):
            assert parse(text).text == text


def test_paths_by_hand() -> None:
    assert parse_path('body.items[0]."odd.name"').steps == ("body", "items", 0, "odd.name")
    assert (parse_path("$").root, parse_path("$.a").steps, parse_path("^^.id").root) == ("$", ("a",), "^^")
    assert parse_path("$topic[2]").steps == (2,)
    assert parse_path("@id").steps == ("@id",)
    assert [str(p) if isinstance(p, str) else p.text for p in parse_template("{{{a}-{b.c}}}").parts] == [
        "{",
        "a",
        "-",
        "b.c",
        "}",
    ]
