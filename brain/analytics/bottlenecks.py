"""Bottlenecks, first form: the handover view of a log flattened on one object type.

Waiting before b, directly after a, on one object is start(b) - complete(a), where a step of one timestamp starts and completes at
once; a negative gap counts as 0 and is reported as an overlap. Processing is complete - start. Equal times are ordered by the
position in a case log and by event id in an object-centric one. This is what pm4py's performance DFG reports.

Here the figures are read anew from a whole log; `live` keeps the same figures up to date as steps come, late ones too, with the
definitions of this module.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from brain.analytics.columnar import ColumnarLives, columns_of
from brain.analytics.columns import edge_gaps
from brain.analytics.lives import MICRO, Gap, Lifecycle, Timed, lives_of, no_steps, once
from brain.ports import Store
from brain.query import Occurrences
from brain.schema import Schema
from brain.sketch import BITS, ERROR, Rounded
from brain.versions import canonical

EXAMPLES = 3
LEAST_FREQUENCY = 10
SHARE_OF_OBJECTS = 0.01

DEFINITION = (
    "handover: waiting = start(next) - complete(previous) on the same object, ts - ts where a step has one timestamp;"
    " negative gaps count as 0 and are told as overlaps; order by start, completion, position in the case, event id;"
    " processing = complete - start"
)
DEFINITION_COMPLETE = (
    "handover over complete transitions alone: waiting = complete(next) - complete(previous) on the same object;"
    " order by completion, position in the case, event id"
)
QUANTILES = "; median and p90 by linear interpolation"
QUANTILES_SKETCHED = f"{QUANTILES} of waits rounded to {BITS} bits, within {ERROR:.1%} of those of the waits themselves"


class Example(NamedTuple):
    """One of the longest waits: evidence to open and read."""

    object: str
    previous: str
    next: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Handover:
    """Waiting between two activities that follow each other directly. Seconds."""

    source: str
    target: str
    count: int
    mean_seconds: float
    median_seconds: float
    p90_seconds: float
    total_seconds: float
    overlaps: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Processing:
    """Time spent in an activity. `count` steps, of which `timed` have both a start and a completion; the mean and the total are
    over those, the mean None where there is none. Seconds."""

    activity: str
    count: int
    timed: int
    mean_seconds: float | None
    total_seconds: float


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """`edges` by total waiting, descending; `by_mean` those of at least `min_frequency` handovers by mean, descending.

    `objects` took part in `steps` steps; `left_out` steps carry no time that the definition uses (scheduled only, suspended, …).
    A median or p90 is at most `quantile_error` of itself away from that of the waits: 0, or `sketch.ERROR` out of a sketch.
    """

    object_type: str
    definition: str
    quantile_error: float
    min_frequency: int
    objects: int
    steps: int
    left_out: int
    ontology_version: str
    edges: tuple[Handover, ...]
    by_mean: tuple[Handover, ...]
    activities: tuple[Processing, ...]


async def bottlenecks(
    store: Store,
    schema: Schema,
    object_type: str,
    *,
    lifecycle: Lifecycle | None = None,
    min_frequency: int | None = None,
    sketched: bool = False,
) -> Bottlenecks:
    """The handover view of all objects of a type (a class of the ontology, or an `objectType` kept as data).

    `min_frequency` defaults to the larger of 10 and 1 % of the objects. `sketched`: with medians and p90 as live figures have
    them. Raises BadQuery where no object of the type has a step.
    """
    found = await _report(store, schema, object_type, lifecycle, min_frequency, sketched)
    if found is None:
        raise await no_steps(store, object_type)
    return found


async def _report(
    store: Store,
    schema: Schema,
    object_type: str,
    lifecycle: Lifecycle | None = None,
    min_frequency: int | None = None,
    sketched: bool = False,
) -> Bottlenecks | None:
    lives, left_out = await lives_of(store.scan(Occurrences(object_type)), lifecycle)
    return handover_view(lives, object_type, lifecycle, schema.version, left_out, min_frequency, sketched) if lives else None


def handover_view(
    lives: Mapping[str, Sequence[Timed]],
    object_type: str,
    lifecycle: Lifecycle | None,
    ontology_version: str,
    left_out: int,
    min_frequency: int | None = None,
    sketched: bool = False,
) -> Bottlenecks:
    """The view of these lives; `left_out` and all else as `Bottlenecks` tells it."""
    if isinstance(lives, ColumnarLives):
        steps, activities = len(lives.flat.start), [processing(*figures) for figures in lives.worked()]
    else:
        found = once(lives)
        steps, activities = len(found), list(_processing(found.values()))
    view = View(object_type, lifecycle, ontology_version, len(lives), steps, left_out, sketched)
    gaps = edge_gaps(columns_of(lives), EXAMPLES)
    edges = (handover(*(edge._replace(waits=Rounded(edge.waits)) if sketched else edge)) for edge in gaps)
    return view.report(edges, activities, min_frequency)


def least_frequency(objects: int) -> int:
    """How often a handover must occur among so many objects before its mean is ranked, where nobody said: 1 %, and at least
    10."""
    return max(LEAST_FREQUENCY, round(objects * SHARE_OF_OBJECTS))


class View(NamedTuple):
    """What a report says beside its figures, as in `Bottlenecks`."""

    object_type: str
    lifecycle: Lifecycle | None
    ontology_version: str
    objects: int
    steps: int
    left_out: int
    sketched: bool = False

    def report(
        self, edges: Iterable[Handover], activities: Iterable[Processing], min_frequency: int | None = None
    ) -> Bottlenecks:
        """The report with these figures, ranked."""
        ranked = sorted(edges, key=lambda e: (-e.total_seconds, e.source, e.target))
        least = least_frequency(self.objects) if min_frequency is None else min_frequency
        frequent = [edge for edge in ranked if edge.count >= least]
        return Bottlenecks(
            object_type=self.object_type,
            definition=(DEFINITION_COMPLETE if self.lifecycle else DEFINITION)
            + (QUANTILES_SKETCHED if self.sketched else QUANTILES),
            quantile_error=ERROR if self.sketched else 0.0,
            min_frequency=least,
            objects=self.objects,
            steps=self.steps,
            left_out=self.left_out,
            ontology_version=self.ontology_version,
            edges=tuple(ranked),
            by_mean=tuple(sorted(frequent, key=lambda e: (-e.mean_seconds, e.source, e.target))),
            activities=tuple(sorted(activities, key=lambda p: (-p.total_seconds, p.activity))),
        )


def handover(source: str, target: str, waits: Sequence[int], total: int, overlaps: int, longest: Iterable[Gap]) -> Handover:
    """The figures of an edge out of its waits in ascending order and their sum, µs, and its `EXAMPLES` longest gaps."""
    return Handover(
        source=source,
        target=target,
        count=len(waits),
        mean_seconds=total / (len(waits) * MICRO),
        median_seconds=quantile(waits, 5),
        p90_seconds=quantile(waits, 9),
        total_seconds=total / MICRO,
        overlaps=overlaps,
        examples=tuple(Example(name, a, b, wait / MICRO) for wait, name, a, b in longest if wait > 0),
    )


def quantile(ordered: Sequence[int], parts: int, of: int = 10) -> float:
    """The quantile `parts`/`of` of sorted µs in seconds, linearly interpolated (Hyndman and Fan's type 7), in integers up to one
    division."""
    i, rest = divmod(parts * (len(ordered) - 1), of)
    above = ordered[i + 1] if rest else ordered[i]
    return (ordered[i] * (of - rest) + above * rest) / (of * MICRO)


def _processing(steps: Iterable[Timed]) -> Iterator[Processing]:
    took: defaultdict[str, list[int | None]] = defaultdict(list)
    for step in steps:
        took[step.activity].append(step.took)
    for activity, all_times in took.items():
        times = [t for t in all_times if t is not None]
        yield processing(activity, len(all_times), len(times), sum(times))


def processing(activity: str, count: int, timed: int, total: int) -> Processing:
    """The figures of an activity out of the sum of its times, µs."""
    return Processing(activity, count, timed, total / (timed * MICRO) if timed else None, total / MICRO)


def lines(found: Bottlenecks) -> Iterator[bytes]:
    """A report as lines of canonical JSON: its figures and their examples, without what was chosen for showing them (the least
    frequency, the ranking) and without the ontology's version."""
    name = found.object_type
    yield canonical(["figures", name, found.objects, found.steps, found.left_out])
    for edge in found.edges:
        *figures, examples = (getattr(edge, f.name) for f in fields(edge))
        yield canonical(["handover", name, *figures, [list(example) for example in examples]])
    for activity in found.activities:
        yield canonical(["processing", name, *(getattr(activity, f.name) for f in fields(activity))])


async def figure_lines(store: Store, schema: Schema) -> AsyncIterator[bytes]:
    """The lines of every type of objects that the store tells, for the hash of a model with its figures."""
    for object_type in await store.object_types():
        # None where no step of theirs carries a time that the definition uses.
        if found := await _report(store, schema, object_type):
            for line in lines(found):
                yield line
