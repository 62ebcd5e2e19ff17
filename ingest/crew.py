"""Several workers of one consumer group as one command: started together, heard together, stopped together.

A worker is a process, since Python's lock keeps one process from using much more than one core. Between them workers share the
group, which gives each its partitions, and the store, whose marks say how far each partition is; so whatever becomes of one of
them, nothing is lost, and nothing stored twice matters. Still a crew is whole or it is not: where one worker fails all are
stopped, and whoever supervises the command starts it again.

A worker's standard input is its lifeline. Nothing is ever written there; it ends when the crew's process does, by SIGKILL too,
and then the worker stops. On standard output a worker tells, in lines of JSON, how it is and in the end what it has taken in.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from brain.errors import Fatal
from ingest.intake import Taken
from ingest.liveness import ASK_SECONDS, ROUND_SECONDS, Liveness, Report
from ingest.stream import STOP_SECONDS

LINE = 1 << 22
"""The most bytes of a line that a worker prints."""
GRACE_SECONDS = 2 * STOP_SECONDS
"""For how long a worker that was told to stop may go on before it is killed."""
SILENT_SECONDS = 2 * ASK_SECONDS + ROUND_SECONDS
"""For how long a worker that is well may say nothing: a look waits for the store, and then for its source."""


class WorkerEnded(Fatal):
    """A worker of a crew ended although nobody had told it to; the message ends with its last line."""


# ---- In the worker ------------------------------------------------------------------------------------------------------


def live_with_the_crew() -> None:
    """From now on this process stops as by SIGTERM when its standard input ends, and for good if that takes too long."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


async def tell_reports(liveness: Liveness) -> None:
    """Look, and tell the crew, again and again until cancelled."""
    while True:
        await liveness.look()
        _tell("report", liveness.report())
        await asyncio.sleep(liveness.round_seconds)


def tell_taken(taken: Taken) -> None:
    _tell("taken", taken)


def _tell(what: str, said: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # the crew has ended, and the lifeline with it
        sys.stdout.buffer.write(orjson.dumps({what: said}, option=orjson.OPT_NON_STR_KEYS) + b"\n")
        sys.stdout.buffer.flush()


# ---- In the crew's process ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Worker:
    """`last` is the last line that it printed, `heard` when it last told how it is."""

    name: str
    process: Process
    heard: float
    report: Report | None = None
    taken: Taken | None = None
    last: str = ""

    async def follow(self, say: Callable[[str], None]) -> None:
        """Pass on what it prints, and note what it tells, until it has ended."""
        await asyncio.gather(self._printed(say), self._told())
        await self.process.wait()

    async def _printed(self, say: Callable[[str], None]) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            if line := raw.decode(errors="replace").rstrip():
                self.last = line
                say(f"{self.name}: {line}")

    async def _told(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told = orjson.loads(line)
            if "report" in told:
                self.report, self.heard = Report(**told["report"]), time.monotonic()
            elif "taken" in told:
                said = told["taken"]
                self.taken = Taken(**said | {"flags": Counter(said["flags"])})

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def fault(self, stopping: bool) -> str | None:
        """How it ended, where that was not in order. One that was told to stop while it started ends by the signal itself."""
        code = self.process.returncode
        if code is None or code == 0 or (stopping and code == -signal.SIGTERM):
            return None
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        last = self.last.removeprefix("brain: ")
        mend = "and the others with it; nothing is lost, start again"
        return f"{self.name} ended {how}, {mend}" + (f". Its last line: {last}" if last else "")


class Crew:
    """`count` workers, each a process of `command`; `say` is given the lines that they print, with the worker's name before."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], count: int, say: Callable[[str], None]) -> None:
        self._command = command
        self._env = env
        self._count = count
        self._say = say
        self._workers: list[_Worker] = []

    @property
    def pids(self) -> list[int]:
        return [one.process.pid for one in self._workers]

    @property
    def taken(self) -> Taken:
        """What those have taken in who have said so: all, once `work` has ended well."""
        return sum((one.taken for one in self._workers if one.taken is not None), Taken())

    async def work(self, stop: asyncio.Event) -> None:
        """Until all have ended, or `stop` is set. WorkerEnded where one failed; none is left running in any case."""
        told = asyncio.ensure_future(stop.wait())
        following: set[asyncio.Task[None]] = set()
        fault: str | None = None
        try:
            for number in range(1, self._count + 1):
                worker = await self._start(f"worker {number}")
                following.add(asyncio.create_task(worker.follow(self._say)))
            running = set(following)
            while running and not told.done() and fault is None:
                done, _ = await asyncio.wait({*running, told}, return_when=asyncio.FIRST_COMPLETED)
                for task in done & running:
                    task.result()
                running -= done
                fault = self._fault(stopping=False)
        finally:
            told.cancel()
            await self._end(following)
        if fault := fault or self._fault(stopping=True):
            raise WorkerEnded(fault)

    async def _start(self, name: str) -> _Worker:
        # In a session of its own: Ctrl-C at the terminal reaches us, and a worker that is still starting would take it badly.
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._env, limit=LINE, start_new_session=True
        )
        worker = _Worker(name, process, time.monotonic())
        self._workers.append(worker)
        return worker

    def _fault(self, stopping: bool) -> str | None:
        return next((fault for one in self._workers if (fault := one.fault(stopping))), None)

    async def _end(self, following: set[asyncio.Task[None]]) -> None:
        """All stop in order; whoever does not is killed."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for one in self._workers:
                if one.process.returncode is None:
                    one.signal(number)
            if following:
                await asyncio.wait(following, timeout=GRACE_SECONDS)

    # ---- How they are, as one -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Nothing to do: the workers look themselves, and who says nothing more is found by the time of its last word."""
        await asyncio.Event().wait()

    def report(self) -> Report:
        """Live and ready where all workers are; otherwise the state is that of the worst, with the reasons of all."""
        reports = {one.name: self._of(one) for one in self._workers}
        if len(reports) < self._count:
            return Report(True, False, "starting", "not all workers have been started", None, {})
        worst = min(reports.values(), key=lambda r: (r.live, r.ready, r.state != "advancing"))
        reasons = [f"{name}: {r.reason}" for name, r in reports.items() if r.reason is not None]
        return Report(
            worst.live,
            worst.ready,
            worst.state,
            "; ".join(reasons) or None,
            min((r.since for r in reports.values() if r.since is not None), default=None),
            {f"{name}, {source}": said for name, r in reports.items() for source, said in r.sources.items()},
        )

    def _of(self, one: _Worker) -> Report:
        silent = time.monotonic() - one.heard
        report = one.report or Report(True, False, "starting", "it has not said anything yet", None, {})
        if silent <= SILENT_SECONDS or one.process.returncode == 0:
            return report
        return Report(False, False, "silent", f"it has said nothing for {silent:.0f} s", report.since, report.sources)
