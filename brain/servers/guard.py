"""`python -m brain.servers.guard PID IDENTITY`: wait for the end of input, then end that process by SIGKILL if it lives.

Whoever starts a server holds the other end of the input. The system closes it when the starter ends, also when it is
killed or crashes, so a server meant for one test run or one command cannot outlive it. SIGKILL, because a SIGTERM
was sent by the starter where it could, and what a guarded server holds is scratch data.
"""

import contextlib
import os
import signal
import sys

from brain.servers.process import identity


def main(pid: int, known_as: str) -> None:
    """Block until the input ends."""
    sys.stdin.buffer.read()
    if identity(pid) == known_as:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
