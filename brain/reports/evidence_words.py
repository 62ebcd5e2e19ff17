"""What says that the dependencies on a way hold, in words and rows."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from brain.analytics.graph.evidence import Evidenced
from brain.analytics.graph.impact import Carrier
from brain.reports.dependency_things import Carried
from brain.words import iso, moment

LINK_COLUMNS = ("said", "event", "eventSource")


class Led(Carried, Protocol):
    """A thing with the way that leads to it, or from it."""

    @property
    def id(self) -> str: ...


def own_link(row: Led) -> Evidenced | None:
    """The last link on the way to what is lost, the first from what may be behind it: those before or after it are told with the
    things on the way."""
    return next((link for link in _said(row.via) if row.id in (link.provider, link.dependent)), None)


def link_cells(row: Led) -> tuple[str, str, str]:
    """Of its own link, what `LINK_COLUMNS` name."""
    link = own_link(row)
    return ("", "", "") if link is None or link.said is None else (iso(link.said), link.event or "", link.event_source or "")


def day(row: Led) -> str:
    """The day on which its own link was last said."""
    link = own_link(row)
    return "" if link is None else moment(link.said).split()[0]


def said_last(row: Carried) -> str:
    """The newest link on the way, and by what it holds: of a circle most likely the slip."""
    link = max(_said(row.via), key=lambda one: one.said or 0, default=None)
    if link is None:
        return ""
    said = f"event {link.event} of {link.event_source}"
    return f"{link.dependent} by {link.relation} on {link.provider}, {moment(link.said)}, {said}"


def links_on(rows: Iterable[Carried]) -> list[Evidenced]:
    """Each link on these ways once, in their order, with what says so."""
    return list(dict.fromkeys(link for row in rows for link in _said(row.via)))


def _said(via: Iterable[Carrier]) -> Iterator[Evidenced]:
    return (link for link in via if isinstance(link, Evidenced) and link.said is not None)
