"""A process report as tables for people, on stdout."""

from brain.analytics.process_report import ProcessReport
from brain.cli.tables import print_bottlenecks


def print_report(report: ProcessReport, top: int) -> None:
    print_bottlenecks(report.waits, top)
