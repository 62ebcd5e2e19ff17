"""The report in a few plain sentences, read off its figures and nothing else."""

from collections.abc import Iterator

from brain.analytics.bottlenecks import Bottlenecks
from brain.analytics.process_report import ProcessReport
from brain.reports import attributed
from brain.reports.certainty import first_in_words
from brain.reports.why import edge_causes, in_words
from brain.words import duration, share


def finding(report: ProcessReport) -> list[str]:
    """The worst wait, its share of all waiting and why it waits, and what takes long but is work; empty where nothing follows
    anything."""
    return list(_sentences(report)) if report.waits.edges else []


def _sentences(report: ProcessReport) -> Iterator[str]:
    worst = report.waits.edges[0]
    waiting = sum(edge.total_seconds for edge in report.waits.edges)
    if not waiting:
        yield "Nothing waits: every step begins when the one before it ends, or earlier."
        return
    yield (
        f"Work waits longest between {worst.source!r} and {worst.target!r}: {duration(worst.total_seconds)} in all,"
        f" {duration(worst.mean_seconds)} in the mean over {worst.count:,} handovers."
    )
    yield f"That one handover is {share(worst.total_seconds, waiting)} of all waiting."
    if why := edge_causes(report.causes).get((worst.source, worst.target)):
        yield in_words(why)
    if report.attribution:
        yield from attributed.in_words(report.attribution, worst.source, worst.target)
    if report.confidence and report.confidence.by_total:
        yield first_in_words(report.confidence.by_total, report.confidence.resamples)
    yield from _longest_work(report.waits)


def _longest_work(waits: Bottlenecks) -> Iterator[str]:
    timed = [a for a in waits.activities if a.mean_seconds is not None]
    if timed:
        longest = max(timed, key=lambda a: a.mean_seconds or 0)
        takes = duration(longest.mean_seconds)
        yield f"{longest.activity!r} takes longest once it has begun ({takes} in the mean), but that is work."
