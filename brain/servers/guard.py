"""`python -m brain.servers.guard PID IDENTITY [FOLDER]`: wait for the end of input, then end that process by SIGKILL.

Whoever starts a server holds the other end of the input. The system closes it when the starter ends, also when it is
killed or crashes, so a server meant for one test run or one command cannot outlive it; nor can its scratch folder.
SIGKILL, because an orderly end was the starter's to ask for.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

from brain.servers.process import identity


def main(pid: int, known_as: str, scratch: str | None = None) -> None:
    """Block until the input ends."""
    sys.stdin.buffer.read()
    if identity(pid) == known_as:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while identity(pid) == known_as:
            time.sleep(0.05)
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:4])
