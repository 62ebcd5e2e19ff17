"""What carries the waiting and which states explain it, in words and bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from brain.analytics.attribution import Attributed, Attribution, StateShare
from brain.analytics.carriers import CarrierPart
from brain.analytics.troubles import Trouble
from brain.reports.charts import Part
from brain.words import duration, share, things

SHOWN = 5
"""Carriers of a kind, and states of a handover."""
UNSURE = 3

WAS = {Trouble.DOWN: "was down", Trouble.DEGRADED: "was degraded", Trouble.POOR_DATA: "gave poor data"}


@dataclass(frozen=True, slots=True)
class CarrierRow:
    """A person, a team or an asset, or why there is none, with its part of the waiting."""

    name: str
    known: bool
    part: Part
    seconds: float
    share: str
    waits: int


@dataclass(frozen=True, slots=True)
class CarrierTable:
    """The largest parts of one view; `rest` says what is left of it."""

    title: str
    about: str
    rows: tuple[CarrierRow, ...]
    rest: str | None


@dataclass(frozen=True, slots=True)
class StateRow:
    """A trouble: the bar has what would coincide by chance, then what does beyond it."""

    state: StateShare
    where: str
    was: str
    parts: tuple[Part, ...]
    spoken: str
    beyond: str
    sure: str
    about: tuple[str, ...]


def carrier_tables(found: Attributed) -> list[CarrierTable]:
    """Of those views in which anybody is known."""
    views = (
        ("Person", "that carried out the awaited step", found.persons),
        ("Team", "of whoever carried it out, at the time", found.teams),
        ("Asset", "that carried it out, or at which it was", found.assets),
    )
    return [_table(*view) for view in views if any(part.who is not None for part in view[-1])]


def _table(title: str, about: str, parts: Sequence[CarrierPart]) -> CarrierTable:
    shown, left = parts[:SHOWN], parts[SHOWN:]
    rest = f"{len(left):,} more carry {share(sum(part.share for part in left))}" if left else None
    return CarrierTable(title, about, tuple(_row(part) for part in shown), rest)


def _row(part: CarrierPart) -> CarrierRow:
    fill = "wait" if part.who is not None else "unexplained"
    bar = Part(fill, 0.0, 100 * part.share)
    return CarrierRow(part.who or part.reason or "", part.who is not None, bar, part.seconds, share(part.share), part.waits)


def state_rows(found: Attribution) -> list[StateRow]:
    """Those of the whole, few of which that could be chance; then of each handover what is sure."""
    sure = [state for state in found.whole.states if state.sure]
    unsure = [state for state in found.whole.states if not state.sure][:UNSURE]
    rows = [_state(state, "all waiting") for state in (*sure, *unsure)]
    for one in found.handovers:
        sure = [state for state in one.states if state.sure][:SHOWN]
        rows += [_state(state, f"{one.source} → {one.target}") for state in sure]
    return rows


def _state(state: StateShare, where: str) -> StateRow:
    by_chance = 100 * min(state.coincides_seconds, state.chance_seconds) / state.coincides_seconds * state.coincides_share
    parts = (Part("unexplained", 0.0, by_chance), Part("wait", by_chance, 100 * state.coincides_share - by_chance))
    beyond = share(max(state.excess_share, 0.0))
    spoken = f"{share(state.coincides_share)} of the waiting coincides, {beyond} beyond chance"
    sure = "sure" if state.sure else "could be chance"
    return StateRow(
        state, where, WAS[state.trouble], parts, spoken, beyond, f"{sure} (q = {state.q_value:.2g})", tuple(_about(state))
    )


def _about(state: StateShare) -> Iterator[str]:
    yield f"{things(state.times, 'time')}, {duration(state.trouble_seconds)} in all; met {things(state.waits, 'wait')}"
    if state.began and state.began.difference:
        means = duration(state.began.mean_during_seconds), duration(state.began.mean_otherwise_seconds)
        yield f"waits that began then took {means[0]}, others {means[1]}"
    for other in state.beside:
        yield f"{share(other.share)} of that while {other.id} {WAS[other.trouble]} too"


def excess_in_words(state: StateShare) -> str:
    """The interval of the share that the trouble explains."""
    if state.excess is None:
        return "too few for an interval"
    return f"{_percent(state.excess.low)} to {_percent(state.excess.high)} %"


def _percent(part: float) -> str:
    return f"{100 * part:.0f}".replace("-0", "0").replace("-", "−")


def in_words(found: Attribution, source: str, target: str) -> Iterator[str]:
    """What explains that handover, as far as that is sure, as a sentence."""
    for one in found.handovers:
        if (one.source, one.target) == (source, target):
            for state in [state for state in one.states if state.sure][:1]:
                told, chance = share(state.coincides_share), share(state.chance_seconds, one.seconds)
                yield f"{told} of it fell in times when {state.id} {WAS[state.trouble]}, where chance would have {chance}."
