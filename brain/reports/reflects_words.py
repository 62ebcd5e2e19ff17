"""What a graph is of, in words."""

from brain.analytics.graph.reflects import Reflects
from brain.words import point

NAMED = 6
"""Streams that are named."""


def graph_as_of(reflects: Reflects) -> str:
    """`Graph as of 2026-03-02 09:28:51 UTC, as known on 2026-03-03 12:00:00 UTC.`; nothing of the graph as it is."""
    told = point(reflects.as_of, reflects.known_at)
    return f"Graph {told}." if told else ""


def reflected(reflects: Reflects) -> str:
    """The same of whatever graph, with the streams that are in it: `as it is, with all of plant/0 below 7`."""
    marks = [f"{mark.topic}/{mark.partition} below {mark.offset:,}" for mark in reflects.marks]
    more = [f"{len(marks) - NAMED:,} more streams"] if len(marks) > NAMED else []
    streams = ", ".join([*marks[:NAMED], *more])
    told = point(reflects.as_of, reflects.known_at) or "as it is"
    return f"{told}, with all of {streams}" if streams else told
