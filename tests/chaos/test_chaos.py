"""25 faults, one of each kind, in every run of the tests; `make chaos N=500` is the long one."""

import subprocess
import sys

import pytest

from tests.chaos.crew import ROOT
from tests.chaos.faults import DECK

SEED = 7


@pytest.mark.timeout(900)
def test_the_model_is_the_same_after_one_fault_of_each_kind() -> None:
    """A process of its own, as `make chaos` starts it. On two quiet cores it takes four minutes."""
    command = [sys.executable, "-m", "tests.chaos", "--faults", str(len(DECK)), "--seed", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"the faults and how they were survived:\n{done.stdout}"
