"""Which format a file is in: by its content; its suffix decides only what content cannot."""

import codecs
from pathlib import Path as FilePath

from ingest.logs.expat import DEPTH, stream, too_deep
from ingest.logs.fault import BadLog, Path, shown
from ingest.logs.json_stream import keys
from ingest.logs.records import Format
from ingest.logs.source import Source

_SUFFIXES: dict[str, str] = {
    ".json": "JSON", ".jsonocel": "JSON", ".xml": "XML", ".xmlocel": "XML", ".xes": "XML",
    ".sqlite": "SQLite", ".sqlite3": "SQLite", ".db": "SQLite", ".csv": "CSV", ".tsv": "CSV", ".txt": "CSV",
}  # fmt: skip
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel file", "unpack it, or save the sheet as CSV"),
    (b"\x89PNG", "a picture", "give an event log"),
    (b"%PDF", "a PDF", "give an event log"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
)
_KNOWN = "OCEL 2.0 as JSON, XML or SQLite, OCEL 1.0 as JSON, XES, CSV and Parquet are read"
_OCEL2_KEYS = frozenset({"objectTypes", "eventTypes", "objects", "events"})
_OCEL2_PARTS = frozenset({"object-types", "event-types", "objects", "events"})
_XES_PARTS = frozenset(
    {"extension", "classifier", "trace", "string", "date", "int", "float", "boolean", "id", "list", "container"}
)


def detect(path: Path) -> Format:
    """The format of the file. BadLog where it is none that is read."""
    with Source(path) as source:
        head = source.head()
        zipped = source.zipped
    suffix = _suffix(path)
    wanted = _SUFFIXES.get(suffix)
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise BadLog(path, "the file", "is empty" if not head else "holds nothing but blanks", "export the log again")
    if head.startswith(b"SQLite format 3\x00"):
        return _plain(path, zipped, "OCEL 2.0 SQLite")
    if head.startswith(b"PAR1"):
        return _plain(path, zipped, "Parquet")
    for magic, what, mend in _FOREIGN:
        if head.startswith(magic):
            raise BadLog(path, "byte 0", f"is {what}, not an event log", mend)
    if _utf16(path, head) or text.startswith(b"<"):
        return _plain(path, zipped, _xml(path, wanted, suffix))
    if text.startswith(b"{"):
        return _plain(path, zipped, _json(path))
    if b"\x00" in head:
        raise BadLog(path, f"byte {head.index(0)}", "is binary", f"give an event log: {_KNOWN}")
    if wanted == "CSV":
        return "CSV"
    if wanted is None:
        raise BadLog(
            path,
            "byte 0",
            f"is in no format that is known by its content, nor by its suffix {shown(suffix)}",
            f"{_KNOWN}; a CSV must be called .csv",
        )
    raise BadLog(path, "byte 0", f"is not {wanted}, though its name ends in {suffix}", f"export the log again; {_KNOWN}")


def _suffix(path: Path) -> str:
    name = FilePath(path).name.lower()
    return FilePath(name.removesuffix(".gz")).suffix


def _plain(path: Path, zipped: bool, found: Format) -> Format:
    if zipped and found not in ("XES", "CSV"):
        raise BadLog(
            path, "the file", f"is {found} packed with gzip, which is read for XES and CSV only", "unpack it first: gunzip"
        )
    return found


def _utf16(path: Path, head: bytes) -> bool:
    """Whether this is XML in UTF-16 with its mark. Any other UTF-16 is refused here, with the reason."""
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if marked and head[2:].decode("utf-16-be" if head[0] == 0xFE else "utf-16-le", errors="ignore").lstrip().startswith("<"):
        return True
    # Texts of this kind begin with ASCII, so in unmarked UTF-16 every other byte of the first two characters is zero.
    zeros = [byte == 0 for byte in head[:4]]
    if marked or zeros in ([False, True, False, True], [True, False, True, False]):
        raise BadLog(path, "byte 0", "is in UTF-16", "save the file as UTF-8")
    return False


class _Parts:
    """The root's attributes and the first elements inside it."""

    building = False
    built = 0
    spot = staticmethod(lambda: "line 1, column 1")

    def __init__(self, path: Path) -> None:
        self.found: Format | None = None
        self._path = path
        self._depth = 0

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise too_deep(self._path, self.spot())
        if self.found is not None or self._depth > 2:
            return
        named = dict(zip(attributes[::2], attributes[1::2], strict=True))
        if self._depth == 1:
            if any(key.startswith("xes.") for key in named) or "xes-standard" in named.get("xmlns", ""):
                self.found = "XES"
        elif name in _OCEL2_PARTS:
            self.found = "OCEL 2.0 XML"
        elif name == "global" and named.get("scope") in ("log", "object"):
            raise BadLog(
                self._path, self.spot(), "is OCEL 1.0 XML, which is not read", "export the log as OCEL 1.0 JSON or OCEL 2.0"
            )
        elif name == "global" or name in _XES_PARTS:
            self.found = "XES"

    def end(self, name: str) -> None:
        self._depth -= 1


def _xml(path: Path, wanted: str | None, suffix: str) -> Format:
    parts = _Parts(path)
    with Source(path) as source:
        for _ in stream(source, parts):
            if parts.found is not None:
                return parts.found
    if wanted == "XML":
        return "XES" if suffix == ".xes" else "OCEL 2.0 XML"
    raise BadLog(path, "line 1", "is XML, but neither OCEL 2.0 nor XES", f"export the log again; {_KNOWN}")


def _json(path: Path) -> Format:
    for key in keys(path):
        if key.startswith("ocel:"):
            return "OCEL 1.0 JSON"
        if key in _OCEL2_KEYS:
            return "OCEL 2.0 JSON"
    raise BadLog(
        path,
        "the outermost map",
        "has none of the keys of OCEL 1.0 or 2.0",
        'export the log again; OCEL 2.0 has "objectTypes", "eventTypes", "objects" and "events"',
    )
