"""Process reports to look at: small ones with every section, long names, hostile names."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from brain.analytics.comparison import Comparison, compared
from brain.analytics.device_states import StateSpan
from brain.analytics.lives import MICRO, Timed
from brain.analytics.process_material import Asked, Material, Period, Section
from brain.analytics.process_report import ProcessReport, compose
from brain.analytics.surroundings import Kind, Surroundings
from brain.analytics.troubles import Sign, Signs, Trouble
from brain.analytics.upstream import ALWAYS, Need
from brain.reports.differences import comparison_page
from brain.reports.page import report_page

HOUR = 3600 * MICRO
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "</title></style><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(3)&lt;b&gt;",
    "abc\u202edcba\u0000\ud800",
    "Ünï𝒸ödé 長い名前の活動はここに書かれていますそしてさらに続く",
    "W" * 200,
    "",
)
PLAIN = ("Receive order", "Check credit worthiness of customer", "Pick", "Pack", "Ship", "Invoice", "Remind")


def random_lives(activities: Sequence[str], objects: int, seed: int) -> dict[str, list[Timed]]:
    """Objects that mostly run through the activities in order, sometimes skip, repeat or go back; by three people."""
    chance = random.Random(seed)
    lives: dict[str, list[Timed]] = {}
    for n in range(objects):
        at, i, life = chance.randrange(1000) * HOUR, 0, []
        while i < len(activities):
            at += int(chance.expovariate(1 / (1 + 5 * (i % 3))) * HOUR)
            took = int(chance.uniform(0.1, 1) * HOUR)
            who = f"person/{chance.randrange(3)}"
            life.append(Timed(at, at + took, -1, f"step/{n}-{len(life)}", activities[i], took, None, who))
            at += took
            i += chance.choice((1, 1, 1, 1, 2, 0, -1 if i else 1))
        lives[f"object/{n}"] = life
    return lives


def report_of(lives: Mapping[str, list[Timed]], object_type: str = "order") -> ProcessReport:
    """Every section that the lives give, but what would help, which takes long."""
    asked = Asked(sections=frozenset(Section) - {Section.RELIEF})
    return compose(Material(object_type, "test", asked, 3, lives, {}, {}, "", {}, frozenset()))


@cache
def complete() -> ProcessReport:
    """With every section: the second half of the time, machines that report states, items beside the orders."""
    lives = random_lives(PLAIN, 80, 5)
    middle = 500 * HOUR
    period = Period(middle, 2000 * HOUR)
    inside = {name: life for name, life in lives.items() if max(step.end for step in life) >= middle}
    outside = {name: life for name, life in lives.items() if name not in inside}
    items = {f"item/{name}": life[1::2] for name, life in inside.items()}
    states = ("running", "idle", "down", "reticulating")
    spans = {
        f"person/{n}": [
            StateSpan(f"person/{n}", middle + i * HOUR, middle + (i + 1) * HOUR, states[(i * (n + 1)) % 4]) for i in range(400)
        ]
        for n in range(3)
    }
    flagged = frozenset({"step/1-1"})
    around = surrounded(middle, [f"person/{n}" for n in range(3)])
    return compose(
        Material("order", "test", Asked(period=period), 3, inside, outside, {"item": items}, "Robot", spans, flagged, around)
    )


def surrounded(start: int, people: Sequence[str]) -> Surroundings:
    """People of two teams at machines that one compressor feeds, which is down for hours now and then; one machine gives poor
    data."""
    until = start + 1500 * HOUR
    downs = [Sign(at, at + 9 * HOUR, "fault") for at in range(start + 20 * HOUR, until, 60 * HOUR)]
    doubts = [Sign(at, at + 5 * HOUR, "vibration outOfRange") for at in range(start, until, 40 * HOUR)]
    machines = {who: f"asset/MACHINE-{i}-with-a-long-name-of-its-own" for i, who in enumerate(people)}
    return Surroundings(
        kinds=dict.fromkeys(people, Kind.PERSON),
        teams={who: [Need("memberOf", f"orgunit/{i % 2}", (ALWAYS,))] for i, who in enumerate(people)},
        places={who: [Need("worksAt", machine, (ALWAYS,))] for who, machine in machines.items()},
        needs={machine: [Need("feeds", "asset/COMPRESSOR", (ALWAYS,))] for machine in machines.values()},
        signs={
            "asset/COMPRESSOR": Signs(start, {Trouble.DOWN: downs}, frozenset({"humming"})),
            machines[people[0]]: Signs(None, {Trouble.POOR_DATA: doubts}, frozenset()),
        },
        assets=frozenset((*machines.values(), "asset/COMPRESSOR")),
        unknown=("humming",),
    )


def large() -> ProcessReport:
    return report_of(random_lives([f"Activity number {i} of a long process" for i in range(24)], 120, 3))


def hostile() -> ProcessReport:
    return report_of(random_lives(HOSTILE, 40, 2), HOSTILE[0] + HOSTILE[5])


PAGES: Mapping[str, Callable[[], str]] = {
    "complete": lambda: report_page(complete(), written=0),
    "large": lambda: report_page(large(), written=0),
    "hostile": lambda: report_page(hostile(), written=0),
    "compared": lambda: comparison_page(comparison(), written=0),
}


def comparison() -> Comparison:
    sides = [random_lives(HOSTILE, 40, seed) for seed in (2, 3)]
    a, b = (Material(HOSTILE[0], "test", Asked(), 0, lives, {}, {}, "", {}, frozenset()) for lives in sides)
    return compared(a, b, (HOSTILE[1], HOSTILE[5]))


@cache
def page_of(name: str) -> str:
    return PAGES[name]()
