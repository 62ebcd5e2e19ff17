"""25 faults, one of each kind, in every run of the tests; `make chaos N=500` is the long one."""

import subprocess
import sys

import pytest

from tests.chaos.crew import ROOT
from tests.chaos.faults import DECK

SEED = 7
RATE = 80
"""Messages a second: fewer than by hand, so that two cores that also run two servers are done in five minutes."""
SECONDS, ENDING = 1500, 120
"""Four times what it takes beside all other tests, and what it may take to end when it is told to."""


@pytest.mark.timeout(SECONDS + ENDING + 60)
def test_the_model_is_the_same_after_one_fault_of_each_kind() -> None:
    """A process of its own, as `make chaos` starts it. What it told is shown where it is too slow, too."""
    command = [sys.executable, "-m", "tests.chaos", "--faults", str(len(DECK)), "--seed", str(SEED), "--rate", str(RATE)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as chaos:
        try:
            told, _ = chaos.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            chaos.terminate()
            told, _ = chaos.communicate(timeout=ENDING)
    assert chaos.returncode == 0, f"the faults and how they were survived:\n{told}"
