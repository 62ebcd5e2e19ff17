"""How each system writes: six topics, four formats, three ways to write a time and two scales of temperature.

The fields of an `Event` are plain values with times in µs since the epoch; `encode` turns them into the sender's bytes.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

PUMPS = "hospital/pumps"
ROBOT = "hospital/robot"
SCANNERS = "hospital/scanners"
ADT = "hospital/adt"
ORDERS = "hospital/orders"
PHARMACY = "hospital/pharmacy"

LOCAL = timezone(timedelta(hours=1))
"""The admission system writes its own town's time, with the offset."""

Fields = dict[str, str | int | float | None]


class Event(NamedTuple):
    """Something sent at `at` (µs). `id` is the sender's own; `key` is the asset or object that it is about."""

    topic: str
    id: str
    key: str
    at: int
    fields: Fields


def encode(event: Event) -> bytes:
    """The event in the format of its topic."""
    return _FORMATS[event.topic](event.id, event.fields)


def _iso(at: object, zone: timezone = UTC) -> str | None:
    """µs → ISO 8601 to the millisecond; None stays None."""
    if not isinstance(at, int):
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.astimezone(zone).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _pump(_: str, f: Fields) -> bytes:
    return _json({**f, "ts": _iso(f["ts"])})


def _robot(_: str, f: Fields) -> bytes:
    """A dispensing robot of American make: epoch milliseconds and degrees Fahrenheit, one name a letter or two."""
    return _json({k: v // 1000 if k in ("t", "t0", "t1") and isinstance(v, int) else v for k, v in f.items()})


def _scan(event: str, f: Fields) -> bytes:
    return _json(
        {
            "event": {"id": event, "type": f["activity"], "startedAt": _iso(f["started"]), "at": _iso(f["completed"])},
            "patient": {"id": f["patient"]},
            "bed": {"id": f["bed"], "ward": f["ward"]},
            "nurse": {"id": f["nurse"]},
            "order": {"id": f["order"], "pump": f["pump"]},
            "scanner": {"id": f["scanner"], "battery": f["battery"]},
        }
    )


def _adt(event: str, f: Fields) -> bytes:
    """Admission, transfer, discharge as XML, with HL7 v2.5.1's trigger codes (table 0003: A01, A02, A03, update A08)."""

    def part(tag: str, **attributes: object) -> str:
        known = "".join(f" {k}={quoteattr(str(v))}" for k, v in attributes.items() if v is not None)
        return f"<{tag}{known}/>"

    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ADT id={quoteattr(event)} trigger={quoteattr(str(f["trigger"]))}>'
        + part("Event", name=f["activity"], started=_iso(f["started"], LOCAL), completed=_iso(f["completed"], LOCAL))
        + part("Patient", id=f["patient"], acuity=f["acuity"])
        + part("Visit", id=f["visit"])
        + (part("Bed", id=f["bed"], ward=f["ward"]) if f["bed"] else "")
        + part("Staff", id=f["staff"], role=f["role"])
        + "</ADT>\n"
    ).encode()


def _order(event: str, f: Fields) -> bytes:
    """CloudEvents 1.0 in JSON (structured mode, section 3.1 of its JSON event format)."""
    return _json(
        {
            "specversion": "1.0",
            "id": event,
            "source": "/hospital/orders",
            "type": "hospital.order.prescribed",
            "subject": f["order"],
            "time": _iso(f["time"]),
            "datacontenttype": "application/json",
            "data": {k: v for k, v in f.items() if k != "time"},
        }
    )


def _pharmacy(event: str, f: Fields) -> bytes:
    """One row under its heading, as the pharmacy system exports it."""
    row = {"message": event, **f, "started": _iso(f["started"]), "completed": _iso(f["completed"])}
    return f"{','.join(row)}\r\n{','.join('' if v is None else str(v) for v in row.values())}\r\n".encode()


_FORMATS: Mapping[str, Callable[[str, Fields], bytes]] = {
    PUMPS: _pump,
    ROBOT: _robot,
    SCANNERS: _scan,
    ADT: _adt,
    ORDERS: _order,
    PHARMACY: _pharmacy,
}
