"""Authority by property: an entity of the rules as several, one for each authority that its properties and links have.

A change set has one authority, and so an event whose properties have several becomes several change sets of one id and one time
(compare ServiceNow's reconciliation rules, which also rank sources attribute by attribute).
"""

from dataclasses import replace

from ingest.rules import Entity


def by_authority(entity: Entity, usual: int) -> dict[int, Entity]:
    """The parts of an entity, by authority; `usual` is that of all which name none. Whoever says nothing more still says that
    the entity exists. `voids` are in none of them."""
    entity = replace(entity, voids=())
    own = _named(entity) - {usual}
    if not own:
        return {usual: entity}
    parts = {authority: _part(entity, authority, usual) for authority in (usual, *sorted(own))}
    rest = parts[usual]
    if not (rest.settings or rest.attributes or rest.spread or rest.links or rest.unlinks or rest.unset):
        del parts[usual]
    return parts


def _named(entity: Entity) -> set[int]:
    named = {s.pick.authority for s in entity.settings} | {pick.authority for _, pick in entity.attributes}
    named |= {link.authority for link in (*entity.links, *entity.unlinks)}
    return {authority for authority in named if authority is not None}


def _part(entity: Entity, authority: int, usual: int) -> Entity:
    def here(own: int | None) -> bool:
        return (usual if own is None else own) == authority

    return replace(
        entity,
        settings=tuple(s for s in entity.settings if here(s.pick.authority)),
        attributes=tuple(a for a in entity.attributes if here(a[1].authority)),
        spread=entity.spread if authority == usual else None,
        links=tuple(link for link in entity.links if here(link.authority)),
        unlinks=tuple(link for link in entity.unlinks if here(link.authority)),
        unset=entity.unset if authority == usual else (),
    )
