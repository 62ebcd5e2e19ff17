"""The workers, kept running as a supervisor would: who ends is started again, and how it ended is kept."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AGAIN_AFTER, AT_MOST = 0.3, 2.4
"""Seconds before who ended is started again; twice as long after each start in a row that failed. Starting takes a core for
seconds, which a server that is coming back needs more."""


@dataclass(frozen=True, slots=True)
class End:
    """How one worker's process ended. `asked`: we had told it to, or had killed it. `last` is the last line that it printed."""

    log: Path
    code: int
    asked: bool
    last: str
    traceback: bool

    @property
    def clear(self) -> bool:
        """In order when told to stop (or by the signal itself, while it starts); gone without a word when killed; otherwise, and
        where what it starts with was away just when it was told, failed, with one line that says why."""
        failed = self.code == 1 and self.last.startswith("brain: ")
        ended = self.asked and self.code in (0, -signal.SIGKILL, -signal.SIGTERM)
        return (ended or failed) and not self.traceback


class Crew:
    """Slots, each with one worker at a time. `arguments` are those of the `brain` command."""

    def __init__(self, folder: Path, points: Path, arguments: list[str], env: dict[str, str]) -> None:
        self._folder = folder
        self._command = [sys.executable, "-m", "tests.chaos.worker", str(points), *arguments]
        self._env = {**os.environ, **env}
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._slots: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[int] = set()
        self._told: set[int] = set()
        self._number = 0
        self.ends: list[End] = []

    @property
    def pids(self) -> list[int]:
        """Those that run, in order of slot."""
        return [process.pid for _, process in sorted(self._running.items())]

    @property
    def slots(self) -> list[int]:
        return sorted(self._slots.keys() - self._leaving)

    def hire(self) -> None:
        slot = max(self._slots, default=0) + 1
        self._slots[slot] = asyncio.create_task(self._keep(slot))

    def dismiss(self, slot: int) -> None:
        """Tell the worker to stop, and start it no more."""
        self._leaving.add(slot)
        self.stop(slot)

    def stop(self, slot: int) -> None:
        """Tell it to stop, as Ctrl-C or a supervisor does; it is started again unless it was dismissed."""
        if (process := self._running.get(slot)) is not None:
            self._told.add(process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """To a worker of ours that has not ended, or to nobody."""
        for process in self._running.values():
            if process.pid == pid and process.returncode is None:
                if number == signal.SIGKILL:
                    self._told.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)

    async def close(self, patience: float) -> None:
        """All stop in order; who does not is killed, and counts as an unclear end."""
        for slot in self._slots:
            self.dismiss(slot)
        _, late = await asyncio.wait(self._slots.values(), timeout=patience)
        for process in list(self._running.values()):
            self._told.discard(process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*late)

    async def _keep(self, slot: int) -> None:
        pause = AGAIN_AFTER
        while slot not in self._leaving:
            self._number += 1
            log = self._folder / f"worker-{self._number:03d}.log"
            with log.open("wb") as out:
                nothing = asyncio.subprocess.DEVNULL
                # In a session of its own: Ctrl-C is for the run, which ends the workers in its time.
                process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=nothing, stdout=out, stderr=out, cwd=ROOT, env=self._env, start_new_session=True
                )
            self._running[slot] = process
            code = await process.wait()
            del self._running[slot]
            text = log.read_text(errors="replace")
            last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
            end = End(log, code, process.pid in self._told, last, "Traceback (most recent call last)" in text)
            self.ends.append(end)
            await asyncio.sleep(pause)
            pause = AGAIN_AFTER if end.asked else min(2 * pause, AT_MOST)
