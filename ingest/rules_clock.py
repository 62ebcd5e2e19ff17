"""What a rule says of clocks: where the gateway's time is, which messages are old, how far the device is believed."""

from collections.abc import Mapping

from ingest.clocks import USUAL, Trust, duration
from ingest.paths import Path
from ingest.rules import Condition, Gateway, Test
from ingest.rules_read import Reader
from ingest.rules_yaml import Item
from ingest.times import TimeFormat

TRUE = frozenset({"true", "True", "TRUE", "1"})


def read_gateway(reader: Reader, fields: Mapping[str, Item], form: TimeFormat, time: tuple[Path, ...]) -> Gateway | None:
    """`gateway_time`, `historical` and `clock` of a rule whose own time is `time`, written as `form`; None without the first."""
    if "gateway_time" not in fields:
        for name in ("historical", "clock"):
            if name in fields:
                line = fields[name].key_line
                reader.fault(line, f"{name!r} needs a gateway's time to compare with: add `gateway_time`, or remove it")
        return None
    item = fields["gateway_time"]
    paths, written = reader.time(item, "gateway_time", form)
    if set(paths) & set(time):
        raise reader.stop(item.key_line, "gateway_time is the device's own `time`: name where the gateway says when it had it")
    historical = _historical(reader, fields["historical"]) if "historical" in fields else ()
    return Gateway(paths, written, historical, _trust(reader, fields["clock"]) if "clock" in fields else USUAL)


def _historical(reader: Reader, item: Item) -> Condition:
    """A condition; or a path, for: what is there is true."""
    if isinstance(item.value, dict):
        return reader.condition(item, "historical")
    return (Test(reader.path(item, "historical"), TRUE),)


def _trust(reader: Reader, item: Item) -> Trust:
    fields = reader.fields(item, Trust._fields, "clock")
    given: dict[str, int] = {}
    for name, one in fields.items():
        try:
            given[name] = duration(reader.text(one, name))
        except ValueError as error:
            reader.fault(one.line, f"clock: {name}: {error}")
    if "delay" in given and "tolerance" not in given:
        given["tolerance"] = max(USUAL.tolerance, given["delay"])
    trust = USUAL._replace(**given)
    if trust.tolerance < trust.delay:
        where = fields.get("tolerance", item)
        reader.fault(where.line, "clock: tolerance is less than delay, so that a right clock would be at fault: raise it")
    if trust.limit < trust.tolerance:
        where = fields.get("limit", item)
        reader.fault(where.line, "clock: limit is less than tolerance, so that nothing would be corrected: raise it")
    return trust
