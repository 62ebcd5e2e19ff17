"""Judging single values: raw value of a payload → a value as the model holds it, or the Verdict why it is none. Pure.

    null                                         NULL
    not the declared type, NaN, too large,
    a text with NUL or half a surrogate pair     WRONG_TYPE
    outside the declared range, list, pattern    OUT_OF_RANGE
    a text that `map` does not know              OUT_OF_RANGE

Conversion comes before the check, since ranges are declared in the model's unit. In JSON a whole number is a whole number however
it is written (`12.0`, RFC 8259 section 6), and a whole number is a float where the property holds floats.
"""

from collections.abc import Callable
from typing import Any

import orjson

from brain.checks import Check, check, float_range
from brain.checks import detail as plain_detail
from brain.model import Verdict
from brain.schema import Datatype, Property, Scalar
from ingest.rules import Pick
from ingest.times import clock
from ingest.units import IDENTITY, Conversion

Take = Callable[[Any], Scalar]
"""Raw value → good value or Verdict (which is told by its type). Never raises."""

NULL, WRONG_TYPE, OUT_OF_RANGE = Verdict.NULL, Verdict.WRONG_TYPE, Verdict.OUT_OF_RANGE


def coerce(property: Property, pick: Pick = Pick(), textual: bool = False) -> Take:
    """The function that takes a raw value for a property as `pick` says. `textual`: the format knows texts alone."""
    judge = check(property)
    take = _plain(property, pick, judge, textual or pick.parse)
    return take if pick.mapping is None else _mapped(pick, take, judge)


def _plain(property: Property, pick: Pick, judge: Check, parse: bool) -> Take:
    match property.datatype:
        case Datatype.FLOAT:
            return _float(judge, *float_range(property), pick.conversion, parse)
        case Datatype.INTEGER:
            return _integer(judge, pick.conversion, parse)
        case Datatype.BOOLEAN:
            return _boolean(judge, parse)
        case Datatype.INSTANT if pick.time is not None:
            return _instant(judge, clock(pick.time))
        case Datatype.INSTANT:
            return _integer(judge, IDENTITY, False)
        case Datatype.STRING:
            return _string(judge, parse)


def _float(judge: Check, low: float, high: float, conversion: Conversion, parse: bool) -> Take:
    multiply, add, divide = conversion
    same = conversion == IDENTITY

    def take(raw: Any) -> Scalar:
        kind = type(raw)
        if kind is not float:
            if kind is int:
                raw = float(raw) if -(2**63) <= raw < 2**64 else _nan
            elif kind is str and parse:
                raw = _number(raw)
            else:
                return NULL if raw is None else WRONG_TYPE
        value = raw if same else (raw * multiply + add) / divide
        # Asked here first, since most readings are good and a call for each costs as much as all the rest.
        return value if low <= value <= high else judge(value) or value

    return take


def _integer(judge: Check, conversion: Conversion, parse: bool) -> Take:
    multiply, add = int(conversion.multiply), int(conversion.add)

    def take(raw: Any) -> Scalar:
        kind = type(raw)
        if kind is str and parse:
            text = raw.strip()
            digits = text[1:] if text[:1] in ("-", "+") else text
            raw = int(text) if len(text) < 20 and digits.isascii() and digits.isdigit() else _number(text)
            kind = type(raw)
        if kind is float and raw.is_integer() and abs(raw) <= 2**53:
            raw = int(raw)
        elif kind is not int:
            return NULL if raw is None else WRONG_TYPE
        value = raw * multiply + add
        return judge(value) or value

    return take


def _boolean(judge: Check, parse: bool) -> Take:
    texts = {"true": True, "1": True, "false": False, "0": False} if parse else {}

    def take(raw: Any) -> Scalar:
        if type(raw) is not bool:
            if raw is None:
                return NULL
            raw = texts.get(raw.strip().lower()) if type(raw) is str else None
            if raw is None:
                return WRONG_TYPE
        return judge(raw) or bool(raw)

    return take


def _string(judge: Check, parse: bool) -> Take:
    def take(raw: Any) -> Scalar:
        if type(raw) is not str:
            if raw is None:
                return NULL
            if not parse or type(raw) not in (int, bool):
                return WRONG_TYPE
            raw = as_text(raw)
        if "\0" in raw or not (raw.isascii() or _sound(raw)):
            return WRONG_TYPE
        verdict = judge(raw)
        return raw if verdict is None else verdict

    return take


def _instant(judge: Check, read: Callable[[Any], int]) -> Take:
    def take(raw: Any) -> Scalar:
        if raw is None:
            return NULL
        try:
            value = read(raw)
        except (ValueError, TypeError, OverflowError):
            return WRONG_TYPE
        verdict = judge(value)
        return value if verdict is None else verdict

    return take


def _mapped(pick: Pick, take: Take, judge: Check) -> Take:
    table, default = pick.mapping or {}, pick.default

    def mapped(raw: Any) -> Scalar:
        if raw is None:
            return NULL
        if type(raw) in (dict, list):
            return WRONG_TYPE
        found = table.get(as_text(raw), default)
        return OUT_OF_RANGE if found is None else found

    return mapped


_nan = float("nan")


def _number(text: str) -> float:
    """The number that a text means; NaN, which no check lets pass, where it means none."""
    if not text.isascii() or "_" in text:
        return _nan
    try:
        return float(text)
    except ValueError:
        return _nan


def _sound(text: str) -> bool:
    """Whether a text can be written as UTF-8: half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def good_text(text: str) -> bool:
    return "\0" not in text and (text.isascii() or _sound(text))


def as_text(raw: Any) -> str:
    """A scalar as the rules write it: `true`, `7`, `RUN`."""
    if type(raw) is bool:
        return "true" if raw else "false"
    return raw if type(raw) is str else str(raw)


def attribute(raw: Any) -> Scalar:
    """A value that is kept as data: any scalar that a store can hold. NULL for null, WRONG_TYPE for anything else."""
    match raw:
        case bool():
            return raw
        case int():
            return raw if -(2**63) <= raw < 2**63 else WRONG_TYPE
        case float():
            return raw if raw - raw == 0.0 else WRONG_TYPE
        case str():
            return raw if good_text(raw) else WRONG_TYPE
        case None:
            return NULL
    return WRONG_TYPE


def detail(raw: Any) -> str:
    """A raw value as a flag shows it: short, and fit for any store."""
    if isinstance(raw, dict | list):
        try:
            raw = orjson.dumps(raw).decode()
        except (TypeError, ValueError, RecursionError):
            raw = f"a {type(raw).__name__}"
    elif isinstance(raw, bool):
        raw = as_text(raw)
    return plain_detail(raw).replace("\0", "\N{SYMBOL FOR NULL}")


def excerpt(raw: Any) -> str:
    """The beginning of a raw value, in quotes: for reasons."""
    text = detail(raw)
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def describe(property: Property) -> str:
    """What a property may hold, in words: for messages to people who write rules."""
    text = {
        Datatype.STRING: "a text",
        Datatype.INTEGER: "a whole number",
        Datatype.FLOAT: "a number",
        Datatype.BOOLEAN: "true or false",
        Datatype.INSTANT: "a time",
    }[property.datatype]
    if property.one_of:
        return f"{text}, one of {', '.join(str(v) for v in property.one_of)}"
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound in (
            (">=", property.minimum),
            (">", property.exclusive_minimum),
            ("<=", property.maximum),
            ("<", property.exclusive_maximum),
        )
        if bound is not None
    ]
    if property.pattern:
        bounds.append(f"matching {property.pattern}")
    return f"{text} {' and '.join(bounds)}".rstrip()
