"""What a XES log says of time and nothing else: cases, activities, moments. A third of the work of reading it whole.

Names of cases, kinds of transitions and the reading of times are those of `xes`, which is also asked wherever this meets anything
that it does not know: a fault, or a case named by something else than its name.
"""

import numpy as np
import polars as pl

from brain.analytics.columns import Flat, Ints
from ingest.logs.expat import stream
from ingest.logs.fault import Path
from ingest.logs.records import LogOptions
from ingest.logs.source import Source
from ingest.logs.values import time_reader
from ingest.logs.xes import NAME, TIME, TRANSITION

USUAL = "%Y-%m-%dT%H:%M:%S%.f%:z"
"""How nearly every log writes its times."""


class Unusual(Exception):
    """For `xes` to read, and to name."""


def completions(path: Path, options: LogOptions) -> Flat | None:
    """The complete transitions of a log as columns; None where only a full reading can tell what they are."""
    handler = _Moments(options)
    try:
        with Source(path) as source:
            for _ in stream(source, handler):
                pass
        return handler.flat()
    except Unusual:
        return None


class _Moments:
    """Depth 1 is the log, 2 a trace, 3 its attributes and events, 4 the attributes of an event."""

    spot = staticmethod(lambda: "line 1, column 1")
    building = False
    built = 0

    def __init__(self, options: LogOptions) -> None:
        self._read_time = time_reader(options.zone)
        self._depth = 0
        self._case = ""
        self._seen: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._event: dict[str, str] | None = None
        self._position = 0
        self._object: list[int] = []
        self._activity: list[int] = []
        self._at: list[str] = []
        self._positions: list[int] = []

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 4:
            if self._event is not None and len(attributes) == 4 and attributes[1] in _WANTED:
                self._event.setdefault(attributes[1], attributes[3])
        elif depth == 3:
            if name == "event":
                self._event = {}
            elif len(attributes) == 4 and attributes[1] == NAME and not self._position:
                self._case = attributes[3]
        elif depth == 2:
            self._case, self._position = "", 0

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._event is not None and self._depth == 2:
            self._take(self._event)
            self._event = None
            self._position += 1

    def _take(self, event: dict[str, str]) -> None:
        if not self._position:
            self._open()
        if event.get(TRANSITION, "").strip().lower() not in ("", "complete"):
            return
        activity, time = event.get(NAME), event.get(TIME)
        if not activity or not time:
            raise Unusual
        self._at.append(time)
        self._object.append(len(self._seen) - 1)
        self._activity.append(self._codes.setdefault(activity, len(self._codes)))
        self._positions.append(self._position)

    def _open(self) -> None:
        if not self._case or self._case in self._seen:
            raise Unusual
        self._seen[self._case] = len(self._seen)

    def flat(self) -> Flat:
        object, activity, position = (np.array(column, np.int64) for column in (self._object, self._activity, self._positions))
        at, cases = self._moments(), list(self._seen)

        def name(row: int) -> str:
            return f"{cases[object[row]]} #{position[row]}"

        return Flat.of_columns(cases, list(self._codes), object, activity, (at, at), name)

    def _moments(self) -> Ints:
        """µs of every time: most at once, and what is not written in the usual form one by one."""
        texts = pl.Series(self._at, dtype=pl.String)
        usual = texts.str.to_datetime(USUAL, time_unit="us", time_zone="UTC", strict=False).dt.timestamp("us")
        odd = usual.is_null().arg_true()
        try:
            return usual.scatter(odd, [self._read_time(self._at[i]) for i in odd]).to_numpy()
        except (ValueError, OverflowError):
            raise Unusual from None


_WANTED = frozenset((NAME, TIME, TRANSITION))
