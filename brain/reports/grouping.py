"""More things than a drawing holds, as groups: few enough boxes to read, and as fine as that allows."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence

MOST = 50
"""Boxes that are legible in one drawing."""

Ladder = Sequence[Hashable]
"""The groups to which a thing could belong, from the finest to its class; that of each step lies within that of the next."""


def grouped(ladders: Mapping[str, Ladder], kept: Collection[str], most: int = MOST) -> list[list[str]]:
    """Groups of all the things, at most `most` of them, in the order in which their first things come; those that are `kept`
    stay by themselves (fewer of them than `most`). While there are too many, the class with the most boxes is put together one
    step further; once each class is one box, the smallest classes become one."""
    members: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name, ladder in ladders.items():
        if name not in kept:
            members[ladder[-1]].append(name)
    step = dict.fromkeys(members, 0)
    boxes = {cls: len(names) for cls, names in members.items()}
    while sum(boxes.values()) + len(kept) > most and (finer := [cls for cls in boxes if boxes[cls] > 1]):
        cls = max(finer, key=lambda cls: boxes[cls])
        step[cls] += 1
        boxes[cls] = len({ladders[name][step[cls] - 1] for name in members[cls]})
    spare = _smallest(members, len(boxes) + len(kept) - most) if sum(boxes.values()) == len(boxes) else set()
    found: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name, ladder in ladders.items():
        cls = ladder[-1]
        alone = name in kept or not step[cls]
        found[("rest",) if cls in spare and name not in kept else name if alone else (cls, ladder[step[cls] - 1])].append(name)
    return list(found.values())


def _smallest(members: Mapping[Hashable, Sequence[str]], surplus: int) -> set[Hashable]:
    """The smallest classes whose box, in place of theirs, takes the surplus away."""
    return set(sorted(members, key=lambda cls: len(members[cls]))[: surplus + 1]) if surplus > 0 else set()
