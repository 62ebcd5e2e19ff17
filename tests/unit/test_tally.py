"""What live figures hold: the sums of workers add up, evidence that was taken back is found again, quiet lives leave memory."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.analytics import reserve, shelf, tally
from brain.analytics.bottlenecks import EXAMPLES, Bottlenecks
from brain.analytics.live import Figures, account
from brain.analytics.lives import Lifecycle
from brain.analytics.reserve import Reserve
from brain.analytics.shelf import Shelf, Shelved
from brain.analytics.tally import Tally, merged
from brain.model import Occurrence
from tests.unit.test_live import SCHEMA, at, batch, occurrences


def figures_of(found: Sequence[Occurrence], lifecycle: Lifecycle | None = None) -> Figures:
    figures = Figures(lifecycle)
    for o in found:
        figures.put(o)
    return figures


def report(figures: Figures) -> Bottlenecks:
    found = figures.report("t", SCHEMA.version, 2)
    assert found is not None
    return found


# ---- Workers ------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from([None, "complete"]), st.integers(1, 4))
async def test_what_workers_have_of_their_shares_is_together_what_one_has(
    data: st.DataObject, lifecycle: Lifecycle | None, workers: int
) -> None:
    """Lives are shared among them by object, steps by step; some of what came is taken back."""
    first, gone = data.draw(occurrences()), data.draw(st.sets(st.sampled_from("xyz"), max_size=2))
    share: Callable[[str], int] = lambda name: ord(name[-1]) % workers  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "KEPT", data.draw(st.sampled_from([3, 64])))
        parts = [Figures(lifecycle) for _ in range(workers)]
        for o in data.draw(st.permutations(first)):
            parts[share(o.object)].lives.put(o.object, o.step, account(o, lifecycle))
            parts[share(o.step)].steps.put(o.object, o.step, account(o, lifecycle))
        for o in first:
            if o.object in gone:
                parts[share(o.object)].lives.remove(o.object, o.step)
                parts[share(o.step)].steps.remove(o.object, o.step)
        sent = []
        for part in parts:
            sent.append(Tally.from_json(part.tally.to_json()))
        assert sent == [part.tally for part in parts]
        known = [o for o in first if o.object not in gone]
        found = merged(sent).report("t", lifecycle, SCHEMA.version, 2)
    assert found == await batch(known, lifecycle)


# ---- Evidence -----------------------------------------------------------------------------------------------------


def waits(*seconds: int) -> list[Occurrence]:
    """Objects o0, o1, …, each of which waits so long from a to b."""
    return [
        o
        for i, wait in enumerate(seconds)
        for o in (at(f"a{i}", f"o{i}", "a", None, 0), at(f"b{i}", f"o{i}", "b", None, wait))
    ]  # fmt: skip


def test_the_longest_waits_are_found_again_when_those_that_were_known_are_gone() -> None:
    figures = figures_of(waits(*range(1, 201)))
    edge = figures.tally.edges["a", "b"]
    # Of 1 to 200 s the 64 longest are known: 137 to 200.
    assert [gap[0] // 1_000_000 for gap in edge.longest] == [*range(137, 201)]
    for i in range(199, 138, -1):
        figures.remove(f"o{i}", f"b{i}")
    # 140 to 200 are gone, so 137 to 139 are known: just enough for a report.
    assert [gap[0] // 1_000_000 for gap in edge.longest] == [137, 138, 139]
    assert [e.seconds for e in report(figures).edges[0].examples] == [139.0, 138.0, 137.0]
    # One less, and 64 are known again. A shorter one that comes now may not be taken for one of the longest.
    figures.remove("o138", "b138")
    assert [gap[0] // 1_000_000 for gap in edge.longest] == [*range(75, 139)]
    figures.put(at("b199", "o199", "b", None, 70))
    assert len(edge.longest) == 64
    assert [e.seconds for e in report(figures).edges[0].examples] == [138.0, 137.0, 136.0]


def test_where_there_are_no_more_waits_than_examples_all_are_told() -> None:
    figures = figures_of(waits(0, 0, 0, -5, 7, 9))
    assert [e.seconds for e in report(figures).edges[0].examples] == [9.0, 7.0]
    figures.remove("o5", "b5")
    assert [e.seconds for e in report(figures).edges[0].examples] == [7.0]


def test_a_report_reads_no_lives_and_a_change_few_chunks_however_many_waits_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 100)
    monkeypatch.setattr(reserve, "MOST", 500)
    figures = figures_of(waits(*range(1, 5001)))
    read: list[str] = []
    get, taken = Shelved.get, Reserve._taken
    monkeypatch.setattr(Shelved, "get", lambda self, key: (read.append(key), get(self, key))[1])
    chunks: list[object] = []
    monkeypatch.setattr(Reserve, "_taken", lambda self, *args: (chunks.append(args), taken(self, *args))[1])
    for i in range(4999, 999, -1):
        read.clear()
        chunks.clear()
        figures.remove(f"o{i}", f"b{i}")
        # The life and the step themselves, and what may be among the 64 longest: each is looked at twice.
        assert len(read) < 10 + 4 * 64
        assert len(chunks) <= 64
    read.clear()
    assert [e.seconds for e in report(figures).edges[0].examples] == [1000.0, 999.0, 998.0]
    assert read == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(-2, 12)), max_size=150), st.sampled_from([0, 3, 1000]))
def test_the_longest_are_the_longest_whatever_was_taken_back(moves: list[tuple[bool, int, int]], most: int) -> None:
    figures, known = Figures(), dict[int, int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "KEPT", 4)
        patch.setattr(reserve, "KEPT", 4)
        patch.setattr(reserve, "MOST", most)
        patch.setattr(reserve, "CHUNK", 2)
        for put, i, wait in moves:
            if put:
                figures.put(at(f"a{i}", f"o{i}", "a", None, 0))
                figures.put(at(f"b{i}", f"o{i}", "b", None if wait < 0 else wait + 20, wait + 20))
                known[i] = wait + 20
            else:
                figures.remove(f"o{i}", f"b{i}")
                known.pop(i, None)
            want = sorted(((wait, f"o{i}") for i, wait in known.items()), reverse=True)[:EXAMPLES]
            edges = report(figures).edges if known else ()
            assert [(e.seconds, e.object) for edge in edges for e in edge.examples] == want


# ---- Memory -------------------------------------------------------------------------------------------------------


def closed(first: int, many: int) -> list[Occurrence]:
    """Cases that come and are over, one after another: four steps each."""
    return [
        at(f"s{i:06}-{k}", f"o{i:06}", "abcd"[k], None, i * 60 + k * (10 + i % 7))
        for i in range(first, first + many)
        for k in range(4)
    ]


def test_ten_times_as_many_closed_cases_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 500)
    monkeypatch.setattr(reserve, "MOST", 500)
    figures, sizes = Figures(), []
    tracemalloc.start()
    for first, many in ((0, 500), (500, 4500)):
        for o in closed(first, many):
            figures.put(o)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] < 1.1 * sizes[0]
    assert report(figures).objects == 5000


async def test_a_late_step_of_a_life_on_the_shelf_counts_as_any(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shelf, "MOST", 50)
    known = closed(0, 200)
    figures = Figures(None, Shelf(tmp_path / "live.db"))
    for o in known:
        figures.put(o)
    assert figures.lives.held.in_memory <= 2 * 50
    # Between b and c of the first; shared with another that is on the shelf too; and a change of what is there.
    late = [at("x", "o000000", "x", None, 15), at("x", "o000001", "x", None, 15), at("s000002-1", "o000002", "b", None, 500)]
    for o in late:
        figures.put(o)
    now = {(o.object, o.step): o for o in (*known, *late)}
    assert report(figures) == await batch(now.values())
    figures.replace_step("x", late[:1])
    del now["o000001", "x"]
    assert report(figures) == await batch(now.values())


def test_an_object_that_was_on_the_shelf_and_went_is_new_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 0)
    figures = Figures()
    figures.put(at("1", "x", "a", None, 0))
    figures.put(at("2", "y", "a", None, 0))
    figures.put(at("3", "z", "a", None, 0))
    # x is in the file by now.
    figures.remove("x", "1")
    figures.put(at("4", "x", "b", None, 9))
    assert report(figures).edges == ()
    assert (report(figures).objects, report(figures).steps) == (3, 3)
