"""What subscribers are told of a batch after its commit."""

from collections.abc import Sequence
from typing import assert_never

from brain.model import Assert, ChangeSet, Flag, Notice, Retract, Void
from brain.registers import new


def notices(batch: Sequence[ChangeSet]) -> list[Notice]:
    """One notice for each subject of each event, in the batch's order. A relation with several links is named once."""
    told: list[Notice] = []
    for changes in batch:
        for change in changes.changes:
            match change:
                case Assert() | Retract():
                    names = (*change.properties, *change.attributes, *dict.fromkeys([link.relation for link in change.links]))
                case Flag():
                    names = (change.property,)
                case Void():
                    names = ()
                case _:
                    assert_never(change)
            told.append(new(Notice, (change.subject, change.cls, names, changes.event, changes.valid)))
    return told
