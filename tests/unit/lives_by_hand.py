"""Lives written by hand: `lives(x="a 0-10 ann, b 25-40")` in whole seconds, a step of one timestamp as `c 50`."""

from brain.analytics.lives import MICRO, Timed


def lives(**written: str) -> dict[str, list[Timed]]:
    """Each object's steps in order. A step is `activity start-end resource`; its id is `object.position`, or `#id` at its end."""
    return {
        name: sorted(_step(f"{name}.{i}", i, text.split()) for i, text in enumerate(life.split(", ")))
        for name, life in written.items()
    }


def _step(name: str, position: int, said: list[str]) -> Timed:
    if said[-1].startswith("#"):
        name, position = said.pop()[1:], 0
    activity, times, *resource = said
    start, _, end = times.partition("-")
    first, last = int(start) * MICRO, int(end or start) * MICRO
    return Timed(first, last, position, name, activity, last - first if end else None, None, resource[0] if resource else None)
