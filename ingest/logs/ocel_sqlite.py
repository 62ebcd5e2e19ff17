"""OCEL 2.0 SQLite, read as a merge of sorted cursors, so that memory holds one event or object at a time.

The file is opened read-only. `event` and `object` say what there is; each row's time and attributes are in the table that
`event_map_type` or `object_map_type` names for its type. Tables that no type maps to are left alone, and reported.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from os import fspath
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.ocel import OcelRecords
from ingest.logs.records import LogOptions, Record
from ingest.logs.source import ELEMENT_LIMIT, too_large

_NEEDED = ("event", "object", "event_object", "object_object", "event_map_type", "object_map_type")
_TIME, _CHANGED, _ID = "ocel_time", "ocel_changed_field", "ocel_id"
_POINTS = "points"
_MEND = "export the log anew as OCEL 2.0 SQLite"


class OcelSqliteReader:
    """The records of an OCEL 2.0 SQLite file."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []

    def records(self, tally: Tally) -> Iterator[Record]:
        """All objects, then all events, each in the order of their ids."""
        build = OcelRecords(self.path, self.options, tally)
        try:
            with closing(_open(self.path)) as database:
                tables = _Tables(self.path, database, build, tally)
                yield from tables.objects()
                yield from tables.events(self.options.strict)
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.DataError) or "too big" in str(error):
                raise too_large(self.path, "a row of the database", "value") from None
            raise BadLog(
                self.path, "the database", f"cannot be read ({error})", "copy the file again, or mend it with sqlite3's .recover"
            ) from None


class _Type(NamedTuple):
    """One type's table: `columns` are the names of its attributes."""

    table: str
    columns: list[str]
    timed: bool
    changes: bool


class _Follower:
    """The groups of a cursor whose first column is an id, in step with the ids of another sorted cursor."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next = next(self._groups, None)
        self._held: list[tuple[Any, ...]] = list(self._next[1]) if self._next else []
        self.strays = 0
        self.first_stray = ""

    def take(self, key: str) -> list[tuple[Any, ...]]:
        """The rows of this id; rows of ids before it belong to none, and are counted."""
        while self._next is not None and self._next[0] < key:
            self._stray()
        if self._next is None or self._next[0] != key:
            return []
        rows = self._held
        self._advance()
        return rows

    def drain(self) -> None:
        """Count what is left: rows of ids that the other cursor does not have."""
        while self._next is not None:
            self._stray()

    def _stray(self) -> None:
        self.strays += len(self._held)
        self.first_stray = self.first_stray or str(self._held[0][0])
        self._advance()

    def _advance(self) -> None:
        self._next = next(self._groups, None)
        self._held = list(self._next[1]) if self._next else []


class _Tables:
    def __init__(self, path: Path, database: sqlite3.Connection, build: OcelRecords, tally: Tally) -> None:
        self._path = path
        self._database = database
        self._build = build
        self._tally = tally
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
        self._names = {str(name).lower(): str(name) for (name,) in found}
        missing = [name for name in _NEEDED if name not in self._names]
        if missing:
            raise BadLog(path, "the database", f"is no OCEL 2.0 log: it lacks the table {', '.join(missing)}", _MEND)
        # SQLite compares the bytes of its own encoding: in UTF-8 that is the order of Python's texts, in UTF-16 it is not.
        utf8 = database.execute("PRAGMA encoding").fetchone()[0] == "UTF-8"
        self._order = "BINARY" if utf8 else _POINTS
        if not utf8:
            database.create_collation(_POINTS, lambda a, b: (a > b) - (a < b))
        self._objects = self._mapped("object")
        self._events = self._mapped("event")
        self._unmapped()

    def objects(self) -> Iterator[Record]:
        relations = _Follower(self._sorted("object_object", ("ocel_source_id", "ocel_target_id", "ocel_qualifier")))
        followers = {name: _Follower(self._sorted(one.table, _select(one))) for name, one in self._objects.items()}
        for object_id, kinds in self._base("object"):
            links = self._links("object_object", relations.take(object_id))
            for kind in kinds:
                one = self._of(self._objects, "object", kind, object_id)
                rows = followers[kind].take(object_id)
                attributes = [part for row in rows for part in self._changes(one, row)]
                yield self._build.object("", object_id, kind, attributes, links)
        self._strays("object", followers)
        relations.drain()
        if relations.strays:
            self._tally.remark(_dangling("object_object", "objects", relations))

    def events(self, strict: bool) -> Iterator[Record]:
        links = _Follower(self._sorted("event_object", ("ocel_event_id", "ocel_object_id", "ocel_qualifier")))
        followers = {name: _Follower(self._sorted(one.table, _select(one))) for name, one in self._events.items()}
        for event_id, kinds in self._base("event"):
            objects = self._links("event_object", links.take(event_id))
            for kind in kinds:
                one = self._of(self._events, "event", kind, event_id)
                rows = followers[kind].take(event_id)
                if not rows:
                    raise BadLog(
                        self._path, f"table {one.table}", f"has no row, and so no time, for event {shown(event_id)}", _MEND
                    )
                for row in dict.fromkeys(rows):
                    yield self._build.event("", event_id, kind, row[1], zip(one.columns, row[3:], strict=True), objects)
        self._strays("event", followers)
        links.drain()
        if links.strays:
            problem = _dangling("event_object", "events", links)
            if strict:
                raise BadLog(
                    self._path,
                    "table event_object",
                    problem,
                    "remove these rows, add the events, or read with strict=False (brain import --lenient)",
                )
            self._tally.remark(problem)

    def _base(self, table: str) -> Iterator[tuple[str, list[str]]]:
        for row_id, rows in groupby(self._sorted(table, (_ID, "ocel_type")), itemgetter(0)):
            yield row_id, sorted({str(kind) if kind is not None else "" for _, kind in rows})

    def _links(self, table: str, rows: list[tuple[Any, ...]]) -> list[tuple[str, str]]:
        found = []
        for owner, target, qualifier in rows:
            if target is None or target == "":
                raise BadLog(
                    self._path, f"table {table}, row of {shown(owner)}", "names no object", "remove the row or fill its id"
                )
            found.append((str(target), "" if qualifier is None else str(qualifier)))
        return found

    def _changes(self, one: _Type, row: tuple[Any, ...]) -> list[tuple[str, Any, Any]]:
        at, changed = row[1], row[2]
        pairs = [(name, value, at) for name, value in zip(one.columns, row[3:], strict=True) if value is not None]
        if changed is None or changed == "":
            return pairs
        # OCEL 2.0, 5.3: a row with ocel_changed_field states that attribute alone; the others only fill their columns.
        return [pair for pair in pairs if pair[0].lower() == str(changed).lower()]

    def _of(self, types: dict[str, _Type], what: str, kind: str, row_id: str) -> _Type:
        one = types.get(kind)
        if one is None:
            problem = f"{what} {shown(row_id)} is of type {shown(kind)}, which {what}_map_type does not map to a table"
            raise BadLog(self._path, f"table {what}", problem, f"add the type to {what}_map_type, with its table {what}_…")
        return one

    def _mapped(self, what: str) -> dict[str, _Type]:
        types = {}
        for name, part in self._database.execute(f"SELECT ocel_type, ocel_type_map FROM {what}_map_type").fetchall():
            table = self._names.get(f"{what}_{part}".lower())
            if table is None:
                problem = f"type {shown(name)} maps to the table {what}_{part}, which does not exist"
                raise BadLog(self._path, f"table {what}_map_type", problem, _MEND)
            types[str(name)] = self._type(what, str(name), table)
        return types

    def _type(self, what: str, name: str, table: str) -> _Type:
        columns = {str(row[1]): str(row[2]) for row in self._database.execute(f"PRAGMA table_info({_quoted(table)})")}
        own = {column.lower() for column in columns}
        if _ID not in own or (what == "event" and _TIME not in own):
            raise BadLog(self._path, f"table {table}", f"lacks the column {_ID if _ID not in own else _TIME}", _MEND)
        attributes = [column for column in columns if column.lower() not in (_ID, _TIME, _CHANGED)]
        self._build.declare(what == "event", name, None, "")
        for column in attributes:
            self._build.declare(what == "event", name, column, _affinity(columns[column]))
        return _Type(table, attributes, _TIME in own, _CHANGED in own)

    def _unmapped(self) -> None:
        known = {*_NEEDED, *(one.table.lower() for one in (*self._objects.values(), *self._events.values()))}
        for low, name in sorted(self._names.items()):
            if low.startswith(("object_", "event_")) and low not in known:
                rows = self._database.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0]
                self._tally.remark(f"no type maps to the table {name}, which is not read ({rows} rows)")

    def _strays(self, what: str, followers: dict[str, _Follower]) -> None:
        for kind, follower in followers.items():
            follower.drain()
            if follower.strays:
                self._tally.remark(
                    f"the table of {shown(kind)} has {follower.strays} rows of ids that are not of this type in the table "
                    f"{what}, the first {shown(follower.first_stray)}; they are not read"
                )

    def _sorted(self, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        # Only a qualified name is surely a column: SQLite takes an unknown "name" for a text.
        rest = ", ".join(column if column == "NULL" else f"t.{_quoted(column)}" for column in columns[1:])
        key = f"CAST(t.{_quoted(columns[0])} AS TEXT)"
        name = _quoted(self._names[table.lower()])
        rows = self._database.execute(f"SELECT {key}, {rest} FROM {name} AS t ORDER BY {key} COLLATE {self._order}")
        for row in rows:
            if row[0] is None:
                raise BadLog(self._path, f"table {table}", f"has a row without {columns[0]}", "remove the row or fill its id")
            yield row


def _select(one: _Type) -> tuple[str, ...]:
    return (_ID, _TIME if one.timed else "NULL", _CHANGED if one.changes else "NULL", *one.columns)


def _open(path: Path) -> sqlite3.Connection:
    name = fspath(path)
    # A write-ahead log beside the file holds changes that are not in it yet. Without one nothing writes: no locks are needed.
    still = not any(FilePath(name + tail).exists() for tail in ("-wal", "-journal"))
    uri = f"{FilePath(name).absolute().as_uri()}?mode=ro{'&immutable=1' if still else ''}"
    database = sqlite3.connect(uri, uri=True)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ELEMENT_LIMIT)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    return database


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


_AFFINITIES = {
    "BOOL": "boolean", "TIME": "time", "DATE": "time", "INT": "integer", "CHAR": "string", "TEXT": "string",
    "REAL": "float", "FLOA": "float", "DOUB": "float", "DEC": "float", "NUM": "float",
}  # fmt: skip


def _affinity(declared: str) -> str:
    """SQLite's declared type of a column → the kind of its values; '' leaves each value as it is stored."""
    text = declared.upper()
    return next((kind for mark, kind in _AFFINITIES.items() if mark in text), "")


def _dangling(table: str, what: str, follower: _Follower) -> str:
    return f"{table} has {follower.strays} rows of {what} that the file does not hold, the first {shown(follower.first_stray)}"
