"""The report in a few plain sentences, read off its figures and nothing else."""

from brain.analytics.bottlenecks import Bottlenecks
from brain.words import duration, share


def finding(found: Bottlenecks) -> list[str]:
    """The worst wait, its share of all waiting, and what takes long but is work; empty where nothing follows anything."""
    if not found.edges:
        return []
    worst = found.edges[0]
    waiting = sum(edge.total_seconds for edge in found.edges)
    if not waiting:
        return ["Nothing waits: every step begins when the one before it ends, or earlier."]
    said = [
        f"Work waits longest between {worst.source!r} and {worst.target!r}: {duration(worst.total_seconds)} in all,"
        f" {duration(worst.mean_seconds)} in the mean over {worst.count:,} handovers.",
        f"That one handover is {share(worst.total_seconds, waiting)} of all waiting.",
    ]
    timed = [a for a in found.activities if a.mean_seconds is not None]
    if timed:
        longest = max(timed, key=lambda a: a.mean_seconds or 0)
        takes = duration(longest.mean_seconds)
        said.append(f"{longest.activity!r} takes longest once it has begun ({takes} in the mean), but that is work.")
    return said
