"""Every result of an analytic of processes has a GraphQL form, in which no two types share a name."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.results import Results
from api.scalars import scalar_map
from api.typegen import generate
from brain.analytics.attribution import Attribution
from brain.analytics.change import WindowChange
from brain.analytics.confidence import Confidence
from brain.analytics.flow import Flow
from brain.analytics.machines import Machines
from brain.analytics.times import Times
from brain.analytics.together import Together
from ontology import load_schema


def test_results_become_types_of_one_schema() -> None:
    results = Results(generate(load_schema()))
    made = {
        kind.__name__: results.output(kind) for kind in (Times, Flow, Together, Machines, Confidence, WindowChange, Attribution)
    }
    query = type("Query", (), {"__annotations__": {name.lower(): kind for name, kind in made.items()}})
    sdl = str(strawberry.Schema(query=strawberry.type(query), config=StrawberryConfig(scalar_map=scalar_map())))
    for name in (
        *made,
        "Spread",
        "LittlesLaw",
        "Utilisation",
        "MachineShare",
        "FirstPlace",
        "Bounds",
        "Changepoint",
        "Circumstance",
        "StateShare",
    ):
        assert sdl.count(f"type {name} {{") == 1
