"""Where the published logs lie."""

import sys
from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared" / "data"


def shared(name: str) -> Path:
    """A file of the folder `../shared/data` beside the checkout; exit code 1 with a clear word where it is missing."""
    path = SHARED / name
    if not path.exists():
        sys.exit(f"{path} is missing: this benchmark reads a published log")
    return path
