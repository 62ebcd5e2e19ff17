"""Turtle and SHACL in, `brain.schema.Schema` out. `load_schema` is the door."""

from ontology.faults import BadOntology, Fault
from ontology.load import load_schema

__all__ = ["BadOntology", "Fault", "load_schema"]
