"""Bounds on JSON, measured on its bytes before ijson reads them.

ijson has none of its own: it keeps the path of every open array, so that memory grows with the square of the depth (200 kB of
`[` took 20 GB), holds one value whole however long it is, and its C backend ends the process at a whole number over 4,300 digits.
"""

import re
from itertools import accumulate

from ingest.logs.fault import BadLog, Path
from ingest.logs.source import ELEMENT_LIMIT, too_large

DEPTH = 64
DIGITS = 1000
"""The most characters of a number. A number of 64 bits has 20, a double at most 767 that mean something (IEEE 754)."""
_FREE = 2
"""Down to this depth nothing is held but what was read: `{"events": [` and `{"ocel:events": {` hold their members one by one."""
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_OTHERS = bytes(set(range(256)) - set(b"{}[]"))
_STEP = [1 if byte in b"{[" else -1 for byte in range(256)]
_NUMBERS = bytes(byte if byte in b"-+.0123456789eE" else 32 for byte in range(256))
"""Turns what can be no part of a number into blanks."""


class Gauge:
    """Sees every byte of a file once, in order. BadLog where a nesting, a number or one member passes its bound.

    What is no JSON may be measured wrongly; ijson refuses it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._depth = self._held = self._digits = 0
        self._quoted = self._escaped = False

    def see(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self._seen += len(chunk)
        began_quoted = self._quoted
        bare = self._without_strings(chunk)
        self._numbers(bare)
        lowest = self._nesting(bare)
        in_one_string = began_quoted and self._quoted and not bare
        self._held = self._held + len(chunk) if in_one_string or lowest > _FREE else 0
        if self._held > ELEMENT_LIMIT:
            raise too_large(self._path, self._place(), "member")

    def _without_strings(self, chunk: bytes) -> bytes:
        """The bytes that stand outside of quotes, with a blank for each string."""
        if self._escaped:
            chunk = chunk[1:] if chunk else chunk
            self._escaped = False
        if b"\\" in chunk:
            chunk = _ESCAPE.sub(b"", chunk)
            self._escaped = chunk.endswith(b"\\")
        parts = chunk.split(b'"')
        bare = b" ".join(parts[1::2] if self._quoted else parts[::2])
        self._quoted ^= len(parts) % 2 == 0
        return bare

    def _numbers(self, bare: bytes) -> None:
        runs = bare.translate(_NUMBERS).split(b" ")
        runs_on = self._digits + len(runs[0])
        longest = max(runs_on, *map(len, runs[1:]), 0)
        if longest > DIGITS:
            raise BadLog(self._path, self._place(), f"a number has over {DIGITS} digits", "round it: none is measured so exactly")
        self._digits = runs_on if len(runs) == 1 else len(runs[-1])

    def _nesting(self, bare: bytes) -> int:
        """The least depth within these bytes."""
        depths = list(accumulate(map(_STEP.__getitem__, bare.translate(None, _OTHERS)), initial=self._depth))
        self._depth = depths[-1]
        if max(depths) > DEPTH:
            raise BadLog(self._path, self._place(), f"is nested over {DEPTH} deep", "flatten the attribute: no log nests so deep")
        return min(depths)

    def _place(self) -> str:
        return f"before byte {self._seen}"
