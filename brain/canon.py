"""The canonical model and its hash: what two stores must agree on, whatever came in whichever order.

One line of canonical JSON a node, an edge that holds, a version and a quality flag, each with the stamps that prove it; the hash
is the SHA-256 over the sorted SHA-256 digests of the lines. `received` and `recorded` times are not in it: they tell when we
heard, not what is so. Marks and dead letters are not in it either.
"""

from collections.abc import AsyncIterator
from hashlib import sha256

from brain.ports import Store
from brain.query import Edges, Nodes, Qualities, Versions
from brain.schema import ROOT
from brain.versions import body, canonical, written


async def canonical_lines(store: Store) -> AsyncIterator[bytes]:
    """Every line of the canonical model, in no promised order."""
    async for node in store.scan(Nodes(ROOT)):
        stamps = {name: written(stamp) for name, stamp in node.stamps.items()}
        yield canonical(["node", node.id, node.cls, node.properties, node.attributes, stamps])
        for name, spans in node.spans.items():
            yield canonical(["spans", node.id, name, [[*span] for span in spans]])
    async for edge in store.scan(Edges()):
        yield canonical(["edge", *edge[:4], written(edge.stamp)])
    async for version in store.scan(Versions()):
        yield canonical(["version", version.subject, written(version.stamp)]) + body(version)
    async for quality in store.scan(Qualities()):
        yield canonical(["quality", *quality])


async def model_hash(store: Store) -> str:
    """SHA-256 of the canonical model, in hexadecimal. Needs 32 bytes of memory a line."""
    return await hash_of(canonical_lines(store))


async def hash_of(*parts: AsyncIterator[bytes]) -> str:
    """SHA-256 over the sorted digests of all lines, in hexadecimal."""
    digests = sorted([sha256(line).digest() for part in parts async for line in part])
    return sha256(b"".join(digests)).hexdigest()
