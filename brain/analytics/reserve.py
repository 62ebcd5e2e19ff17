"""The waits that come next, should the longest of a handover be taken back: so that a report looks for none in the lives.

Nothing is taken out when a wait is: whether one still holds is found out when its turn comes, each once. What is in reserve lies
in memory until there is too much of it, and then on the shelf, in chunks of which those with the longest waits are read first:
however long the log is, no more chunks are read than there are waits to be found, beside those that no longer hold any.
"""

from bisect import insort
from collections.abc import Callable, Iterator

import orjson

from brain.analytics.lives import Gap
from brain.analytics.shelf import Shelf
from brain.analytics.tally import KEPT, Tally

MOST = 10_000
"""Gaps in reserve that are held in memory."""
CHUNK = 64
GREATEST = "length, object, previous, next"
"""Columns of the greatest gap of a chunk, by which chunks are ordered as gaps are."""
HALF = 1 << 63
"""Less this, the longest gap that there can be between two times is an integer of SQLite's."""


class Reserve:
    """Of the gaps above 0 of each edge all that are not among its longest, and some that are no more."""

    def __init__(self, shelf: Shelf, table: str) -> None:
        shelf.db.execute(
            f'CREATE TABLE IF NOT EXISTS "{table}" (source TEXT, target TEXT, {GREATEST}, number INTEGER, packed BLOB NOT NULL,'
            f" PRIMARY KEY (source, target, {GREATEST}, number)) WITHOUT ROWID"
        )
        self._db = shelf.db
        self._table = table
        (self._number,) = self._db.execute(f'SELECT coalesce(max(number), 0) FROM "{table}"').fetchone()

    def shelve(self, tally: Tally) -> None:
        """All that is in reserve is on the shelf."""
        rows = []
        for (source, target), edge in tally.edges.items():
            edge.spare.sort(reverse=True)
            for i in range(0, len(edge.spare), CHUNK):
                chunk = edge.spare[i : i + CHUNK]
                (length, *steps), self._number = chunk[0], self._number + 1
                rows.append((source, target, length - HALF, *steps, self._number, orjson.dumps(chunk)))
            edge.spare = []
        self._db.executemany(f'INSERT INTO "{self._table}" VALUES (?, ?, ?, ?, ?, ?, ?, ?)', rows)
        tally.spares = 0

    def refill(self, tally: Tally, key: tuple[str, str], holds: Callable[[Gap], bool]) -> None:
        """The edge has its longest gaps again. `holds` says whether a gap is still one."""
        edge = tally.edges[key]
        # What is long still may be in reserve as well, if it was taken back once: equal ones follow each other.
        waiting = sorted((*edge.longest, *edge.spare))
        before, longest, last = len(edge.spare), list[Gap](), None
        chunk = self._first(key)
        while len(longest) < KEPT:
            while chunk is not None and (not waiting or chunk[0] >= waiting[-1]):
                for gap in self._taken(key, chunk):
                    insort(waiting, gap)
                chunk = self._first(key)
            if not waiting:
                break
            gap = waiting.pop()
            if gap != last and holds(gap):
                longest.append(gap)
            last = gap
        edge.longest, edge.spare = longest[::-1], waiting
        tally.spares += len(waiting) - before

    def _first(self, key: tuple[str, str]) -> tuple[Gap, int] | None:
        """The greatest gap of an edge that is on the shelf, and the number of its chunk."""
        falling = ", ".join(f"{column} DESC" for column in GREATEST.split(", "))
        asked = f'SELECT {GREATEST}, number FROM "{self._table}" WHERE source = ? AND target = ? ORDER BY {falling} LIMIT 1'
        row = self._db.execute(asked, key).fetchone()
        return None if row is None else ((row[0] + HALF, *row[1:4]), row[4])

    def _taken(self, key: tuple[str, str], chunk: tuple[Gap, int]) -> Iterator[Gap]:
        """What is in a chunk, which is then no longer on the shelf."""
        (length, *steps), number = chunk
        one = f'FROM "{self._table}" WHERE (source, target, {GREATEST}, number) = (?, ?, ?, ?, ?, ?, ?)'
        its = (*key, length - HALF, *steps, number)
        (packed,) = self._db.execute(f"SELECT packed {one}", its).fetchone()
        self._db.execute(f"DELETE {one}", its)
        return (tuple(gap) for gap in orjson.loads(packed))

    def discard(self) -> None:
        """Nothing of it is left on the shelf."""
        self._db.execute(f'DROP TABLE IF EXISTS "{self._table}"')
