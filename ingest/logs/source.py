"""The bytes of a log file, unpacked where they are gzip, with every fault as one clear line.

Nothing here grows with the file. A reader may hold at most ELEMENT_LIMIT bytes for one element, line or record: a file that
wants more is refused, however well it was packed. There is no limit on the whole: a pass over a large log is long, not large.
"""

import codecs
import gzip
import os
import zlib
from pathlib import Path as FilePath
from types import TracebackType
from typing import IO, Self

from ingest.logs.fault import BadLog, Path

CHUNK = 1 << 16
ELEMENT_LIMIT = 16 << 20


class Source:
    """A readable file; `total` is the count of (unpacked) bytes that were read. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total = 0
        try:
            if not FilePath(path).is_file():
                raise BadLog(path, "the file", _no_file(path), "give the path of an event log")
            raw = open(path, "rb")  # noqa: SIM115  closed by __exit__
        except (OSError, ValueError) as error:
            raise BadLog(path, "the file", f"cannot be opened ({error})", "give the path of a readable file") from None
        self._raw = raw
        self.zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        self._bytes: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if self.zipped else raw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bytes.close()
        self._raw.close()

    def read(self, size: int = CHUNK) -> bytes:
        """Up to `size` bytes; b'' at the end. ijson calls it too, with sizes of its own."""
        try:
            data = self._bytes.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None
        self.total += len(data)
        return data

    def readline(self) -> bytes:
        """One line with its end; b'' at the end of the file. A line over ELEMENT_LIMIT is refused."""
        try:
            line = self._bytes.readline(ELEMENT_LIMIT)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None
        if len(line) == ELEMENT_LIMIT:
            raise too_large(self.path, f"byte {self.total}", "line")
        self.total += len(line)
        return line

    def head(self, size: int = CHUNK) -> bytes:
        """The first `size` bytes, or the whole file where it is shorter."""
        parts: list[bytes] = []
        while size > 0 and (part := self.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _unreadable(self, error: Exception) -> BadLog:
        if not self.zipped:
            return BadLog(self.path, f"byte {self.total}", f"cannot be read ({error})", "check the disk and copy the file again")
        problem = "the gzip stream is cut short" if isinstance(error, EOFError) else f"the gzip stream is damaged ({error})"
        return BadLog(
            self.path, f"after {self.total} unpacked bytes", problem, "copy or download the file again, or pack it anew"
        )


def too_large(path: Path, place: str, what: str) -> BadLog:
    """The refusal of one element that would not fit into memory safely."""
    return BadLog(
        path, place, f"one {what} is over {ELEMENT_LIMIT >> 20} MiB", "split it: no event or object of a real log is that large"
    )


def first_bad_utf8(path: Path) -> int | None:
    """The offset of the first byte that is not UTF-8, None where all are (a character cut off by the end counts as none).

    Reads the file once more: for error paths only.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with Source(path) as source:
        while True:
            before, chunk = source.total, source.read()
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return before - held + error.start
            if not chunk:
                return None


def _no_file(path: Path) -> str:
    if os.path.isdir(path):
        return "is a folder"
    return "is not a regular file" if os.path.exists(path) else "does not exist"
