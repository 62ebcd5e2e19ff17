"""`brain report`: what the analytics found, for people and for programs."""

import click

from brain.cli.report_bottlenecks import bottlenecks
from brain.cli.report_compare import compare
from brain.cli.report_dependencies import dependencies
from brain.cli.report_impact import impact
from brain.cli.report_observed import observed
from brain.cli.report_scenario import scenario


@click.group()
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


report.add_command(bottlenecks)
report.add_command(compare)
report.add_command(dependencies)
report.add_command(observed)
report.add_command(impact)
report.add_command(scenario)
