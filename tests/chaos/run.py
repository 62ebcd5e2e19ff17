"""One run: start everything, let the schedule loose on it, let the stream drain, judge, print."""

import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console
from rich.table import Table

from brain.errors import Retry
from brain.feeds.kafka import ensure_topics
from brain.ports import Store
from brain.servers import kafka_server, neo4j_server
from brain.stores import open_store
from ingest.sources.kafka import PARTITIONS
from ingest.wiring import whole_pipeline
from ontology import load_schema
from tests.chaos.crew import Crew
from tests.chaos.faults import Fault, Hit, World, inflict, schedule
from tests.chaos.points import Points
from tests.chaos.producer import RAW_IS, Producer
from tests.chaos.verdict import Verdict, judge, published

WORKERS = 2
RECOVERY_SECONDS = 120.0
"""A fault after which no worker commits for so long was not survived. Generous: other work may share the machine."""
DRAIN_SECONDS = 180.0
"""Likewise at the end, with all well again, for as long as the marks stand still."""
STOP_SECONDS = 60.0
MISSED = 0.2
"""The share of faults that may miss their point; with more, what should have been tested was not."""


class Report:
    """What happened, fault by fault."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.hits: list[tuple[Hit, float | None]] = []
        self.wrong: list[str] = []

    def void(self) -> list[str]:
        """Why the run says little, if it does."""
        missed = sum(hit.missed for hit, _ in self.hits)
        return [f"{missed} of {len(self.hits)} faults missed their moment"] if missed > MISSED * len(self.hits) else []

    def table(self) -> Table:
        """Faults by kind, survived, and how long it then took until the next commit."""
        table = Table(title=f"chaos, seed {self.seed}", title_justify="left")
        for name, side in (("fault", "left"), ("moment", "left"), ("done", "right"), ("survived", "right"), ("missed", "right")):
            table.add_column(name, justify=side)  # type: ignore[arg-type]
        table.add_column("next commit after", justify="right")
        rows = defaultdict[tuple[str, str], list[tuple[Hit, float | None]]](list)
        for hit, took in self.hits:
            rows[hit.fault.kind, hit.fault.moment].append((hit, took))
        for (kind, moment), found in sorted(rows.items()):
            times = [took for _, took in found if took is not None]
            slowest = f"{max(times):.1f} s" if times else "never"
            missed = sum(hit.missed for hit, _ in found)
            table.add_row(kind, moment, str(len(found)), str(len(times)), str(missed or ""), slowest)
        survived = sum(took is not None for _, took in self.hits)
        table.add_section()
        table.add_row("all", "", str(len(self.hits)), str(survived), str(sum(hit.missed for hit, _ in self.hits) or ""), "")
        return table


async def run(faults: int, seed: int, rate: int, keep: bool) -> int:
    """0 where all is as it must be, else 1, with the folder of logs and data kept."""
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    console.print(f"chaos: {faults} faults, seed {seed}, {rate} messages/s at most")
    folder = Path(tempfile.mkdtemp(prefix="brain-chaos-"))
    started = time.monotonic()
    report = Report(seed)
    wrong = True
    try:
        verdict = await _Run(folder, report, console).whole(faults, seed, rate)
        console.print(report.table())
        _tell(console, verdict, time.monotonic() - started)
        report.wrong += [*verdict.wrong, *report.void()]
        for line in report.wrong:
            console.print(f"WRONG: {line}", markup=False)
        wrong = bool(report.wrong)
    finally:
        if wrong or keep:
            console.print(f"logs and data: {folder}")
        else:
            shutil.rmtree(folder)
    return int(wrong)


def _tell(console: Console, v: Verdict, seconds: float) -> None:
    console.print(
        f"{v.sent:,} messages sent; nodes, edges, versions, flags: {', '.join(f'{n:,}' for n in v.model.kinds.values())}\n"
        f"lost {v.lost}, too many {v.extra}; dead letters {v.model.buried} of {v.distinct_bad} bad messages;"
        f" notices told {v.notices_told:,} for {v.notices_due:,} due\n"
        f"hash {v.model.hash}\nundisturbed {v.clean.hash}\n{seconds:.0f} s in all"
    )


class _Run:
    def __init__(self, folder: Path, report: Report, console: Console) -> None:
        self._folder = folder
        self._report = report
        self._console = console
        self._points = Points(folder)
        self._enough = asyncio.Event()
        self._started = time.monotonic()
        name = uuid4().hex[:8]
        self._blocks, self._raw, self._group = f"chaos.{name}", f"chaos.{name}.raw", f"chaos-{name}"

    async def whole(self, faults: int, seed: int, rate: int) -> Verdict:
        with neo4j_server(self._folder / "neo4j") as neo4j, kafka_server(self._folder / "kafka") as kafka:
            arguments = ["ingest", "--kafka", kafka.address, "--store", neo4j.url, "--group", self._group, "--verbose"]
            arguments += ["--topic", self._blocks, "--topic", f"{self._raw}={RAW_IS}"]
            crew = Crew(self._folder, self._folder, arguments, {"BRAIN_KAFKA": kafka.address})
            world = World(crew, neo4j, kafka, self._points)
            producer, stop = Producer(kafka.address, self._blocks, self._raw, seed, rate), asyncio.Event()
            await ensure_topics(kafka.address, dict.fromkeys((self._blocks, self._raw), PARTITIONS))
            self._say("servers are up")
            sending = asyncio.create_task(producer.run(stop))
            store = open_store(neo4j.url)
            try:
                for _ in range(WORKERS):
                    crew.hire()
                await self._recovered(time.time(), "at the start")
                self._say("the first commit")
                # Ctrl-C: no more faults; what was done is judged.
                asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._enough.set)
                for fault in islice(schedule(seed), faults):
                    if self._enough.is_set():
                        self._say("that is enough, by Ctrl-C")
                        break
                    if sending.done():
                        sending.result()
                    await self._one(world, fault)
                stop.set()
                await sending
                await self._drained(kafka.address, store)
            finally:
                sending.cancel()
                await crew.close(STOP_SECONDS)
                self._judge_ends(crew)
            self._say(f"drained; {producer.repeated} portions were sent again; judging")
            schema = load_schema()
            await store.prepare(schema)
            try:
                return await judge(schema, whole_pipeline(schema), store, producer.sent, await published(kafka.address))
            finally:
                await store.close()

    async def _one(self, world: World, fault: Fault) -> None:
        hit = await inflict(world, fault)
        took = await self._recovered(hit.over, f"after: {fault.kind}, {fault.moment}")
        self._report.hits.append((hit, took))
        number = len(self._report.hits)
        after = "never" if took is None else f"{took:.1f} s"
        missed = " (missed)" if hit.missed else ""
        self._say(f"{number:4} {fault.kind}, {fault.moment}{missed}: next commit after {after}")

    def _say(self, what: str) -> None:
        self._console.print(f"{time.monotonic() - self._started:6.1f} s  {what}", markup=False)

    async def _recovered(self, since: float, when: str) -> float | None:
        """Seconds until a worker commits."""
        until = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < until:
            if (at := self._points.last_progress()) > since:
                return at - since
            await asyncio.sleep(0.02)
        self._report.wrong.append(f"no commit within {RECOVERY_SECONDS:.0f} s {when}")
        return None

    async def _drained(self, kafka: str, store: Store) -> None:
        """Until the store's marks are the ends of the topics."""
        wanted = await ends(kafka, (self._blocks, self._raw))
        marks: Counter[tuple[str, int]] = Counter()
        moved = time.monotonic()
        while any(marks[partition] < end for partition, end in wanted.items()):
            if time.monotonic() - moved > DRAIN_SECONDS:
                behind = {f"{t}/{p}": (marks[t, p], end) for (t, p), end in wanted.items() if marks[t, p] < end}
                self._report.wrong.append(f"the stream did not drain; marks and ends: {behind}")
                return
            await asyncio.sleep(0.3)
            try:
                now = Counter({(mark.topic, mark.partition): mark.offset for mark in await store.marks()})
            except Retry:
                continue
            if now != marks:
                marks, moved = now, time.monotonic()

    def _judge_ends(self, crew: Crew) -> None:
        for end in crew.ends:
            if not end.clear:
                what = "with a traceback" if end.traceback else f"with {end.last[:300]!r}"
                self._report.wrong.append(f"{end.log.name}: a worker ended by {end.code} {what}")
        gave_up = Counter(end.last[:160] for end in crew.ends if not end.asked and end.clear)
        for last, many in gave_up.items():
            self._console.print(f"{many} times a worker gave up and was started again: {last}", markup=False)


async def ends(address: str, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=address, enable_auto_commit=False)
    try:
        await consumer.start()
        partitions = [TopicPartition(t, p) for t in topics for p in consumer.partitions_for_topic(t) or ()]
        return {(p.topic, p.partition): end for p, end in (await consumer.end_offsets(partitions)).items()}
    finally:
        await consumer.stop()
