"""`brain report`: what the analytics found, for people and for programs."""

import click

from brain.cli.lazy import Lazy

REPORTS = {
    name: f"brain.cli.report_{name}:{name}"
    for name in ("bottlenecks", "compare", "dependencies", "observed", "impact", "scenario")
}


@click.group(cls=Lazy, where=REPORTS)
def report() -> None:
    """Reports: where time is lost, and what hangs on what.

    \b
    brain report bottlenecks --object-type items --format html > items.html
    brain report compare 2026-02-01..2026-03-01 2026-03-01..2026-04-01
    brain report dependencies asset/PUMP-07 --down
    brain report observed --object-type items
    brain report impact asset/ROB-1 --for 2h
    brain report scenario --without asset/ROB-1
    """
