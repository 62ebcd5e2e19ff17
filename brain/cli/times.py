"""Times, spans of time and periods, as they are written on the command line."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from brain.analytics.lives import MICRO
from brain.analytics.process_material import Period

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class InstantType(click.ParamType):
    """µs since the epoch of a date or a time; UTC where it names no offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from ingest.times import TimeFormat, clock

        if isinstance(value, int):
            return value
        try:
            return clock(TimeFormat())(value)
        except (ValueError, TypeError):
            self.fail(f"{value!r} is no time: write 2026-03-01 or 2026-03-01T07:30 (UTC), or with an offset", param, ctx)


class SpanType(click.ParamType):
    """Seconds of a number with its unit: s, m, h, d or w."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", value)
        if found is None:
            self.fail(f"{value!r} is no span of time: write a number and s, m, h, d or w, such as 1d", param, ctx)
        return int(found[1]) * SECONDS[found[2]]


INSTANT = InstantType()
SPAN = SpanType()


F = TypeVar("F", bound=Callable[..., Any])


def past_options(command: F) -> F:
    """`--as-of` and `--known-at`, which together are a point in both times."""
    known = click.option("--known-at", type=INSTANT, metavar="TIME", help="Without what was stored later. [default: with all]")
    then = click.option("--as-of", type=INSTANT, metavar="TIME", help="As things were then. [default: as they are]")
    return then(known(command))


def period_of(since: int | None, until: int | None, last: int | None, now: int) -> Period:
    """The period that --since, --until and --last name; wrong use where they contradict each other."""
    if last is not None:
        if since is not None or until is not None:
            raise click.UsageError("--last is a period that ends now: leave out --since and --until")
        return Period(now - last * MICRO, now)
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must be before --until")
    return Period(since, until)
