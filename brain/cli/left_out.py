"""What rows of CSV have no place for: that they are not all, or that not all was looked at. It is said on stderr."""

import click


def say_left_out(told: int, count: int, partial: bool, option: str | None = None) -> None:
    """Of so many that were found; with the option by which more are told, if there is one."""
    if told < count:
        more = "" if option is None else f": ask for more with {option}"
        click.echo(f"{told:,} of {count:,} are told{more}.", err=True)
    say_partial(partial)


def say_partial(partial: bool) -> None:
    if partial:
        click.echo("Partial: not all was looked at; --format json says what was not.", err=True)
