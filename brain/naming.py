"""What people call a thing, to what the model calls it."""

from brain.errors import BadQuery
from brain.ports import Store
from brain.query import Condition, Find, Op
from brain.schema import ROOT, Schema

SOME = 3
"""Ids that are told where several are meant."""


async def resolve(store: Store, schema: Schema, name: str) -> str:
    """The id of the node meant by `name`: an id (`pump/7`), a key (`7`) that one keyspace alone knows, or a name that one thing
    alone has.

    Raises BadQuery where nothing, or more than one thing, is called so.
    """
    tried = [name, *(f"{keyspace}/{name}" for keyspace in schema.keyspaces)]
    found = [node.id for node in await store.nodes(tried) if node is not None]
    if not found:
        found = await _found(store, Condition("name", Op.EQ, name))
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    if found:
        raise BadQuery(f"{name!r} may mean {', '.join(found)}; write which")
    written = dict.fromkeys((name, name.upper()))
    alike = [id for text in written for id in await _found(store, Condition("id", Op.CONTAINS, text))]
    mend = f"did you mean {' or '.join(dict.fromkeys(alike))}?" if alike else f"ids look like {schema.keyspaces[0]}/KEY"
    raise BadQuery(f"the store knows nothing called {name!r}; {mend}")


async def _found(store: Store, condition: Condition) -> list[str]:
    """The first ids of those that meet it."""
    return [node.id for node in (await store.find(Find(ROOT, (condition,), SOME))).nodes]
