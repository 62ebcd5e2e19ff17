"""Debian packages that tests need, on machines that exist for a test run."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from brain.servers.places import cache_dir

APT_SECONDS = 300


def install(package: str, find: Callable[[], Path | None], out: TextIO | None = None) -> Path | None:
    """What `find` finds, after installing the package with apt-get if it finds nothing and we are root on a Debian-like system.

    It changes the system, and prints that it does. Never raises.
    """
    say = out or sys.stderr
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        cache_dir().mkdir(parents=True, exist_ok=True)
        with (cache_dir() / "apt.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if find() is None:
                print(f"{package} is missing; installing it with apt-get (we are root)", file=say, flush=True)
                _apt_get("install", package, say) or (_apt_get("update", package, say) and _apt_get("install", package, say))
    return find()


def _apt_get(verb: str, package: str, out: TextIO) -> bool:
    what = ["--yes", "--no-install-recommends", package] if verb == "install" else []
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", verb, *what]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=APT_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        print(f"{package}: apt-get {verb} did not end within {APT_SECONDS} s", file=out, flush=True)
        return False
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        print(f"{package}: apt-get {verb} failed: {''.join(last)}", file=out, flush=True)
    return done.returncode == 0
