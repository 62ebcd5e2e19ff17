"""`python -m tests.chaos.worker FOLDER ARGUMENTS…`: the `brain` command with the points of `FOLDER` in it."""

import sys
from pathlib import Path

from brain.cli import main
from tests.chaos.points import Points, install

if __name__ == "__main__":
    install(Points(Path(sys.argv[1])))
    sys.argv[:2] = ["brain"]
    main()
