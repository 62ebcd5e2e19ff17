"""A simulated hospital shift: what the demo streams and the tests count.

The same seed gives the same bytes at the same times, on every machine. All of it is invented; no patient, device or
hospital behind it is real.
"""

from ingest.simulation.dirt import spoil
from ingest.simulation.hospital import Hospital
from ingest.simulation.shift import START, Dirt, Gap, Message, Shift, Work

__all__ = ["Dirt", "Gap", "Message", "Shift", "Work", "simulate"]


def simulate(seed: int = 7, hours: float = 8) -> Shift:
    """Run one shift of `hours` (at least 1: the silence needs room) and return what the gateway received, in order."""
    if hours < 1:
        raise ValueError(f"a shift of {hours} hours is too short: give at least 1")
    hospital = Hospital(seed)
    hospital.run(hours)
    messages, dirt = spoil(hospital.sent, seed, START, hours)
    return Shift(messages, dirt, START, tuple(hospital.trace))
