"""Payload → message: bytes as dicts, lists and scalars, by the format that the rules name.

JSON is itself. A CSV payload is a list of rows, each a dict of texts. An XML element becomes a text where it has neither
attributes nor children, else a dict: `@name` an attribute, `name` a child (a list where it is repeated), `#text` its own text,
`#tag` its name (of the root alone). Every failure is BadPayload, with the reason and, where known, the place.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from lxml import etree

from brain.errors import Reject
from ingest.record import Envelope
from ingest.rules import Format, Kind

MAX_DEPTH = 64
"""How deep a message may be nested. Devices and business systems stay below ten."""
MAX_ATTRIBUTES = 1000
"""The most attributes of one XML element: lxml reads them in the square of their number, ten seconds for 60,000."""

XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class BadPayload(Reject):
    """Bytes that are not what the rules say they are."""


Decode = Callable[[Envelope], Any]
"""An envelope's payload as a message. BadPayload for anything else."""


def decoder(form: Format, python: Callable[[bytes], Iterable[Mapping[str, Any]]] | None = None) -> Decode:
    """The function that decodes a format; `python` is the adapter's own for `format: python`."""
    match form.kind:
        case Kind.JSON:
            return _json
        case Kind.CLOUDEVENTS:
            return _cloudevents
        case Kind.CSV:
            return lambda envelope: _csv(envelope.payload, form)
        case Kind.XML:
            names = form.namespaces or {}
            return lambda envelope: _xml(envelope.payload, names)
        case Kind.PYTHON:
            assert python is not None
            own = python
            return lambda envelope: list(own(envelope.payload))


def _json(envelope: Envelope) -> Any:
    payload = envelope.payload
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        if payload[:3] == b"\xef\xbb\xbf":
            return _json(envelope._replace(payload=payload[3:]))
        raise BadPayload(f"not JSON: {error}") from None
    # Counting brackets is cheap and an upper bound of the depth; only a suspect is walked.
    if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH:
        _plumb(message)
    return message


def _plumb(message: Any) -> None:
    level = [message]
    for _ in range(MAX_DEPTH + 1):
        level = [c for here in level for c in (here.values() if type(here) is dict else here) if type(c) in (dict, list)]
        if not level:
            return
    raise BadPayload(f"nested more than {MAX_DEPTH} deep")


def _cloudevents(envelope: Envelope) -> Any:
    """CloudEvents 1.0: structured and batched JSON, or binary mode with `ce_…` (Kafka) or bare (MQTT 5) headers."""
    headers = {name.removeprefix("ce_").removeprefix("ce-"): value for name, value in envelope.headers}
    message: Any = None
    if "specversion" in headers and "id" in headers:
        message = {n: v for n, v in headers.items() if n.isalnum()} | {"data": _json(envelope) if envelope.payload else None}
    else:
        message = _json(envelope)
    for event in message if type(message) is list else [message]:
        if type(event) is not dict:
            raise BadPayload("not a CloudEvent: no JSON object")
        for name in ("specversion", "id", "source", "type"):
            if type(event.get(name)) is not str or not event[name]:
                raise BadPayload(f"not a CloudEvent: {name!r} is missing or no text")
        if not event["specversion"].startswith("1."):
            raise BadPayload(f"CloudEvents version {event['specversion']}: only 1.x is understood")
        if "data_base64" in event:
            raise BadPayload("a CloudEvent with data_base64: only JSON data is understood")
    return message


def _csv(payload: bytes, form: Format) -> list[dict[str, str]]:
    try:
        text = payload.decode("utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadPayload(f"not CSV in {form.encoding}: {error}") from None
    rows = [row for row in rows if row]
    if not rows:
        raise BadPayload("no rows")
    columns = form.columns or tuple(name.strip() for name in rows.pop(0))
    if len(set(columns)) < len(columns):
        raise BadPayload(f"a column is named twice in the heading {form.delimiter.join(columns)[:200]!r}")
    for number, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise BadPayload(f"row {number} has {len(row)} fields, the heading has {len(columns)}")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _xml(payload: bytes, names: Mapping[str, str]) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(payload, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadPayload(f"not XML: {error}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadPayload("XML with a DOCTYPE: refused, since its entities could read files or fill the memory")
    value = _element(root, names, 1)
    return {"#tag": _name(root.tag, names)} | (value if type(value) is dict else {"#text": value})


def _element(element: Any, names: Mapping[str, str], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BadPayload(f"nested more than {MAX_DEPTH} deep")
    text = (element.text or "").strip()
    if not len(element):
        if element.get(XSI_NIL) in ("true", "1"):
            return None
        if not element.attrib:
            return text
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise BadPayload(f"an element has {len(element.attrib)} attributes; at most {MAX_ATTRIBUTES} are read")
    made: dict[str, Any] = {f"@{_name(n, names)}": v for n, v in element.attrib.items()}
    for child in element:
        name, value = _name(child.tag, names), _element(child, names, depth + 1)
        text += (child.tail or "").strip()
        if name not in made:
            made[name] = value
        elif type(made[name]) is list:
            made[name].append(value)
        else:
            made[name] = [made[name], value]
    if text:
        made["#text"] = text
    return made


def _name(tag: str, names: Mapping[str, str]) -> str:
    if tag[0] != "{":
        return tag
    uri, _, local = tag[1:].partition("}")
    return f"{names[uri]}:{local}" if names.get(uri) else local
