"""Unit conversion against figures that can be looked up or worked out by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.units import IDENTITY, BadUnit, conversion


@pytest.mark.parametrize(
    ("source", "target", "number", "expected"),
    [
        ("[degF]", "Cel", 212.0, 100.0),  # the boiling point, exactly
        ("[degF]", "Cel", 32.0, 0.0),
        ("[degF]", "Cel", -40.0, -40.0),
        ("Cel", "K", 0.0, 273.15),
        ("K", "[degF]", 273.15, 32.0),
        ("L/h", "mL/h", 0.12, 120.0),
        ("mL/h", "L/min", 60_000.0, 1.0),  # 60,000 mL/h = 60 L/h = 1 L/min
        ("m3/h", "L/s", 3.6, 1.0),  # 3,600 L in 3,600 s
        ("mm[Hg]", "kPa", 120.0, 15.99864),  # UCUM's table: m[Hg] = 133.3220 kPa
        ("cm[H2O]", "Pa", 1.0, 98.0665),  # UCUM's table: m[H2O] = 9.80665 kPa
        ("bar", "kPa", 1.5, 150.0),
        ("[psi]", "kPa", 1.0, 6.894757293168361),  # 0.45359237 kg · 9.80665 m/s² / (0.0254 m)²
        ("/min", "Hz", 60.0, 1.0),
        ("rpm", "Hz", 3000.0, 50.0),  # a two-pole machine on 50 Hz; pint's own rpm would give 314.16
        ("{beats}/min", "/min", 72.0, 72.0),
        ("%", "1", 50.0, 0.5),
        ("[ppm]", "%", 10_000.0, 1.0),
        ("ug/kg/min", "mg/(kg.h)", 1.0, 0.06),  # 60 µg/(kg·h)
        ("10*3/uL", "10*9/L", 7.2, 7.2),
        ("kW.h", "MJ", 1.0, 3.6),
        ("Cel/min", "K/s", 60.0, 1.0),  # a difference of temperatures, with no zero of its own
        ("kg/m3", "g/L", 998.2, 998.2),
        ("m/s2", "cm/s2", 9.81, 981.0),
        ("[in_i]", "mm", 1.0, 25.4),
        ("g", "kg", 1500.0, 1.5),
    ],
)
def test_known_values(source: str, target: str, number: float, expected: float) -> None:
    assert conversion(source, target)(number) == pytest.approx(expected, rel=1e-14, abs=1e-12)


def test_decimal_factors_are_exact() -> None:
    """(212 · 5 − 160) / 9 has no rounding; 212 · 0.5555… − 17.777… has."""
    assert conversion("[degF]", "Cel")(212) == 100.0
    assert conversion("mL", "L")(300) == 0.3
    assert conversion("mL/h", "mL/h") is IDENTITY


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("mL", "mL/h", "cannot become 'mL/h'"),
        ("mmhg", "Pa", "did you mean 'mmHg'"),
        ("", "mL", "no UCUM unit"),
        ("m//s", "m/s", "no UCUM unit"),
        ("(m", "m", "no UCUM unit"),
        ("m m", "m", "no UCUM unit"),
        ("(" * 5000, "m", "no UCUM unit"),
        ("[iU]", "mg", "cannot become"),  # an activity, not a mass: it depends on the substance
    ],
)
def test_faults_say_what_is_wrong(source: str, target: str, said: str) -> None:
    with pytest.raises(BadUnit, match="unit") as caught:
        conversion(source, target)
    assert said in str(caught.value)


PAIRS = [("[degF]", "Cel"), ("mL/h", "L/min"), ("mm[Hg]", "kPa"), ("[psi]", "bar"), ("[lb_av]", "kg"), ("deg", "rad")]


@given(st.sampled_from(PAIRS), st.floats(-1e6, 1e6))
@settings(max_examples=100)
def test_there_and_back(pair: tuple[str, str], number: float) -> None:
    there, back = conversion(*pair), conversion(*reversed(pair))
    assert math.isclose(back(there(number)), number, rel_tol=1e-12, abs_tol=1e-9)


@given(st.text(max_size=20))
@settings(max_examples=200)
def test_any_text_is_a_unit_or_a_clear_fault(code: str) -> None:
    try:
        made = conversion(code, "mL/h")
    except BadUnit as error:
        made, said = None, str(error)
    assert made is not None or repr(code) in said
