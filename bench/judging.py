"""Judging what is foreseen of many simulated plants: a command line, processes, progress, and a file of what was found."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

Judged = TypeVar("Judged")


def judged(judge: Callable[[int, int], Sequence[Judged]], doc: str | None, what: str, runs: int) -> list[Judged]:
    """What `judge` finds of each seed, with so many replays; as many seeds as the command line says. `what` is counted."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(f"--{what}", dest="count", type=int, default=200, metavar="N", help="one a seed [200]")
    parser.add_argument("--seed", type=int, default=0, help="of the first plant; the others follow")
    parser.add_argument("--runs", type=int, default=runs, help=f"replays of each plant, both ways [{runs}]")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", type=Path, help="keep what was found of each plant in this file")
    chosen = parser.parse_args()
    found: list[Any] = []
    with ProcessPoolExecutor(chosen.jobs) as pool:
        seeds = range(chosen.seed, chosen.seed + chosen.count)
        for i, some in enumerate(pool.map(judge, seeds, repeat(chosen.runs)), 1):
            found += some
            print(f"\r{i} of {chosen.count} {what}", end="", file=sys.stderr, flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    print(file=sys.stderr)
    return found
