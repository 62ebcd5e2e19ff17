"""Unit conversion, worked out when rules are loaded, so that an event costs one multiplication, one addition, one division.

Units are named by UCUM codes (case-sensitive; the Unified Code for Units of Measure, version 2.1). The factors are pint's, taken
as exact fractions: 212 degF is 100.0 Cel, not 99.99999999999997.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Any, NamedTuple

from brain.errors import Reject
from brain.schema import nearest


class BadUnit(Reject):
    """A unit code that is unknown, or two units of different dimensions."""


class Conversion(NamedTuple):
    """y = (x · multiply + add) / divide. Three numbers rather than two, since 5/9 is no binary fraction and 5 and 9 are."""

    multiply: float
    add: float
    divide: float

    def __call__(self, number: float) -> float:
        return (number * self.multiply + self.add) / self.divide


IDENTITY = Conversion(1.0, 0.0, 1.0)

PREFIXES: Mapping[str, int] = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
"""UCUM's prefixes as powers of ten."""
METRIC: Mapping[str, str] = {
    "m": "meter", "g": "gram", "s": "second", "A": "ampere", "K": "kelvin", "mol": "mole", "cd": "candela", "L": "liter",
    "l": "liter", "Hz": "hertz", "N": "newton", "Pa": "pascal", "J": "joule", "W": "watt", "V": "volt", "C": "coulomb",
    "F": "farad", "Ohm": "ohm", "S": "siemens", "Wb": "weber", "T": "tesla", "H": "henry", "lm": "lumen", "lx": "lux",
    "Bq": "becquerel", "Gy": "gray", "Sv": "sievert", "kat": "katal", "rad": "radian", "sr": "steradian", "bar": "bar",
    "t": "metric_ton", "eV": "electron_volt", "u": "unified_atomic_mass_unit", "cal": "calorie", "bit": "bit", "By": "byte",
    "U": "enzyme_unit", "[iU]": "international_unit", "eq": "mole", "osm": "mole", "m[Hg]": "mercury", "m[H2O]": "water",
    "Cel": "degC",
}  # fmt: skip
OTHER: Mapping[str, str] = {
    "%": "percent", "[ppm]": "ppm", "[ppb]": "ppb", "[ppth]": "permille",
    "min": "minute", "h": "hour", "d": "day", "wk": "week", "a": "julian_year",
    "deg": "degree", "'": "arcminute", "''": "arcsecond", "[degF]": "degF", "[degR]": "degR", "atm": "standard_atmosphere",
    "[psi]": "psi", "[in_i]": "inch", "[ft_i]": "foot", "[yd_i]": "yard", "[mi_i]": "mile", "[lb_av]": "pound",
    "[oz_av]": "ounce", "[gal_us]": "gallon", "[foz_us]": "fluid_ounce", "[lbf_av]": "force_pound", "[HP]": "horsepower",
    "[Btu]": "british_thermal_unit", "har": "hectare", "kgf": "kilogram_force",
    "[cin_i]": "cubic_inch", "[cft_i]": "cubic_foot", "[sft_i]": "square_foot",
}  # fmt: skip
WORDS: Mapping[str, str] = {
    "hr": "h", "hour": "h", "sec": "s", "second": "s", "minute": "min", "day": "d", "week": "wk", "year": "a", "litre": "L",
    "liter": "L", "gram": "g", "metre": "m", "meter": "m", "celsiu": "Cel", "c": "Cel", "fahrenheit": "[degF]", "f": "[degF]",
    "percent": "%", "volt": "V", "ampere": "A", "amp": "A", "watt": "W", "degree": "deg", "ohm": "Ohm", "inch": "[in_i]",
}  # fmt: skip
"""What people write, without a plural's s, and the code to hint at."""
CONVENTIONAL: Mapping[str, tuple[str, str]] = {
    "mercury": ("133322", "pascal"), "water": ("9806.65", "pascal"), "ppb": ("1e-9", "dimensionless"),
    "permille": ("1e-3", "dimensionless"),
}  # fmt: skip
"""What pint lacks or defines otherwise: one metre's column of mercury and of water as UCUM's table has them."""
SPOKEN: Mapping[str, str] = {
    "degC": "Cel", "°C": "Cel", "degF": "[degF]", "°F": "[degF]", "psi": "[psi]", "mmHg": "mm[Hg]", "cmH2O": "cm[H2O]",
    "rpm": "{rev}/min", "bpm": "{beats}/min", "ppm": "[ppm]", "in": "[in_i]", "ft": "[ft_i]", "lb": "[lb_av]", "IU": "[iU]",
}  # fmt: skip
"""Common names that are not UCUM, and the code that is meant. `rpm` counts turns: 60 rpm are 1 Hz, not 2π/s."""

_TOKEN = re.compile(r"\{[^{}]*\}|[./()]|10[*^]|(?:[^./(){}\[\]0-9+-]|\[[^\[\]]*\])+|[+-]?[0-9]+")
_ALONE = {"degC": "degC", "degF": "degF"}
"""Scales with a zero of their own: alone a temperature, inside a term (Cel/min) a difference of temperatures."""


class _Scale(NamedTuple):
    """A unit in base units: base = slope · x + shift."""

    slope: Fraction
    shift: Fraction
    dimension: str


def conversion(source: str, target: str) -> Conversion:
    """How a number in `source` becomes one in `target`, both UCUM. BadUnit names the fault and the mend."""
    if source == target:
        return IDENTITY
    return _conversion(source, target)


@lru_cache(maxsize=1024)
def _conversion(source: str, target: str) -> Conversion:
    ours, theirs = _scale(target), _scale(source)
    if ours.dimension != theirs.dimension:
        raise BadUnit(
            f"unit {source!r} ({theirs.dimension}) cannot become {target!r} ({ours.dimension}):"
            " name the unit that the payload's number has, or set another property"
        )
    slope, shift = theirs.slope / ours.slope, (theirs.shift - ours.shift) / ours.slope
    divide = lcm(slope.denominator, shift.denominator)
    terms = (int(slope * divide), int(shift * divide), divide)
    if all(abs(term) < 2**53 for term in terms):
        return Conversion(*(float(term) for term in terms))
    return Conversion(float(slope), float(shift), 1.0)


@lru_cache(maxsize=1024)
def _scale(code: str) -> _Scale:
    registry = _registry()
    name = SPOKEN.get(code, code)
    if (alone := OTHER.get(name, METRIC.get(name, ""))) in _ALONE:
        zero, one = (registry.Quantity(Fraction(n), alone).to_base_units() for n in (0, 1))
        return _Scale(one.magnitude - zero.magnitude, zero.magnitude, _dimension(one))
    tokens = _TOKEN.findall(name)
    if not 0 < len(name) <= 100 or "".join(tokens) != name:
        raise BadUnit(f"{code!r} is no UCUM unit{_hint(code)}")
    try:
        quantity = _Terms(tokens, registry).whole().to_base_units()
    except (IndexError, ArithmeticError, BadUnit) as error:
        raise BadUnit(f"{code!r} is no UCUM unit that is known here{_hint(str(error))}") from None
    return _Scale(Fraction(quantity.magnitude), Fraction(0), _dimension(quantity))


def _hint(wrong: str) -> str:
    if meant := WORDS.get(wrong.lower().removesuffix("s")):
        return f"; did you mean {meant!r}?"
    return nearest(wrong, {**SPOKEN, **OTHER, **METRIC})


def _dimension(quantity: Any) -> str:
    """`length^3/time`: pint's own text fails on exponents that are fractions (Python 3.11)."""
    powers = {name.strip("[]"): power for name, power in sorted(quantity.dimensionality.items()) if power}
    over, under = ([f"{n}^{abs(p)}" if abs(p) != 1 else n for n, p in powers.items() if (p > 0) is up] for up in (True, False))
    return "/".join(["·".join(over) or "1", *under]) if powers else "a plain number"


@lru_cache(maxsize=1)
def _registry() -> Any:
    """Made on the first use and not on import: pint reads a definition file of 900 lines."""
    from pint import UnitRegistry

    registry: Any = UnitRegistry(non_int_type=Fraction)
    registry.define("international_unit = [international_unit_of_activity]")
    return registry


def _digits(text: str) -> bool:
    """Python counts ² among the digits; UCUM does not."""
    return text.isascii() and text.isdigit()


class _Terms:
    """UCUM's grammar, read from left to right: `a/b.c` is (a/b)·c; an annotation `{…}` counts as 1."""

    def __init__(self, tokens: list[str], registry: Any) -> None:
        self._tokens = tokens
        self._registry = registry
        self._one = registry.Quantity(Fraction(1), "dimensionless")

    def whole(self) -> Any:
        quantity = self._term()
        if self._tokens:
            raise BadUnit(self._tokens[0])
        return quantity

    def _term(self) -> Any:
        quantity = self._one if self._tokens[0] == "/" else self._component()
        while self._tokens and self._tokens[0] in "./":
            divide = self._tokens.pop(0) == "/"
            factor = self._component()
            quantity = quantity / factor if divide else quantity * factor
        return quantity

    def _component(self) -> Any:
        part = self._tokens.pop(0)
        if part == "(":
            quantity = self._term()
            if self._tokens.pop(0) != ")":
                raise BadUnit(part)
        elif part[0] == "{":
            return self._one
        elif _digits(part):
            quantity = self._one * int(part)
        else:
            quantity = self._unit(part)
            if self._tokens and _digits(self._tokens[0].lstrip("+-")):
                quantity = quantity ** min(max(int(self._tokens.pop(0)), -99), 99)
        if self._tokens and self._tokens[0][0] == "{":
            self._tokens.pop(0)
        return quantity

    def _unit(self, token: str) -> Any:
        if token in ("10*", "10^"):
            return self._one * 10
        if token in OTHER or token in METRIC:
            scale, name = Fraction(1), OTHER.get(token) or METRIC[token]
        else:
            size = next((n for n in (2, 1) if token[:n] in PREFIXES and token[n:] in METRIC), 0)
            if not size:
                raise BadUnit(token)
            scale, name = Fraction(10) ** PREFIXES[token[:size]], METRIC[token[size:]]
        name = f"delta_{name}" if name in _ALONE else name
        if name in CONVENTIONAL:
            factor, name = CONVENTIONAL[name]
            scale *= Fraction(factor)
        return self._registry.Quantity(scale, name)
