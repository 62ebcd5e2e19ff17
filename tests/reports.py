"""Process reports to look at: small ones with every section, long names, hostile names."""

import random
from collections.abc import Callable, Mapping, Sequence

from brain.analytics.lives import MICRO, Timed
from brain.analytics.process_material import Asked, Material
from brain.analytics.process_report import ProcessReport, compose
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
    return compose(Material(object_type, "test", Asked(), 3, lives, {}, {}, "", {}, frozenset()))


def large() -> ProcessReport:
    return report_of(random_lives([f"Activity number {i} of a long process" for i in range(24)], 120, 3))


def plain() -> ProcessReport:
    return report_of(random_lives(PLAIN, 60, 1))


def hostile() -> ProcessReport:
    return report_of(random_lives(HOSTILE, 40, 2), HOSTILE[0] + HOSTILE[5])


PAGES: Mapping[str, Callable[[], ProcessReport]] = {"plain": plain, "large": large, "hostile": hostile}


def page_of(name: str) -> str:
    return report_page(PAGES[name](), written=0)
