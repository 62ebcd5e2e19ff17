"""The ontology's checks of values as plain, fast functions, one for each property of each class.

They have SHACL's meaning (sh:datatype, sh:in, sh:pattern, the bounds and lengths; a test holds them against pySHACL) within what
the stores can hold: integers of 64 bits, finite floats, Unicode text without NUL, instants of the years 1 to 9999.
A required property that is absent is no matter for these checks, since messages are partial: the audit finds it.
"""

import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from brain.errors import BadQuery
from brain.model import Verdict
from brain.pattern import mirror
from brain.schema import Datatype, Property, Schema, nearest

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_INSTANT = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST_INSTANT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_DETAIL = 200

Check = Callable[[object], Verdict | None]
"""Judges one value of a property: None where it is good."""


class Finding(NamedTuple):
    """A value that is not good. `detail` is the value as text, cut after 200 characters."""

    property: str
    verdict: Verdict
    detail: str


ClassCheck = Callable[[Mapping[str, object]], tuple[Finding, ...]]
"""Judges some of a node's properties: () where every value is good."""


class Checks:
    """The compiled checks of a schema, by class. Built once; the functions are pure and safe between threads."""

    def __init__(self, schema: Schema) -> None:
        # one test for each distinct property definition: classes share what they inherit unchanged
        tests: dict[Property, Check] = {}
        self._schema = schema
        self._checks: dict[str, ClassCheck] = {}
        for cls in schema.classes.values():
            for prop in cls.properties.values():
                if prop not in tests:
                    tests[prop] = check(prop)
            self._checks[cls.name] = _class_check(cls.name, {name: tests[prop] for name, prop in cls.properties.items()})

    def of(self, cls: str) -> ClassCheck:
        """The check of a class: all findings on some of its properties, in their order; () where every value is good.

        BadQuery where the class, or when called a property, is not in the ontology.
        """
        if cls not in self._checks:
            self._schema.of(cls)
        return self._checks[cls]


def compile_checks(schema: Schema) -> Checks:
    return Checks(schema)


def _class_check(cls: str, tests: dict[str, Check]) -> ClassCheck:
    def judge(properties: Mapping[str, object]) -> tuple[Finding, ...]:
        findings: list[Finding] | None = None
        try:
            for name, value in properties.items():
                verdict = tests[name](value)
                if verdict is not None:
                    findings = findings or []
                    findings.append(Finding(name, verdict, detail(value)))
        except KeyError as error:
            raise _no_property(cls, error.args[0], tests) from None
        return tuple(findings) if findings else ()

    return judge


def _no_property(cls: str, name: str, known: Mapping[str, object]) -> BadQuery:
    return BadQuery(f"{cls} has no property {name!r}{nearest(name, known)}")


def detail(value: object) -> str:
    """The value as text that every store can hold: no lone surrogates, no endless digits; "" for None."""
    if value is None:
        return ""
    if isinstance(value, int) and value.bit_length() > 4 * _DETAIL:
        return f"an integer of {value.bit_length()} bits"
    text = value if isinstance(value, str) else repr(value)
    return text[:_DETAIL].encode("utf-8", "backslashreplace").decode()


def check(prop: Property) -> Check:
    """The check of one property's values, for callers that judge value by value."""
    match prop.datatype:
        case Datatype.FLOAT:
            return _float_test(*float_range(prop))
        case Datatype.INTEGER:
            return _integer_test(*_integer_range(prop, INT_MIN, INT_MAX), frozenset(prop.one_of))
        case Datatype.INSTANT:
            return _integer_test(*_integer_range(prop, FIRST_INSTANT, LAST_INSTANT), frozenset())
        case Datatype.BOOLEAN:
            return _boolean_test(frozenset(prop.one_of))
        case Datatype.STRING:
            return _string_test(prop)


def float_range(prop: Property) -> tuple[float, float]:
    """The least and greatest allowed float: an exclusive bound is its neighbour, so that one comparison does for both."""
    low = [-sys.float_info.max] if prop.minimum is None else [prop.minimum]
    high = [sys.float_info.max] if prop.maximum is None else [prop.maximum]
    if prop.exclusive_minimum is not None:
        low.append(math.nextafter(prop.exclusive_minimum, math.inf))
    if prop.exclusive_maximum is not None:
        high.append(math.nextafter(prop.exclusive_maximum, -math.inf))
    return max(low), min(high)


def _integer_range(prop: Property, least: int, most: int) -> tuple[int, int]:
    low = [least] if prop.minimum is None else [least, math.ceil(prop.minimum)]
    high = [most] if prop.maximum is None else [most, math.floor(prop.maximum)]
    if prop.exclusive_minimum is not None:
        low.append(math.floor(prop.exclusive_minimum) + 1)
    if prop.exclusive_maximum is not None:
        high.append(math.ceil(prop.exclusive_maximum) - 1)
    return max(low), min(high)


def _float_test(low: float, high: float) -> Check:
    def test(value: object) -> Verdict | None:
        if type(value) is float and low <= value <= high:
            return None
        if value is None:
            return Verdict.NULL
        if isinstance(value, bool) or not isinstance(value, float | int):
            return Verdict.WRONG_TYPE
        if isinstance(value, int):
            if not INT_MIN <= value <= INT_MAX:
                return Verdict.WRONG_TYPE
        elif not math.isfinite(value):
            return Verdict.WRONG_TYPE
        return None if low <= value <= high else Verdict.OUT_OF_RANGE

    return test


def _integer_test(low: int, high: int, allowed: frozenset[object]) -> Check:
    def test(value: object) -> Verdict | None:
        if type(value) is int and low <= value <= high and (not allowed or value in allowed):
            return None
        if value is None:
            return Verdict.NULL
        if isinstance(value, bool) or not isinstance(value, int) or not INT_MIN <= value <= INT_MAX:
            return Verdict.WRONG_TYPE
        return None if low <= value <= high and (not allowed or value in allowed) else Verdict.OUT_OF_RANGE

    return test


def _boolean_test(allowed: frozenset[object]) -> Check:
    def test(value: object) -> Verdict | None:
        if value is True or value is False:
            return None if not allowed or value in allowed else Verdict.OUT_OF_RANGE
        return Verdict.NULL if value is None else Verdict.WRONG_TYPE

    return test


def _string_test(prop: Property) -> Check:
    rules: list[Callable[[str], bool]] = []
    if prop.one_of:
        allowed = frozenset(prop.one_of)
        rules.append(lambda text: text in allowed)
    if prop.min_length is not None or prop.max_length is not None:
        shortest = prop.min_length or 0
        longest = sys.maxsize if prop.max_length is None else prop.max_length
        rules.append(lambda text: shortest <= len(text) <= longest)
    if prop.pattern is not None:
        search = mirror(prop.pattern).search
        rules.append(lambda text: search(text) is not None)

    def test(value: object) -> Verdict | None:
        if not isinstance(value, str):
            return Verdict.NULL if value is None else Verdict.WRONG_TYPE
        if "\0" in value or not (value.isascii() or _is_unicode(value)):
            return Verdict.WRONG_TYPE
        for rule in rules:
            if not rule(value):
                return Verdict.OUT_OF_RANGE
        return None

    return test


def _is_unicode(text: str) -> bool:
    """False where it holds half of a surrogate pair, which JSON can spell and no store can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
