"""What SHACL has and we do not is told at start, and never passed over."""

from pathlib import Path

import pytest

from ontology import BadOntology, load_schema
from tests.unit.test_ontology_faults import HEAD, LINES, heat

UNSUPPORTED = [
    *("and", "or", "not", "xone", "node", "property", "equals", "disjoint", "lessThan", "lessThanOrEquals", "hasValue"),
    *("qualifiedValueShape", "qualifiedMinCount", "qualifiedMaxCount", "languageIn", "uniqueLang", "flags", "sparql"),
    *("defaultValue", "group", "deactivated"),
]
UNSUPPORTED_OF_SHAPES = [
    *("closed", "ignoredProperties", "targetNode", "targetSubjectsOf", "targetObjectsOf", "sparql", "and", "or", "not"),
    *("xone", "deactivated"),
]


@pytest.mark.parametrize("feature", UNSUPPORTED)
def test_no_shacl_feature_is_ignored(feature: str, tmp_path: Path) -> None:
    (tmp_path / "plant.ttl").write_text(HEAD + heat(f"sh:{feature} true"))
    with pytest.raises(
        BadOntology, match=rf"plant.ttl:{LINES + 2}: Kiln.heat: sh:{feature} is a SHACL feature that is not supported"
    ):
        load_schema([tmp_path])


@pytest.mark.parametrize("feature", UNSUPPORTED_OF_SHAPES)
def test_no_shacl_feature_of_a_whole_shape_is_ignored(feature: str, tmp_path: Path) -> None:
    (tmp_path / "plant.ttl").write_text(f"{HEAD}[] a sh:NodeShape ; sh:targetClass :Kiln ;\n sh:{feature} true .")
    with pytest.raises(BadOntology, match=rf"plant.ttl:{LINES + 2}: .*: sh:{feature} is a SHACL feature that is not supported"):
        load_schema([tmp_path])
