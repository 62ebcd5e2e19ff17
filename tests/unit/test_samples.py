"""Samples that a batch holds of one thing are joined all at once: it must be as if each had been joined and merged by itself."""

from hypothesis import given
from hypothesis import strategies as st

from brain.join import Joiner, NodeState
from brain.model import Assert, ChangeSet
from brain.spans import SILENCE
from ontology import load_schema

JOINER = Joiner(load_schema())

said = st.dictionaries(st.sampled_from(["flow", "pressure", "battery"]), st.sampled_from([0, 0.0, 1, 1.0, True, 2.5]), max_size=3)
samples = st.builds(
    lambda subject, properties, valid, authority, event, cls: ChangeSet(
        event, "s", valid, 0, (Assert(subject, cls, properties),), authority
    ),
    st.sampled_from(["asset/P-1", "asset/P-2"]),
    said,
    st.sampled_from([0, 1, SILENCE, SILENCE + 1, 3 * SILENCE]),
    st.integers(0, 1),
    st.sampled_from("abc"),
    st.sampled_from(["InfusionPump", "Asset"]),
)


def shown(state: NodeState) -> tuple[object, ...]:
    """Values as text too, since 1 == 1.0 == True."""
    registers = {name: (register, repr(register.value)) for name, register in state.registers.items()}
    return state.id, state.cls, state.cls_stamp, registers, {name: tuple(spans) for name, spans in state.spans.items()}


@given(st.lists(samples, max_size=12))
def test_a_batch_of_samples_is_the_merge_of_its_members(batch: list[ChangeSet]) -> None:
    merged: dict[str, NodeState] = {}
    for changes in batch:
        for subject, state in JOINER.join([changes], 0).nodes.items():
            merged[subject] = JOINER.merge_node(merged[subject], state) if subject in merged else state
    together = JOINER.join(batch, 0).nodes
    assert {subject: shown(state) for subject, state in together.items()} == {s: shown(state) for s, state in merged.items()}


def test_the_newest_wins_whatever_the_order_and_an_older_one_adds_what_it_alone_said() -> None:
    newest = ChangeSet("b", "s", 20, 0, (Assert("asset/P-1", "InfusionPump", {"flow": 2.0}),))
    older = ChangeSet("a", "s", 10, 0, (Assert("asset/P-1", "InfusionPump", {"flow": 1.0, "battery": 50.0}),))
    for batch in ([newest, older], [older, newest]):
        delta = JOINER.join(batch, 0)
        registers = delta.nodes["asset/P-1"].registers
        assert registers["flow"] == (newest.stamp, 2.0)
        assert registers["battery"] == (older.stamp, 50.0)
        assert delta.versions == {}
