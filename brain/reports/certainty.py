"""How sure a figure is, in words."""

from collections.abc import Iterator

from brain.analytics.confidence import Confidence, EdgeConfidence, FirstPlace
from brain.words import interval, share, things


def edge_confidence(found: Confidence | None) -> dict[tuple[str, str], EdgeConfidence]:
    """How sure each handover is, by its ends."""
    return {(e.source, e.target): e for e in found.edges} if found else {}


def rank_remark(edge: EdgeConfidence | None) -> str | None:
    """A word beside the rank where it could as well be another."""
    if edge is None or edge.best_rank == edge.worst_rank:
        return None
    return f"rank {edge.best_rank} to {edge.worst_rank}"


def first_in_words(first: FirstPlace, resamples: int) -> str:
    """Whether the first place is sure; which others it could as well be where it is not."""
    stays = f"it stays first in {share(first.share)} of {resamples} draws of the objects"
    others = [
        f"{one.source!r} → {one.target!r} ({share(one.share)})"
        for one in first.could_be
        if one[:2] != (first.source, first.target)
    ]
    if first.sure or not others:
        return f"That rank is {'' if first.sure else 'not '}sure: {stays}."
    return f"That rank is not sure: {stays}; it could as well be {', '.join(others)}."


def in_words(edge: EdgeConfidence, found: Confidence) -> Iterator[str]:
    """Its intervals and its rank, as sentences."""
    if edge.mean is None or edge.total is None:
        yield f"Only {things(edge.objects, 'object')} had it: too few for an interval."
        return
    total, mean = interval(edge.total.low, edge.total.high), interval(edge.mean.low, edge.mean.high)
    yield f"{share(found.level)} interval, from {found.resamples} draws of the objects: {total} in all, {mean} in the mean."
    if edge.best_rank == edge.worst_rank:
        yield f"It is number {edge.rank} in nearly all of these draws."
    else:
        yield (
            f"It ranks {edge.rank} here, and from {edge.best_rank} to {edge.worst_rank} in nine of ten draws;"
            f" it comes first in {share(edge.first_share)} of them."
        )
