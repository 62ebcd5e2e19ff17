"""Tryton 8, an ERP: its records pulled incrementally over JSON-RPC, each as one message.

Tryton tells of no changes, so we ask what changed since: in the order of (last_modified_at, id), page by page, with a mark in
the store after each page. Tryton stamps a change when its transaction *starts*, so a change may show up behind one that we have
seen; hence each round starts `overlap` seconds before the mark, and what was sent already is known by (record, time of change).
A crash repeats at most that much, and events are known by id: nothing is lost and nothing counts twice.

Not seen: deletions (Tryton leaves nothing to ask for; orders are cancelled rather than deleted), a part taken away from a record
that stays, and changes to records that others refer to (a product's or a category's name, an operation's category) until the
referring record changes.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from brain.errors import Reject, Retry
from brain.model import Mark
from brain.ports import Store
from ingest.intake import Intake
from ingest.record import Envelope
from ingest.sources.tryton_rpc import Rpc
from ingest.times import EPOCH, micros

log = logging.getLogger("brain.ingest.tryton")

PAGE = 200
OVERLAP_SECONDS = 600.0
REMEMBERED = 100_000
"""Records whose last sent change we know by heart. Forgetting them costs repetition, never correctness."""
CHANGED = "last_modified_at"

Record = dict[str, Any]


class Part(NamedTuple):
    """One place where a change to a record can be seen: `changed` is the field of `model` that tells when, `owner` the field
    that leads to the record (its id, or a parent's)."""

    name: str
    model: str
    owner: str = "id"
    changed: str = CHANGED
    where: tuple[Any, ...] = ()


class Kind(NamedTuple):
    """One kind of record: `fields` are read, dotted ones from related records; `parts` are watched for changes."""

    name: str
    model: str
    module: str
    fields: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def topic(self) -> str:
        return f"tryton/{self.name}"


KINDS = (
    Kind(
        "employees",
        "company.employee",
        "company",
        ("party.code", "party.name", "company.party.code", "company.party.name", "start_date", "end_date", f"party.{CHANGED}"),
        (Part("", "company.employee"), Part("party", "company.employee", changed=f"party.{CHANGED}")),
    ),
    Kind(
        "work-centers",
        "production.work.center",
        "production_work",
        ("name", "parent.name", "category.name", "warehouse.name"),
        (Part("", "production.work.center"),),
    ),
    Kind(
        "routings",
        "production.routing",
        "production_work",
        ("name", "steps.sequence", "steps.operation.name", "steps.operation.work_center_category.name", f"steps.{CHANGED}"),
        (Part("", "production.routing"), Part("steps", "production.routing.step", "routing")),
    ),
    Kind(
        "productions",
        "production",
        "production",
        (
            *("number", "reference", "type", "state", "quantity", "unit.symbol", "planned_start_date", "planned_date"),
            *("effective_start_date", "product.code", "product.name", "bom.name", "routing.name", "warehouse.name"),
            *("inputs.product.code", "inputs.product.name", "inputs.quantity", "inputs.unit.symbol", f"inputs.{CHANGED}"),
        ),
        (
            Part("", "production"),
            Part("inputs", "stock.move", "production_input", where=(["production_input", "!=", None],)),
        ),
    ),
    Kind(
        "works",
        "production.work",
        "production_work",
        (
            *("sequence", "state", "production.number", "operation.name", "operation.work_center_category.name"),
            "work_center.name",
        ),
        (Part("", "production.work"),),
    ),
)


class TrytonSource:
    """One Tryton database, as one user of it sees it: give that user read access to what shall be pulled, and a company.

    `url` is the server's, `http://host:8000`. Nothing is connected until the first pull.
    """

    def __init__(
        self,
        url: str,
        database: str,
        user: str,
        password: str,
        *,
        kinds: Sequence[Kind] = KINDS,
        page: int = PAGE,
        overlap: float = OVERLAP_SECONDS,
        timeout: float = 60.0,
    ) -> None:
        self._rpc = Rpc(url, database, user, password, timeout)
        self._kinds = kinds
        self._page = page
        self._overlap = timedelta(seconds=overlap)
        self._sent: dict[tuple[str, str], str] = {}

    @property
    def name(self) -> str:
        """`tryton:HOST:PORT/DATABASE`: what its marks are kept under."""
        return f"tryton:{self._rpc.where}"

    async def changes(self, marks: Mapping[str, int]) -> AsyncGenerator[tuple[list[Envelope], Mark]]:
        """What changed since `marks` (topic → µs), page by page, each with the mark to store with it.

        When the next page is asked for, the last one counts as stored. Raises Retry where the server is away or busy, Reject
        where it refuses us or lacks a module.
        """
        for kind in self._kinds:
            for part in kind.parts:
                topic = "/".join(filter(None, (self.name, kind.name, part.name)))
                async for page in self._part(kind, part, topic, marks.get(topic)):
                    yield page

    async def _part(self, kind: Kind, part: Part, topic: str, mark: int | None) -> AsyncGenerator[tuple[list[Envelope], Mark]]:
        after = datetime.min if mark is None else _naive(mark) - self._overlap
        last, stored = 0, mark or 0
        while True:
            found = await self._rows(kind, part, after, last)
            if not found:
                return
            after, last = nested(found[-1], part.changed), int(found[-1]["id"])
            owners = dict.fromkeys(int(row[part.owner]) for row in found)
            told = {e: at for e, at in await self._records(kind, list(owners)) if self._sent.get((kind.name, e.key)) != at}
            stored = max(stored, micros(after.replace(tzinfo=UTC)))
            if told or stored != mark:
                yield list(told), Mark(topic, 0, stored)
                # Only now is it stored: had the caller failed, we would not be here, and would send it again.
                self._remember({(kind.name, e.key): at for e, at in told.items()})
            if len(found) < self._page:
                return

    async def _rows(self, kind: Kind, part: Part, after: datetime, last: int) -> list[Record]:
        """The next page of changes after (time, id), in that order."""
        at = _wire(after)
        since = ["OR", [part.changed, ">", at], [[part.changed, "=", at], ["id", ">", last]]]
        order = [[part.changed, "ASC"], ["id", "ASC"]]
        names = [part.changed, part.owner]
        rows: list[Record] = await self._rpc.call(
            part.model, kind.module, "search_read", [*part.where, since], 0, self._page, order, names
        )
        return [plain(row) for row in rows]

    async def _records(self, kind: Kind, ids: list[int]) -> list[tuple[Envelope, str]]:
        """The records as they are now, each with the time of its last change; those deleted meanwhile are not among them."""
        names = [*kind.fields, CHANGED]
        rows = await self._rpc.call(kind.model, kind.module, "search_read", [["id", "in", ids]], 0, None, [["id", "ASC"]], names)
        received = time.time_ns() // 1000
        made = []
        for row in rows:
            message = record(plain(row))
            payload = orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
            made.append((Envelope(kind.topic, str(message["id"]), payload, received), str(message["changed"])))
        return made

    def _remember(self, sent: Mapping[tuple[str, str], str]) -> None:
        if len(self._sent) > REMEMBERED:
            self._sent.clear()
        self._sent.update(sent)

    async def close(self) -> None:
        await self._rpc.close()


async def pull(
    source: TrytonSource, intake: Intake, store: Store, *, once: bool, every: float = 30.0, stop: asyncio.Event | None = None
) -> None:
    """Take in what changed, once, or every so many seconds until `stop` is set. The source is closed at the end.

    A server that is away is asked again at the next round; with `once` its Retry is raised.
    """
    stop = stop or asyncio.Event()
    try:
        while not stop.is_set():
            try:
                marks = {mark.topic: mark.offset for mark in await store.marks()}
                async with aclosing(source.changes(marks)) as pages:
                    async for envelopes, mark in pages:
                        await intake.take(envelopes, [mark])
                        if stop.is_set():
                            break
            except Retry as error:
                if once:
                    raise
                log.warning("%s; trying again in %.0f s", error, every)
            if once:
                return
            try:
                await asyncio.wait_for(stop.wait(), every)
            except TimeoutError:
                continue
    finally:
        await source.close()


def plain(value: Any) -> Any:
    """Tryton's JSON without its wrappings: dates and times as `datetime` or ISO text, decimals as text, `party.` as `party`."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value.get("__class__"):
        case "datetime":
            return datetime(*(value[n] for n in ("year", "month", "day", "hour", "minute", "second", "microsecond")))
        case "date":
            return f"{value['year']:04}-{value['month']:02}-{value['day']:02}"
        case "time":
            return f"{value['hour']:02}:{value['minute']:02}:{value['second']:02}"
        case "timedelta":
            return value["seconds"]
        case "Decimal":
            return value["decimal"]
        case "bytes":
            return None
    related = {name[:-1]: plain(one) for name, one in value.items() if name.endswith(".")}
    return {name: plain(one) for name, one in value.items() if not name.endswith(".")} | related


def record(row: Record) -> Record:
    """A row as a message: `changed`, the newest time in it and in what is nested, in place of each one's own."""
    times: list[datetime] = []
    message: Record = _stripped(row, times)
    return {**message, "changed": _iso(max(times))}


def _stripped(value: Any, times: list[datetime]) -> Any:
    if isinstance(value, list):
        # By id: a list of Tryton's has the order of its view, which is none of the record's business.
        return sorted((_stripped(one, times) for one in value), key=lambda one: one.get("id", 0) if isinstance(one, dict) else 0)
    if not isinstance(value, dict):
        return _iso(value) if isinstance(value, datetime) else value
    if isinstance(value.get(CHANGED), datetime):
        times.append(value[CHANGED])
    return {name: _stripped(one, times) for name, one in value.items() if name != CHANGED}


def nested(row: Record, path: str) -> datetime:
    """The time at a dotted path."""
    found: Any = row
    for name in path.split("."):
        found = found[name]
    if not isinstance(found, datetime):
        raise Reject(f"Tryton says {found!r} for {path}, which should be a time: is it version 8?")
    return found


def _naive(at: int) -> datetime:
    """Tryton's times are UTC and do not say so."""
    return (EPOCH + timedelta(microseconds=at)).replace(tzinfo=None)


def _iso(at: datetime) -> str:
    return at.isoformat() + "Z"


def _wire(at: datetime) -> Record:
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{name: getattr(at, name) for name in parts}}


__all__ = ["KINDS", "Kind", "Part", "TrytonSource", "plain", "pull", "record"]
