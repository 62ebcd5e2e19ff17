"""What people call a thing, to what the model calls it."""

from brain.errors import BadQuery
from brain.ports import Store
from brain.schema import Schema


async def resolve(store: Store, schema: Schema, name: str) -> str:
    """The id of the node meant by `name`: an id (`pump/7`), or a key (`7`) that one keyspace alone knows.

    Raises BadQuery where nothing, or more than one thing, has that name.
    """
    tried = [name, *(f"{keyspace}/{name}" for keyspace in schema.keyspaces)]
    found = [node.id for node in await store.nodes(tried) if node is not None]
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    if found:
        raise BadQuery(f"{name!r} may mean {', '.join(found)}; write which")
    raise BadQuery(f"the store knows nothing called {name!r}; ids look like {schema.keyspaces[0]}/KEY")
