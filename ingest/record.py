"""What arrives: raw bytes with the circumstances of their arrival, and how many of them travel as one block.

Three clocks, never one (DESIGN.md, promise 2): when it happened is inside the payload and read by the rules; when it reached us
is `Envelope.received`; when it was stored is the store's to say.
"""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from brain.errors import Reject

MAGIC = b"EBB1"
"""The first bytes of a block: Enterprise Brain block, version 1."""


class BadBlock(Reject):
    """Bytes that should be a block of envelopes and are not."""


class Envelope(NamedTuple):
    """One message as it arrived. `received` is µs since the epoch, UTC.

    `topic` is an MQTT or Kafka topic, or the kind of a file. `headers` are (name, value) pairs. `partition` and `offset` are its
    place in a log, -1 where it came from none; they serve the store's marks and never reach the model.
    """

    topic: str
    key: str
    payload: bytes
    received: int
    headers: tuple[tuple[str, str], ...] = ()
    partition: int = -1
    offset: int = -1


def pack(envelopes: Sequence[Envelope]) -> bytes:
    """A block: the envelopes' circumstances as one JSON head, then all payloads end to end.

    `unpack(pack(x)) == list(x)` for every x whose texts are valid Unicode; BadBlock where a text holds a lone surrogate.
    """
    try:
        head = orjson.dumps([(e.topic, e.key, len(e.payload), e.received, e.headers, e.partition, e.offset) for e in envelopes])
    except TypeError as error:
        raise BadBlock(f"an envelope cannot be packed: {error}; decode topics and keys with errors='replace'") from None
    return b"".join((MAGIC, len(head).to_bytes(4, "big"), head, *(e.payload for e in envelopes)))


def unpack(block: bytes) -> list[Envelope]:
    """The envelopes of a block in their order. BadBlock for any bytes that `pack` did not make, truncated ones included."""
    if block[:4] != MAGIC:
        raise BadBlock(f"not a block of envelopes: starts with {block[:4]!r}, expected {MAGIC!r}; was it written by `pack`?")
    start = 8 + int.from_bytes(block[4:8], "big")
    try:
        rows = orjson.loads(block[8:start])
        envelopes = []
        for topic, key, size, received, headers, partition, offset in rows:
            end = start + size
            pairs = tuple([(n, v) for n, v in headers]) if headers else ()
            # The tuple's own constructor: the named one costs 0.2 µs more, every message.
            envelopes.append(tuple.__new__(Envelope, (topic, key, block[start:end], received, pairs, partition, offset)))
            if size < 0 or end > len(block):
                raise ValueError("truncated")
            start = end
    except (ValueError, TypeError) as error:
        raise BadBlock(f"a damaged block of envelopes ({error}): fetch it again or skip it") from None
    if start != len(block):
        raise BadBlock(f"a damaged block of envelopes: {len(block) - start} bytes too many")
    return envelopes
