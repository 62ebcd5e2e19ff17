"""Where this machine keeps what we fetch and what we run: never inside the checkout.

Two folders, each settable by one environment variable, else where the user's system keeps such things:

* cache: jars fetched from Maven Central; safe to delete at any time. `BRAIN_CACHE`.
* home: databases, logs and the state of servers started by `brain servers start`. `BRAIN_HOME`.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "enterprise-brain"


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for fetched files: `$BRAIN_CACHE`, else the user's cache folder. It need not exist yet."""
    return _place(environ, "BRAIN_CACHE", "XDG_CACHE_HOME", Path(".cache"), Path("Library", "Caches"))


def home_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for data that must survive: `$BRAIN_HOME`, else the user's data folder. It need not exist yet."""
    return _place(environ, "BRAIN_HOME", "XDG_DATA_HOME", Path(".local", "share"), Path("Library", "Application Support"))


def _place(environ: Mapping[str, str], ours: str, xdg: str, linux: Path, mac: Path) -> Path:
    if chosen := environ.get(ours):
        return Path(chosen).expanduser().absolute()
    # The XDG rules: a relative path there is invalid and must be ignored.
    if (base := environ.get(xdg)) and Path(base).is_absolute():
        return Path(base, NAME)
    user = Path(environ.get("HOME") or Path.home())
    return user / (mac if sys.platform == "darwin" else linux) / NAME
