"""Where this machine keeps what we fetch: never inside the checkout, and safe to delete at any time."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "enterprise-brain"


def cache_dir(env: Mapping[str, str] = os.environ) -> Path:
    """`$BRAIN_CACHE`, else the platform's folder for what can be fetched again. It need not exist yet."""
    if chosen := env.get("BRAIN_CACHE"):
        return Path(chosen).expanduser().absolute()
    # The XDG rules: a relative path there is invalid and must be ignored.
    if (base := env.get("XDG_CACHE_HOME")) and Path(base).is_absolute():
        return Path(base, NAME)
    return Path.home() / (Path("Library", "Caches") if sys.platform == "darwin" else ".cache") / NAME
