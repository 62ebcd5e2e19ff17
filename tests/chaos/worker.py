"""`python -m tests.chaos.worker FOLDER ARGUMENTS…`: the `brain` command with the points of `FOLDER` in it."""

import os
import sys
import threading
import time
from pathlib import Path

from brain.cli import main
from tests.chaos.points import Points, install


def go_with(parent: int) -> None:
    """End when the harness has ended, however it did: nobody else would end us."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(3)


if __name__ == "__main__":
    threading.Thread(target=go_with, args=(os.getppid(),), daemon=True).start()
    install(Points(Path(sys.argv[1])))
    sys.argv[:2] = ["brain"]
    main()
