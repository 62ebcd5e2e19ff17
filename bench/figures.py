"""How far the figures of confidence, change and machines can be trusted: against what was simulated, with a peer beside each.

    python -m bench.figures [--runs N] [--plants N]

- intervals: waits that hang together by object, of a known mean. How often the 90 % interval covers it; the peer draws single
waits.
- changes: one planted change of exponential waits, and none. How often it is told within 2 % of its place; the peer is the
largest
  CUSUM of the waits themselves, without ranks.
- machines: the plants of tests/plants, by injected cause. How often the shifting bottleneck, from machine states alone, is a
machine
  of the injected station; the peer is the machine that is busy longest. Batches, delays and shifts are none of a machine's
  states' business, and the method is not expected to see them.
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from brain.analytics.changepoint import change_in
from brain.analytics.confidence import resampled, waits_of
from brain.analytics.device_states import StateSpan
from brain.analytics.lives import MICRO
from brain.analytics.machines import machines_of
from brain.analytics.resampling import Floats, draws, studentised
from tests.plants import plant, run

Gaps = list[tuple[int, int]]


def intervals(runs: int) -> None:
    """Objects have one to four waits, exponential about the object's own mean of 50 or 150 s: 100 s in all."""
    print(f"intervals of 90 %, {runs} runs     covered, by object   by single wait (peer)")
    for objects in (8, 20, 60, 200):
        covered = Counter[str]()
        for turn in range(runs):
            random = np.random.default_rng(turn)
            slow = random.choice([50, 150], objects)
            counts = random.integers(1, 5, objects)
            gaps = [(round(random.exponential(slow[i]) * MICRO), i) for i in range(objects) for _ in range(counts[i])]
            covered["object"] += _covers(f"{turn}", gaps)
            covered["wait"] += _covers(f"{turn}", [(wait, i) for i, (wait, _) in enumerate(gaps)])
        print(f"  {objects:4} objects {covered['object'] / runs:27.1%} {covered['wait'] / runs:18.1%}")


def _covers(seed: str, gaps: Gaps) -> bool:
    found = resampled(draws([f"{seed}/{i}" for i in range(gaps[-1][1] + 1)]), waits_of(gaps))
    return studentised(found.means, found.mean_errors).holds(100)


def changes(runs: int) -> None:
    print(f"\nchanges of 1,000 waits, {runs} runs   told within 2 %   plain CUSUM within 2 % (peer)")
    for factor in (1.0, 1.5, 2.0, 3.0):
        told = plain = 0
        for seed in range(runs):
            random = np.random.default_rng(seed)
            place = int(random.uniform(200, 800))
            waits = random.exponential(100, 1000)
            waits[place:] *= factor
            found = change_in(waits, str(seed))
            alarm = found is not None and found.p_value <= 0.05
            told += alarm and (factor == 1 or (found is not None and abs(found.index - place) <= 20))
            plain += abs(_plain(waits) - place) <= 20
        name = "no change: false alarms" if factor == 1 else f"× {factor}"
        print(f"  {name:28} {told / runs:15.0%} {'' if factor == 1 else f'{plain / runs:.0%}':>20}")


def _plain(waits: Floats) -> int:
    after = np.arange(1, len(waits))
    return int((np.abs((waits - waits.mean()).cumsum()[:-1]) / np.sqrt(after * (len(waits) - after))).argmax()) + 1


def machines(plants: int) -> None:
    print(f"\nmachines, {plants} plants        found   busiest machine (peer)")
    seen, found, busiest, cpu = Counter[str](), Counter[str](), Counter[str](), 0.0
    for seed in range(plants):
        known = plant(seed)
        states = {name: [StateSpan(name, *state) for state in told] for name, told in run(known).states.items()}
        began = time.process_time()
        report = machines_of(states, "Machine", "bench")
        cpu += time.process_time() - began
        busy = max(sorted(states), key=lambda name: sum(s.end - s.start for s in states[name] if s.state == "running"))
        seen[known.cause] += 1
        found[known.cause] += _station(report.bottleneck or "") == known.bottleneck
        busiest[known.cause] += _station(busy) == known.bottleneck
    for cause in seen:
        print(f"  {cause:16} {found[cause]:8} of {seen[cause]} {busiest[cause]:12} of {seen[cause]}")
    print(f"  {cpu / plants * 1000:.0f} ms of CPU a plant")


def _station(machine: str) -> str:
    return machine.rpartition("-")[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--plants", type=int, default=100)
    given = parser.parse_args(arguments)
    intervals(given.runs)
    changes(min(given.runs, 100))
    machines(given.plants)


if __name__ == "__main__":
    main()
