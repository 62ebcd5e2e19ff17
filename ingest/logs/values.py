"""Values of attributes and times → the scalars of a record, the same from every format of one log."""

import math
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ingest.logs.records import Scalar
from ingest.times import EPOCH, ISO, Clock, TimeFormat, clock

_KINDS = {
    "string": "string", "text": "string", "id": "string",
    "integer": "integer", "int": "integer", "long": "integer",
    "float": "float", "double": "float", "real": "float", "number": "float",
    "boolean": "boolean", "bool": "boolean",
    "time": "time", "date": "time", "datetime": "time", "timestamp": "time",
}  # fmt: skip
_YEAR_FIRST = re.compile(r"\d{4}/\d{1,2}/\d{1,2}")
_UTC_NAME = re.compile(r"\s*(UTC|GMT|z)$")
_SPACED_OFFSET = re.compile(r"\s+(?=[+-]\d{2}:?\d{2}$)")
_NESTING = 32
_BITS_64 = 1 << 63


def kind_of(declared: str) -> str | None:
    """OCEL's and XES's names of types → string, integer, float, boolean or time; None for a type that neither knows."""
    return _KINDS.get(declared.strip().lower())


def iso(micros: int) -> str:
    """µs → ISO 8601 in UTC with Z; six digits of a second where it is not whole, else none."""
    moment = (EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds") + "Z"


def time_reader(zone: str, pattern: str | None = None) -> Clock:
    """The reader of a log's times. Besides ISO 8601: 2012/10/09, a zone written UTC or GMT, a blank before the offset."""
    if pattern is not None:
        return clock(TimeFormat(pattern, zone))
    direct = clock(TimeFormat(ISO, zone))

    def read(raw: Any) -> int:
        try:
            return direct(raw)
        except ValueError:
            return direct(_respelled(raw))

    return read


def without_zone(raw: str) -> bool:
    """Whether a readable ISO 8601 time says nothing about its zone."""
    tail = _respelled(raw)[10:]
    return not (tail.endswith(("Z", "z")) or "+" in tail or "-" in tail)


def _respelled(raw: str) -> str:
    text = raw.strip()
    if _YEAR_FIRST.match(text):
        day, separator, time = text.replace("/", "-").partition(" ")
        year, month, date = day.split("-", 2)
        text = f"{year}-{month:0>2}-{date:0>2}{separator}{time}"
    return _SPACED_OFFSET.sub("", _UTC_NAME.sub("+00:00", text))


def as_text(value: object) -> str:
    """A scalar as XML would write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    return _special(value) if isinstance(value, float) else str(value)


def _special(value: float) -> str:
    # nan is unequal to itself, so as a number it would make every comparison of two records fail.
    return repr(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"


def _integer(value: Any) -> Scalar | None:
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        number = int(text) if "_" not in text and text.lstrip("+-").isdigit() else _integral(_number(text))
    else:
        number = int(value) if isinstance(value, int) else _integral(value)
    if not -_BITS_64 <= number < _BITS_64:
        raise ValueError("over 64 bits")
    return int(number)


def _integral(number: float | Decimal) -> int:
    # A Decimal with a huge exponent would take for ever to become an int.
    if not math.isfinite(number) or not -_BITS_64 <= number < _BITS_64 or number != int(number):
        raise ValueError("not a whole number of 64 bits")
    return int(number)


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError("not a number")
    return float(text)


def _float(value: Any) -> Scalar | None:
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        number = _number(text)
    else:
        number = float(value)
    return number if math.isfinite(number) else _special(number)


def _boolean(value: Any) -> Scalar | None:
    text = as_text(value).strip().lower()
    if text in ("true", "1", "1.0"):
        return True
    if text in ("false", "0", "0.0"):
        return False
    if not text:
        return None
    raise ValueError("neither true nor false")


class Values:
    """Raw values → scalars, by declared kind; `misfit` hears of each value that does not fit and is kept as text."""

    def __init__(self, read_time: Clock) -> None:
        self._read_time = read_time
        self._by_kind: dict[str, Callable[[Any], Scalar | None]] = {
            "string": as_text, "integer": _integer, "float": _float, "boolean": _boolean, "time": self._time,
        }  # fmt: skip

    def _time(self, value: Any) -> Scalar | None:
        text = as_text(value)
        return iso(self._read_time(text)) if text.strip() else None

    def scalar(self, value: Any, kind: str | None) -> Scalar | None:
        """The value in its declared kind (its own where None is declared); None is null. ValueError where it does not fit."""
        if value is None:
            return None
        if kind is not None:
            try:
                return self._by_kind[kind](value)
            except (TypeError, OverflowError) as error:
                raise ValueError(str(error)) from None
        if isinstance(value, float | Decimal):
            number = float(value)
            return number if math.isfinite(number) else as_text(value)
        if isinstance(value, int):
            return value if -_BITS_64 <= value < _BITS_64 else str(value)
        return value if isinstance(value, str) else as_text(value)


def flat(name: str, value: object, depth: int = 0) -> list[tuple[str, object]]:
    """(name, value) with the members of nested maps and lists as `name/member`. ValueError where it nests without end."""
    if depth > _NESTING:
        raise ValueError(f"nested over {_NESTING} deep")
    if isinstance(value, dict):
        return [pair for key, member in value.items() for pair in flat(f"{name}/{key}", member, depth + 1)]
    if isinstance(value, list):
        return [pair for index, member in enumerate(value) for pair in flat(f"{name}/{index}", member, depth + 1)]
    return [(name, value)]


def in_order(pairs: list[tuple[str, Scalar]]) -> tuple[tuple[str, Scalar], ...]:
    """Sorted by name. A name that stands more than once gets #2, #3 … after the first, so that no value hides another."""
    if len(pairs) < 2:
        return tuple(pairs)
    pairs.sort(key=lambda pair: (pair[0], as_text(pair[1])))
    if len({name for name, _ in pairs}) == len(pairs):
        return tuple(pairs)
    seen: dict[str, int] = {}
    for index, (name, value) in enumerate(pairs):
        seen[name] = n = seen.get(name, 0) + 1
        if n > 1:
            pairs[index] = (f"{name}#{n}", value)
    return tuple(pairs)
