"""`python -m tests.chaos --faults N --seed S`: exit 0 when the model came out as if nothing had happened, else 1.
Ctrl-C ends the faults early; those that were done are judged."""

import argparse
import asyncio
import logging
import signal
import sys

from tests.chaos.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=25, help="how many; 25 are one of each [25]")
    parser.add_argument("--seed", type=int, default=1, help="of the stream and of the schedule [1]")
    parser.add_argument("--rate", type=int, default=120, help="messages sent a second, at most [120]")
    parser.add_argument("--keep", action="store_true", help="keep the logs and the servers' data even if all is well")
    # What it logs of a broker that is away is what we do to it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return asyncio.run(run(**vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
