"""Rules for logs: every fault at once, and no text that is not rules or a list of faults."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.event_log import LogRules, TypeRule
from ingest.event_log_rules import read_log_rules
from ingest.rules_yaml import BadRules
from ontology import load_schema

SCHEMA = load_schema(())


def read(tmp_path: Path, text: str) -> LogRules:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return read_log_rules(file, SCHEMA)


def test_what_they_mean(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        """
        performer: Nurse
        objects:
          orders:
            class: MedicationOrder
            attributes: {drug: medication}
            relations: {of: forPatient}
          "`) DETACH DELETE n //": {class: Encounter}
        """,
    )
    assert rules == LogRules(
        {
            "orders": TypeRule("MedicationOrder", {"drug": "medication"}, {"of": "forPatient"}),
            "`) DETACH DELETE n //": TypeRule("Encounter"),
        },
        "Nurse",
    )
    assert read(tmp_path, "") == LogRules()
    assert read(tmp_path, "objects:\n") == LogRules()


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadRules) as told:
        read(
            tmp_path,
            "performer: Nurs\n"
            "objects:\n"
            "  a: {class: MedicationOrdr}\n"
            "  b: {class: MedicationOrder, attributes: {x: doze}, relations: {y: forPatent}, colour: red}\n"
            "  c: {}\n",
        )
    lines = [line.removeprefix(f"{tmp_path}/rules.yaml:") for line in str(told.value).splitlines()]
    assert [line.partition(": ")[0] for line in lines] == ["1", "3", "4", "4", "4", "5"]
    assert "did you mean 'Nurse'?" in lines[0]
    assert "did you mean 'MedicationOrder'?" in lines[1]
    assert {"unknown key 'colour'", "MedicationOrder has no property 'doze'; did you mean 'dose'?"} <= {
        line.partition(": ")[2].partition("; known")[0] for line in lines
    }


words = st.sampled_from(
    ["performer", "objects", "class", "attributes", "relations", "a", "MedicationOrder", "dose", "Person", "1"]
)
trees = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)


@given(trees | st.text(max_size=60))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_rules_or_a_list_of_faults(tmp_path: Path, tree: object) -> None:
    import yaml

    text = tree if isinstance(tree, str) else yaml.safe_dump(tree, allow_unicode=True)
    try:
        rules = read(tmp_path, text.encode("utf-8", "replace").decode())
    except BadRules as bad:
        lines = str(bad).splitlines()
        strays = [line for line in lines if not line.startswith(f"{tmp_path}/rules.yaml:")]
        if strays:
            pytest.fail(f"not told with file and line: {strays}")
        return
    for rule in rules.objects.values():
        assert set(rule.attributes.values()) <= set(SCHEMA.of(rule.cls).properties)
        assert set(rule.relations.values()) <= set(SCHEMA.of(rule.cls).relations)
