"""What is observed to follow what, as a layer beside a snapshot: declared dependencies alone say what is lost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from brain.analytics.deadline import deadline, left
from brain.analytics.observed import Between, Observed, ObservedDependencies, observed_between
from brain.model import Node
from brain.ports import Store
from brain.schema import ROOT, Schema

RELATION = "follows"
WAITS = "waitsWhile"
"""The relation of an activity to an asset in whose state it is waited for."""
ACTIVITY = "Activity"
"""What stands for a class where a step's activity is drawn or exported: it is a name, and no node of the model."""


class Follows(NamedTuple):
    """An observed dependency between two ids: of a resource or an asset its own, of an activity `activity/NAME`."""

    provider: str
    dependent: str
    object_type: str
    between: Between
    told: Observed

    @property
    def relation(self) -> str:
        return RELATION if self.told.trouble is None else WAITS


@dataclass(frozen=True, slots=True)
class Layer:
    """What was found for each object type, of each kind; and the resources and assets, as far as known."""

    found: tuple[ObservedDependencies, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def edges(self, *kinds: Between) -> Iterator[Follows]:
        """All of them, or those of some kinds alone."""
        for found in self.found:
            if found.between in (kinds or Between):
                for told in found.edges:
                    first = activity(told.provider) if found.between is Between.ACTIVITIES else told.provider
                    then = told.dependent if found.between is Between.RESOURCES else activity(told.dependent)
                    yield Follows(first, then, found.object_type, found.between, told)

    def class_of(self, id: str) -> str:
        if id.startswith(activity("")):
            return ACTIVITY
        return self.nodes[id].cls if id in self.nodes else ROOT

    def name_of(self, id: str) -> str | None:
        if self.class_of(id) == ACTIVITY:
            return id.partition("/")[2]
        name = self.nodes[id].properties.get("name") if id in self.nodes else None
        return name if isinstance(name, str) else None


NOTHING = Layer()


def activity(name: str) -> str:
    """The id under which an activity is drawn or exported."""
    return f"{ACTIVITY.lower()}/{name}"


async def read_layer(store: Store, schema: Schema, object_types: Sequence[str] = (), patience: float | None = None) -> Layer:
    """Of the objects of these types, of all that have steps if none is named. Within each finding at most `observed.SHARE` of
    what is told is there by chance. `patience`, in seconds, is shared by all types."""
    until, found = deadline(patience), list[ObservedDependencies]()
    types = object_types or sorted(await store.object_types())
    for i, object_type in enumerate(types):
        seconds = left(until, len(types) - i)
        found += await observed_between(store, schema, object_type, tuple(Between), patience=seconds)
    layer = Layer(tuple(found))
    ids = sorted({end for edge in layer.edges() for end in (edge.provider, edge.dependent) if layer.class_of(end) != ACTIVITY})
    nodes = await store.nodes(ids)
    return Layer(layer.found, {id: node for id, node in zip(ids, nodes, strict=True) if node is not None})
