"""What an answer is of: the point in both times, and how much of what streams had told it reflects."""

from dataclasses import dataclass

from brain.model import Instant, Mark
from brain.ports import Store
from brain.query import AsOf
from brain.rewound import point_of


@dataclass(frozen=True, slots=True)
class Reflects:
    """The graph of which an answer is: as of a point in valid time, as known at one in recorded time (null: now). Every record
    below one of the `marks` is in it: they are where the streams were just before all of it was read. A graph that is kept live
    was read once, and is told of what is stored since: so many notices that bear on it were `followed`, and are in it too.

    Marks are not told anew with what is followed: a stream's position is stored with a commit, before its notices come, so that
    what lies below a newer mark need not be in the graph yet. They are when all is read anew: after notices were lost. There are
    none where `known_at` is given, since nothing keeps where the streams were then.
    """

    as_of: Instant | None = None
    known_at: Instant | None = None
    marks: tuple[Mark, ...] = ()
    followed: int = 0


def reflecting(at: AsOf, marks: tuple[Mark, ...], followed: int = 0) -> Reflects:
    """Of what was read at a point, with so many notices since."""
    as_of, known_at = (None if time is None else Instant(time) for time in at)
    return Reflects(as_of, known_at, marks, followed)


async def marks_at(store: Store, at: AsOf) -> tuple[Mark, ...]:
    """Where the streams are just before something is read at that point; none of what was known then."""
    return tuple(await store.marks()) if at.known is None else ()


async def reflects_of(store: Store) -> Reflects:
    """Of what is read from now on out of a store, or of one as it was (`brain.rewound`)."""
    at = point_of(store)
    return reflecting(at, await marks_at(store, at))
