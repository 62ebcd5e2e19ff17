"""The bounds on JSON are measured rightly on every text, wherever its bytes are cut."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.logs import BadLog
from ingest.logs.json_gauge import DEPTH, Gauge


@given(
    value=st.recursive(
        st.none() | st.integers() | st.floats(allow_nan=False) | st.text('"\\\\{}[]9é\n'),
        lambda some: st.lists(some) | st.dictionaries(st.text('"\\\\[{'), some),
    ),
    size=st.integers(1, 30),
    escaped=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_the_gauge_of_json_follows_every_text_however_it_is_cut(value: object, size: int, escaped: bool) -> None:
    def see(text: str) -> None:
        gauge, data = Gauge("log.json"), text.encode()
        for start in range(0, len(data), size):
            gauge.see(data[start : start + size])

    text = json.dumps(value, ensure_ascii=escaped)
    see(text)
    around = DEPTH - _depth(value)
    see("[" * around + text + "]" * around)
    with pytest.raises(BadLog, match="nested over 64 deep"):
        see("[" * (around + 1) + text + "]" * (around + 1))
    see(f"[{text},{'9' * 1000},{text},{'9' * 1000}]")
    with pytest.raises(BadLog, match="over 1000 digits"):
        see(f"[{text},{'9' * 1001}]")


def _depth(value: object) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)
