"""Whether the disturbed run ended in the model of an undisturbed one, told apart by what could be wrong with it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from aiokafka import AIOKafkaConsumer, TopicPartition

from brain.canon import canonical_lines
from brain.engine import Engine
from brain.feeds.kafka import TOPIC as NOTICES
from brain.model import DeadLetter
from brain.notices import notices
from brain.ports import Store
from brain.schema import Schema
from brain.stores import open_store
from ingest.pipeline import Pipeline, letter
from ingest.record import MAGIC, BadBlock, unpack
from tests.chaos.stream import Sent

BATCH = 2000
SHOWN = 5

Letter = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True)
class Model:
    """What a store holds: the digests of its canonical lines with how often each is there, and its dead letters."""

    lines: Counter[bytes]
    kinds: Counter[str]
    letters: frozenset[Letter]
    buried: int

    @property
    def hash(self) -> str:
        """As `brain.canon.model_hash`."""
        return sha256(b"".join(sorted(self.lines.elements()))).hexdigest()


async def held(store: Store) -> Model:
    lines, kinds = Counter[bytes](), Counter[str]()
    async for line in canonical_lines(store):
        lines[sha256(line).digest()] += 1
        kinds[line[2 : line.index(b'"', 2)].decode()] += 1
    letters = [_named(one) for one in await _letters(store)]
    return Model(lines, kinds, frozenset(letters), len(letters))


async def _letters(store: Store) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while page := await store.letters(1000, found[-1].id if found else None):
        found += page
    return found


def _named(one: DeadLetter) -> Letter:
    return one.id, one.topic, one.payload


async def undisturbed(schema: Schema, pipeline: Pipeline, sent: Sequence[Sent]) -> tuple[Model, set[int]]:
    """The same messages, in order of time, straight into SQLite in memory; with the hashes of all notices that are due."""
    store, due = open_store("sqlite://"), set[int]()
    await store.prepare(schema)
    engine = Engine(store)
    ordered = sorted(sent, key=lambda one: one.envelope.received)
    try:
        for i in range(0, len(ordered), BATCH):
            envelopes, buried = [], []
            for one in ordered[i : i + BATCH]:
                if one.raw and one.envelope.payload[:4] == MAGIC:
                    try:
                        envelopes += unpack(one.envelope.payload)
                    except BadBlock as error:
                        buried.append(letter("", one.envelope, [str(error)]))
                else:
                    envelopes.append(one.envelope)
            result = pipeline.run(envelopes)
            await engine.commit(result.good, letters=[*buried, *result.bad])
            due.update(hash(tuple(notice)) for notice in notices(result.good))
        return await held(store), due
    finally:
        await store.close()


@dataclass(slots=True)
class Verdict:
    """What was found; `wrong` says in words all that is not as it must be."""

    sent: int
    distinct_bad: int
    clean: Model
    model: Model
    notices_due: int
    notices_told: int
    wrong: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return (self.clean.lines - self.model.lines).total()

    @property
    def extra(self) -> int:
        return (self.model.lines - self.clean.lines).total()


async def judge(schema: Schema, pipeline: Pipeline, store: Store, sent: Sequence[Sent], told: Counter[int]) -> Verdict:
    """`told` are the notices that were published, by hash."""
    clean, due = await undisturbed(schema, pipeline, sent)
    model = await held(store)
    # What must be dead is known from the making of the stream; the pipeline is not asked.
    bad = {(one.envelope.topic, one.envelope.payload) for one in sent if one.bad}
    verdict = Verdict(len(sent), len(bad), clean, model, len(due), told.total())
    wrong = verdict.wrong
    if model.hash != clean.hash:
        wrong.append(f"the hash is {model.hash}, of the undisturbed run {clean.hash}")
        wrong += await _examples(store, clean, verdict)
    if model.kinds != clean.kinds:
        wrong.append(f"the model holds {dict(model.kinds)}, undisturbed {dict(clean.kinds)}")
    if verdict.lost or verdict.extra:
        wrong.append(f"{verdict.lost} lines of the model lost, {verdict.extra} too many")
    if {(topic, payload) for _, topic, payload in model.letters} != bad or model.buried != len(bad):
        wrong.append(f"{model.buried} dead letters for {len(bad)} bad messages")
    if model.letters != clean.letters:
        wrong.append(f"other dead letters than undisturbed: {len(model.letters ^ clean.letters)} differ")
    if missing := due - told.keys():
        wrong.append(f"{len(missing)} of {len(due)} notices never published")
    if unknown := told.keys() - due:
        wrong.append(f"{len(unknown)} notices published that nothing had said")
    return verdict


async def _examples(store: Store, clean: Model, verdict: Verdict) -> list[str]:
    extra = verdict.model.lines - clean.lines
    shown: list[str] = []
    async for line in canonical_lines(store):
        if extra[sha256(line).digest()] and len(shown) < SHOWN:
            shown.append(f"too many, or not so: {line[:400].decode(errors='replace')}")
    return shown


async def published(address: str) -> Counter[int]:
    """Every notice on the broker, by hash, and how often it was told."""
    import orjson

    consumer = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    found = Counter[int]()
    try:
        await consumer.start()
        partition = TopicPartition(NOTICES, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        consumer.seek(partition, 0)
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    found.update(hash((s, c, tuple(n), e, v)) for s, c, n, e, v in orjson.loads(record.value))
        return found
    finally:
        await consumer.stop()
