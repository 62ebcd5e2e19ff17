"""A device's clock against its gateway's, message by message: a pure function of what one message says.

A live message leaves the device at most `delay` before the gateway takes it in: it happened within [gateway − delay, gateway].
Where the device's own time contradicts that, the middle of the interval is taken, which is wrong by delay/2 at most; no other
moment promises less (Cristian, *Probabilistic clock synchronization*, Distributed Computing 3, 1989, section 3).

    device − gateway                   live message                          historical (stored, then sent)
    within ± tolerance                 device                                device
    ahead, by no more than `limit`     gateway − delay/2 ± delay/2, fault    gateway − delay/2 or earlier, fault
    behind, by no more than `limit`    gateway − delay/2 ± delay/2, fault    device
    ahead by more                      gateway − delay/2, fault              gateway − delay/2, fault
    behind by more                     device, fault                         device

Beyond the limit nothing tells which of the two clocks was never set (a dead battery says 1970 on either side), or whether this is
an old message that nobody marked. The earlier of the two times is taken: one that is too early displaces nothing, while one that
is too late would hide all that comes until then.
"""

import re
from typing import NamedTuple

from ingest.times import EARLIEST, LATEST, iso

SECOND = 1_000_000
DURATIONS = {"us": 1, "ms": 1_000, "s": SECOND, "min": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND}
"""The units of durations in rules, in µs."""
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(us|ms|s|min|h|d)")
_SHOWN = {"d": "d", "h": "h", "min": "min", "s": "s", "ms": "ms", "us": "µs"}


class Trust(NamedTuple):
    """How far a device's clock is believed, all in µs: see above. `tolerance` is no less than `delay`."""

    tolerance: int = 5 * SECOND
    delay: int = 2 * SECOND
    limit: int = 86_400 * SECOND


USUAL = Trust()


class Judged(NamedTuple):
    """The valid time to take, and what is wrong with the device's: "" where it stands unquestioned."""

    valid: int
    fault: str = ""


def judge(device: int, gateway: int, historical: bool, trust: Trust) -> Judged:
    """When it happened, by the table above. Times are µs since the epoch, UTC."""
    ahead = device - gateway
    if abs(ahead) <= trust.tolerance or (historical and ahead < 0):
        return Judged(device)
    said = f"device said {iso(device)}, {span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} its gateway"
    corrected = max(EARLIEST, gateway - trust.delay // 2)
    if abs(ahead) > trust.limit:
        valid = min(device, corrected)
        return Judged(valid, f"{said}, more than {span(trust.limit)}: one of the two is not set; took the earlier, {iso(valid)}")
    if historical:
        return Judged(corrected, f"{said}; corrected to {iso(corrected)} or earlier, since it was stored before it was sent")
    return Judged(corrected, f"{said}; corrected to {iso(corrected)} ± {span(trust.delay - trust.delay // 2)}")


def moved(at: int, by: int) -> int | None:
    """Another time by the same faulty clock, moved with it; None where that leaves the years 1 to 9999."""
    return at + by if EARLIEST <= at + by <= LATEST else None


def duration(text: str) -> int:
    """µs of a text such as `5s`, `1.5 h`, `200ms`. ValueError where it is none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration: write a number and one of {', '.join(DURATIONS)}, such as 5s")
    whole, _, part = found[1].partition(".")
    unit = DURATIONS[found[2]]
    return int(whole) * unit + int(part.ljust(6, "0")) * unit // 1_000_000


def span(micros: int) -> str:
    """A duration in its two greatest units: `3 h 12 min`, `20 d 4 h`, `1 s`."""
    parts: list[str] = []
    for name, unit in reversed(DURATIONS.items()):
        count, micros = divmod(micros, unit)
        if count:
            parts.append(f"{count:,} {_SHOWN[name]}")
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts) or "0 s"
