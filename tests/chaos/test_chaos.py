"""25 faults, one of each kind, in every run of the tests; `make chaos N=500` is the long one."""

import subprocess
import sys

import pytest

from tests.chaos.crew import ROOT
from tests.chaos.faults import DECK

SEED = 7
RATE = 80
"""Messages a second: fewer than by hand, so that two cores that also run two servers are done in five minutes."""


@pytest.mark.timeout(900)
def test_the_model_is_the_same_after_one_fault_of_each_kind() -> None:
    """A process of its own, as `make chaos` starts it."""
    command = [sys.executable, "-m", "tests.chaos", "--faults", str(len(DECK)), "--seed", str(SEED), "--rate", str(RATE)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"the faults and how they were survived:\n{done.stdout}"
