"""Jars by coordinate and checksum: fetched once with jgo, verified, cached outside the checkout.

A lock file (`NAME.lock` beside this file) lists each jar's SHA-256, size and Maven coordinate. No repository's address is kept
here: jgo knows Maven Central, and a mirror can be named in jgo's own settings (`~/.config/jgo.conf`, section
`[repositories]`). Nothing is resolved when fetching, so two machines with one lock get the same bytes.

Promises:
* `fetch` returns a folder that holds exactly the locked jars, each with the locked SHA-256.
* When cached it only looks at names and sizes: no network, no resolver (a few milliseconds).
* Two processes may call it at once (a file lock lets one work, the other wait), and it may be killed at any time:
  a jar appears in the folder only complete and verified, so the next call goes on where the last one stopped.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from brain.errors import Fatal
from brain.servers.places import cache_dir

# jgo asks for the jar and its SHA-1: short requests, so a few at a time; more gains nothing and annoys the server.
PARALLEL = 6
ATTEMPTS = 4
TIMEOUT_SECONDS = 30
MEGABYTE = 1_000_000


class FetchFailed(Fatal):
    """A jar could not be fetched, or what came is not what the lock promises."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked file. `coordinate` is `group:artifact:version` or `group:artifact:version:classifier`."""

    sha256: str
    size: int
    coordinate: str

    @property
    def file_name(self) -> str:
        """The file's name in the class path folder, as Maven names it."""
        _, artifact, version, *classifier = self.coordinate.split(":")
        return "-".join([artifact, version, *classifier]) + ".jar"


@dataclass(frozen=True, slots=True)
class Lock:
    """What one server needs: the coordinates asked for (`roots`) and every jar that they resolve to."""

    name: str
    roots: tuple[str, ...]
    jars: tuple[Jar, ...]

    @property
    def digest(self) -> str:
        """Twelve hex digits that change when any jar of the lock changes."""
        text = "\n".join(sorted(f"{jar.sha256} {jar.coordinate}" for jar in self.jars))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def size(self) -> int:
        """Bytes of all jars together."""
        return sum(jar.size for jar in self.jars)


Download = Callable[[Jar, Path], Path]
"""Fetch one jar into the scratch folder given and return where it lies; any exception means "try again"."""


def lock_path(name: str) -> Path:
    """Where the lock of that name is kept in the project."""
    return Path(__file__).parent / f"{name}.lock"


def read_lock(name: str, path: Path | None = None) -> Lock:
    """The lock of that name, from the project unless `path` says where; a bad line is an error naming file and line."""
    path = path or lock_path(name)
    roots: list[str] = []
    jars: list[Jar] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match line.split():
            case [] | ["#", *_]:
                pass
            case ["root", coordinate]:
                roots.append(coordinate)
            case ["jar", sha256, size, coordinate] if len(sha256) == 64 and size.isdigit():
                jars.append(Jar(sha256, int(size), coordinate))
            case _:
                raise FetchFailed(f"{path}:{number}: not a lock line; run `python -m brain.servers.relock {name}`")
    return Lock(name, tuple(roots), tuple(jars))


def fetch(lock: Lock, *, cache: Path | None = None, out: TextIO | None = None, pause: float = 1.0) -> Path:
    """The folder with the locked jars, fetching what is missing, with progress on `out` (stderr by default).

    Raises FetchFailed, naming the jar and the mend, after `ATTEMPTS` tries of one jar; between them it waits `pause`
    seconds, then twice as long, and so on.
    """
    base = (cache or cache_dir()) / "jars"
    folder = base / f"{lock.name}-{lock.digest}"
    if not _missing(lock, folder):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        raise FetchFailed(f"cannot write to {base}: {why.strerror}; set BRAIN_CACHE to a folder that you own") from why
    with _alone(base / f"{lock.name}.lock", out or sys.stderr):
        missing = _missing(lock, folder)
        if missing:
            with tempfile.TemporaryDirectory(dir=base, prefix="partial-") as scratch:
                _Fetch(lock, folder, Path(scratch), _jgo_download(), out or sys.stderr, pause).run(missing)
            _clear_leftovers(base)
    return folder


def _jgo_download() -> Download:
    """Fetch by coordinate with jgo: Maven Central, or the repositories that the user's jgo settings name."""
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext
    except ImportError as why:
        raise FetchFailed("local servers need more packages: pip install 'enterprise-brain[servers]'") from why
    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}

    def download(jar: Jar, scratch: Path) -> Path:
        context: Any = MavenContext(repo_cache=scratch, remote_repos=repositories, timeout=TIMEOUT_SECONDS)
        group, artifact, version, *classifier = jar.coordinate.split(":")
        return Path(context.project(group, artifact).at_version(version).artifact(*classifier).resolve())

    return download


def _missing(lock: Lock, folder: Path) -> list[Jar]:
    """Jars that are not there in full. A jar enters the folder only verified, so name and size are enough."""
    try:
        with os.scandir(folder) as entries:
            sizes = {entry.name: entry.stat().st_size for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return list(lock.jars)
    return [jar for jar in lock.jars if sizes.get(jar.file_name) != jar.size]


@dataclass(frozen=True, slots=True)
class _Fetch:
    """One run of fetching into `folder`, by way of `scratch` on the same file system."""

    lock: Lock
    folder: Path
    scratch: Path
    download: Download
    out: TextIO
    pause: float
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, missing: list[Jar]) -> None:
        started, size = time.monotonic(), sum(jar.size for jar in missing)
        self.say(
            f"{self.lock.name}: fetching {len(missing)} of {len(self.lock.jars)} jars ({size / MEGABYTE:.0f} MB) "
            f"from Maven Central into {self.folder}"
        )
        progress = _Progress(self.lock.name, len(missing), size, self.out)
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch")
        try:
            tasks = {pool.submit(self.one, jar): jar for jar in missing}
            for task in as_completed(tasks):
                task.result()
                progress.add(tasks[task])
        finally:
            # After a failure or Ctrl-C: neither begin the rest nor try again; the running ones are short.
            self.over.set()
            pool.shutdown(wait=True, cancel_futures=True)
        self.say(f"{self.lock.name}: fetched and verified in {time.monotonic() - started:.0f} s")

    def one(self, jar: Jar) -> None:
        reason = ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                # A folder for each try: jgo refuses to write over a half-fetched file.
                found = self.download(jar, self.scratch / jar.sha256 / str(attempt))
                actual = _sha256(found)
                if actual == jar.sha256:
                    os.replace(found, self.folder / jar.file_name)
                    return
                reason = f"its SHA-256 is {actual}, the lock says {jar.sha256}"
            except Exception as why:  # any failure of the network or of jgo: try again, then say what it was
                reason = _short(why)
            if self.over.is_set():
                break
            if attempt < ATTEMPTS:
                self.say(f"  {jar.coordinate}: try {attempt} of {ATTEMPTS} failed ({reason}); again")
                self.over.wait(self.pause * 2 ** (attempt - 1))
        raise FetchFailed(
            f"cannot fetch {jar.coordinate}: {reason}. Check the network and run it again: what is fetched is kept. "
            "A mirror can be named under [repositories] in ~/.config/jgo.conf, a proxy in HTTPS_PROXY, "
            "its certificate in REQUESTS_CA_BUNDLE"
        )

    def say(self, text: str) -> None:
        print(text, file=self.out, flush=True)


def _short(why: Exception) -> str:
    """One line of an error, with its end, where requests puts the cause."""
    text = " ".join(str(why).split())
    return f"{type(why).__name__}: {text if len(text) <= 160 else '… ' + text[-160:]}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Progress:
    """A line on a terminal that is written over; in a log, a line for each tenth."""

    def __init__(self, name: str, count: int, total: int, out: TextIO) -> None:
        self.name, self.count, self.total, self.out = name, count, total, out
        self.done = self.size = self.shown = 0

    def add(self, jar: Jar) -> None:
        self.done += 1
        self.size += jar.size
        tenth = self.size * 10 // max(self.total, 1)
        text = f"  {self.name}: {self.done} of {self.count} jars, {self.size / MEGABYTE:.0f} of {self.total / MEGABYTE:.0f} MB"
        if self.out.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{f'{text}  {jar.file_name}'[:width]:<{width}}", end="", file=self.out, flush=True)
            if self.done == self.count:
                print(file=self.out)
        elif tenth > self.shown:
            self.shown = tenth
            print(text, file=self.out, flush=True)


@contextlib.contextmanager
def _alone(path: Path, out: TextIO) -> Iterator[None]:
    """Hold an advisory lock on the file; the system drops it when the process ends, however it ends."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{path.stem}: another process is fetching; waiting for it", file=out, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _clear_leftovers(base: Path) -> None:
    """Remove scratch folders of killed runs; one that a living fetch uses is younger than an hour."""
    for folder in base.glob("partial-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > 3600:
                shutil.rmtree(folder)
