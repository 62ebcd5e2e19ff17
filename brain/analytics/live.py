"""Live process figures: what `bottlenecks` reads out of a whole log, kept up to date as steps come, change and go, in any order.

A step that comes late, between two known ones, retracts their handover and adds two. All sums are of integers, so that what was
taken back leaves no trace, and a report is at any moment the one that a batch over the same steps gives, to the last byte, with
its medians and p90 out of a `sketch`. The sums (`tally`) are as few as the edges, and the lives and steps behind them lie on a
`shelf` once they are quiet: memory does not grow with the number of closed cases. `follow` feeds the figures from a store.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from sys import intern

import orjson

from brain.analytics import reserve
from brain.analytics.bottlenecks import Bottlenecks
from brain.analytics.lives import Gap, Lifecycle, Timed, outranks, timed
from brain.analytics.reserve import Reserve
from brain.analytics.shelf import Shelf, Shelved
from brain.analytics.tally import Tally
from brain.model import Occurrence

Account = Timed | None
"""What a step is to an object: None where it carries no time that the definition uses."""


class Figures:
    """The handover view of the objects of one type: a function of the set of their occurrences, however it came about.

    One change costs O(log n) in the steps of the object (their order is one array: 0.1 ms among a million) where its life is in
    memory, and the reading of that life where it is not; a report some microseconds an edge. The two halves know nothing of each
    other: workers may share the lives among them by object and the steps by step, and what they have is `merged`.
    """

    def __init__(self, lifecycle: Lifecycle | None = None, shelf: Shelf | None = None, name: str = "") -> None:
        """`name` is of these figures on the shelf; what the shelf has under it is taken up as it was saved."""
        self._lifecycle = lifecycle
        self._shelf = shelf or Shelf()
        self.name = name
        saved = self._shelf.word(f"tally {name}")
        self.tally = Tally() if saved is None else Tally.from_json(saved)
        self.lives = Lives(self.tally, self._shelf, f"lives {name}")
        self.steps = Steps(self.tally, self._shelf, f"steps {name}")

    def put(self, o: Occurrence) -> None:
        """The step is now so in the life of the object, whether or not it was known; again changes nothing."""
        now = account(o, self._lifecycle)
        self.lives.put(o.object, o.step, now)
        self.steps.put(o.object, o.step, now)

    def remove(self, name: str, step: str) -> None:
        """The step is no longer in the life of the object; nothing where it never was."""
        self.lives.remove(name, step)
        self.steps.remove(name, step)

    def replace_step(self, step: str, found: Iterable[Occurrence]) -> None:
        """These are all that there is of the step."""
        now = {o.object: o for o in found}
        for name in [n for n in self.steps.objects_of(step) if n not in now]:
            self.remove(name, step)
        for o in now.values():
            self.put(o)

    def replace_object(self, name: str, found: Iterable[Occurrence]) -> None:
        """These are all that there is of the object."""
        now = {o.step: o for o in found}
        for step in [s for s in self.lives.of(name) if s not in now]:
            self.remove(name, step)
        for o in now.values():
            self.put(o)

    def report(self, object_type: str, ontology_version: str, min_frequency: int | None = None) -> Bottlenecks | None:
        """What `bottlenecks` would report, sketched; None where no object has a step with a time, of which it makes an error."""
        return self.tally.report(object_type, self._lifecycle, ontology_version, min_frequency)

    def save(self) -> None:
        """All of it is on the shelf, to be kept with what else is noted there."""
        self.lives.save()
        self.steps.held.save()
        self._shelf.note(f"tally {self.name}", self.tally.to_json())

    def discard(self) -> None:
        """Nothing of it is left on the shelf; the figures are not used again."""
        self.lives.discard()
        self.steps.held.discard()
        self._shelf.forget(f"tally {self.name}")


def account(o: Occurrence, lifecycle: Lifecycle | None) -> Account:
    """What the step is to the object."""
    now = timed(o, lifecycle)
    # No figure here depends on who carried it out, nor on since when it could have begun: a change of these is none.
    return now and tuple.__new__(Timed, (*now[:6], None, None))


class _Life:
    """The accounts of one object: by step, and those with a time in order."""

    __slots__ = ("by_step", "order")

    def __init__(self) -> None:
        self.by_step: dict[str, Account] = {}
        self.order: list[Timed] = []

    def __len__(self) -> int:
        return len(self.by_step)

    def pack(self) -> bytes:
        return orjson.dumps([[step[:6] for step in self.order], [name for name, a in self.by_step.items() if a is None]])

    @classmethod
    def unpack(cls, packed: bytes) -> "_Life":
        order, aside = orjson.loads(packed)
        life = cls()
        life.order = [_timed(*step) for step in order]
        life.by_step = {step.step: step for step in life.order}
        life.by_step.update(dict.fromkeys(aside))
        return life


def _timed(start: int, end: int, sequence: int, step: str, activity: str, took: int | None) -> Timed:
    return Timed(start, end, sequence, step, intern(activity), took)


class Lives:
    """The lives of objects, whose handovers it keeps in the tally."""

    def __init__(self, tally: Tally, shelf: Shelf, table: str) -> None:
        self._tally = tally
        self.held: Shelved[_Life] = Shelved(shelf, table, _Life.pack, _Life.unpack, len)
        self._reserve = Reserve(shelf, f"reserve {table}")

    def put(self, name: str, step: str, now: Account) -> None:
        """What the step is now to the object."""
        life = self.held.get(name)
        if life is None:
            life, more = _Life(), 1
        elif step in life.by_step:
            was, more = life.by_step[step], 0
            if was == now:
                return
            if was is not None:
                self._take_out(name, life.order, was)
        else:
            more = 1
        life.by_step[step] = now
        if now is not None:
            self._insert(name, life.order, now)
        self.held.put(name, life, more)
        self._settle()

    def remove(self, name: str, step: str) -> None:
        """The step is nothing to the object."""
        life = self.held.get(name)
        if life is None or step not in life.by_step:
            return
        was = life.by_step.pop(step)
        if was is not None:
            self._take_out(name, life.order, was)
        if life.by_step:
            self.held.put(name, life, -1)
        else:
            self.held.drop(name)
        self._settle()

    def save(self) -> None:
        """All of it is on the shelf."""
        self.held.save()
        self._reserve.shelve(self._tally)

    def discard(self) -> None:
        """Nothing of it is left on the shelf."""
        self.held.discard()
        self._reserve.discard()

    def _settle(self) -> None:
        """The longest waits are known, and no more of the others are held in memory than may be."""
        tally = self._tally
        while tally.short:
            key = tally.short.pop()
            self._reserve.refill(tally, key, partial(self._holds, key))
        if tally.spares > reserve.MOST:
            self._reserve.shelve(tally)

    def _holds(self, key: tuple[str, str], gap: Gap) -> bool:
        """Whether it is a gap of this edge, now."""
        length, name, first, second = gap
        life = self.held.get(name)
        a, b = (life.by_step.get(first), life.by_step.get(second)) if life else (None, None)
        if life is None or a is None or b is None or (a.activity, b.activity) != key or b.start - a.end != length:
            return False
        after = bisect_left(life.order, a) + 1
        return after < len(life.order) and life.order[after] == b

    def of(self, name: str) -> Mapping[str, Account]:
        """What each of its steps is to the object."""
        life = self.held.get(name)
        return {} if life is None else life.by_step

    def _insert(self, name: str, order: list[Timed], step: Timed) -> None:
        tally = self._tally
        insort(order, step)
        size = len(order)
        if size == 1:
            tally.objects += 1
            return
        at = size - 1 if order[-1] is step else bisect_left(order, step)
        before = order[at - 1] if at else None
        after = order[at + 1] if at + 1 < size else None
        if before is not None and after is not None:
            tally.retract(name, before, after)
        if before is not None:
            tally.hand_over(name, before, step)
        if after is not None:
            tally.hand_over(name, step, after)

    def _take_out(self, name: str, order: list[Timed], step: Timed) -> None:
        tally = self._tally
        at = bisect_left(order, step)
        del order[at]
        before = order[at - 1] if at else None
        after = order[at] if at < len(order) else None
        if before is not None:
            tally.retract(name, before, step)
        if after is not None:
            tally.retract(name, step, after)
        if before is not None and after is not None:
            tally.hand_over(name, before, after)
        tally.objects -= not order


_Step = dict[str, Account]
"""What a step is to each of its objects."""
_Counted = tuple[Account, bool]
"""The account of a step that counts for its activity, and whether the step is left out to some object."""
NOTHING: _Counted = None, False


class Steps:
    """What each step is to its objects. It counts once for its activity, in the tally, however many these are."""

    def __init__(self, tally: Tally, shelf: Shelf, table: str) -> None:
        self._tally = tally
        self.held: Shelved[_Step] = Shelved(shelf, table, _pack, _unpack, len)

    def put(self, name: str, step: str, now: Account) -> None:
        """What the step is now to the object."""
        held = self.held.get(step)
        if held is None:
            held = {name: now}
            self._change(NOTHING, (now, now is None))
        elif name not in held and now in held.values():
            held[name] = now  # It is what it was to another object: nothing new.
        elif name in held and held[name] == now:
            return
        else:
            before = _counts(held)
            held[name] = now
            self._change(before, _counts(held))
        self.held.put(step, held, 1)

    def remove(self, name: str, step: str) -> None:
        """The step is nothing to the object."""
        held = self.held.get(step)
        if held is None or name not in held:
            return
        was = held.pop(name)
        if was not in held.values():
            self._change(_counts({**held, name: was}), _counts(held))
        if held:
            self.held.put(step, held, -1)
        else:
            self.held.drop(step)

    def objects_of(self, step: str) -> Collection[str]:
        held = self.held.get(step)
        return () if held is None else held.keys()

    def _change(self, before: _Counted, now: _Counted) -> None:
        self._tally.left_out += now[1] - before[1]
        if before[0] != now[0]:
            if before[0] is not None:
                self._tally.work(before[0], -1)
            if now[0] is not None:
                self._tally.work(now[0], 1)


def _counts(held: _Step) -> _Counted:
    highest: Account = None
    for one in held.values():
        if one is not None and (highest is None or outranks(one, highest)):
            highest = one
    return highest, None in held.values()


def _pack(held: _Step) -> bytes:
    """Its objects by what it is to them, which mostly is one and the same."""
    if len(held) == 1:
        [(name, one)] = held.items()
        return orjson.dumps(((one and one[:6], (name,)),))
    accounts: dict[Account, list[str]] = {}
    for name, one in held.items():
        accounts.setdefault(one, []).append(name)
    return orjson.dumps([[one and one[:6], names] for one, names in accounts.items()])


def _unpack(packed: bytes) -> _Step:
    found = ((one and _timed(*one), names) for one, names in orjson.loads(packed))
    return {name: one for one, names in found for name in names}
