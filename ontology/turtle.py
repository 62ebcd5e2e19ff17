"""Reads Turtle and remembers on which line each statement stands, so that every fault can say where it is."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rdflib import RDF, Graph, Literal
from rdflib.plugins.parsers.notation3 import BadSyntax, RDFSink, SinkParser
from rdflib.term import Node

from ontology.faults import Fault


class Fact(NamedTuple):
    """One statement about a subject, and the line of its predicate."""

    predicate: Node
    value: Node
    line: int


@dataclass(frozen=True)
class Source:
    """One Turtle file. `name` is the domain, `label` the path as messages show it, `facts` are by subject in order."""

    name: str
    label: str
    text: str
    facts: dict[Node, list[Fact]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)

    def fault(self, line: int, message: str) -> Fault:
        return Fault(self.label, line, message)

    def values(self, subject: Node, predicate: Node) -> list[Fact]:
        return [fact for fact in self.facts.get(subject, ()) if fact.predicate == predicate]

    def items(self, head: Node) -> Iterator[Node]:
        """The members of an RDF list, up to where it is broken or bites its own tail."""
        seen: set[Node] = set()
        while head != RDF.nil and head not in seen and (first := self.values(head, RDF.first)):
            seen.add(head)
            yield first[0].value
            head = next((fact.value for fact in self.values(head, RDF.rest)), RDF.nil)


class _Sink(RDFSink):
    """Keeps statements with their lines in place of filling a graph (which this needs no index for)."""

    def __init__(self, facts: dict[Node, list[Fact]]) -> None:
        super().__init__(Graph())
        self.facts = facts
        self.line = 0

    def makeStatement(self, quadruple: Any, why: Any = None) -> None:
        predicate, subject, value = (self.normalise(None, part) for part in quadruple[1:])
        self.facts.setdefault(subject, []).append(Fact(predicate, value, self.line))


class _Parser(SinkParser):
    """rdflib's Turtle parser, which counts lines but does not tell the sink.

    By the time a statement is made the parser stands behind its end, maybe on a later line; so each level of `[ … ]` notes
    the line on which its current verb was read.
    """

    def __init__(self, sink: _Sink, base: str) -> None:
        super().__init__(sink, baseURI=base, turtle=True)
        self._sink = sink
        self._verbs = [0]

    def property_list(self, argstr: Any, i: Any, subj: Any) -> Any:
        self._verbs.append(self.lines + 1)
        try:
            return super().property_list(argstr, i, subj)
        finally:
            self._verbs.pop()

    def verb(self, argstr: Any, i: Any, res: Any) -> Any:
        end = super().verb(argstr, i, res)
        if end >= 0:
            self._verbs[-1] = self._sink.line = self.lines + 1
        return end

    def makeStatement(self, quadruple: Any) -> None:
        self._sink.line = self._verbs[-1]
        super().makeStatement(quadruple)


def read_turtle(path: Path, label: str, faults: list[Fault]) -> Source | None:
    """The file's statements, or None after noting why it cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(label, 0, f"cannot be read as UTF-8 text: {error}"))
        return None
    source = Source(path.stem, label, text)
    parser = _Parser(_Sink(source.facts), f"file:///{label}#")
    try:
        with _no_warnings():
            parser.loadBuf(text)
    except BadSyntax as error:
        faults.append(Fault(label, error.lines + 1, f"Turtle syntax: {error._why} before {_snippet(text, error._i)}"))
        return None
    except (ValueError, AssertionError, IndexError, RecursionError) as error:
        # rdflib lets these through on some broken input, e.g. a bad escape or an unclosed string at the end of the file
        faults.append(Fault(label, parser.lines + 1, f"Turtle syntax: {error or type(error).__name__}"))
        return None
    for fact in (fact for facts in source.facts.values() for fact in facts):
        if isinstance(fact.value, Literal) and fact.value.ill_typed:
            kind = str(fact.value.datatype).rpartition("#")[2]
            faults.append(Fault(label, fact.line, f"a literal here is no valid xsd:{kind}"))
    source.prefixes.update({prefix: str(iri) for prefix, iri in parser._bindings.items()})
    return source


@contextmanager
def _no_warnings() -> Iterator[None]:
    """rdflib logs a traceback for a literal such as "x"^^xsd:integer, which we report as a fault with its line."""
    logger = logging.getLogger("rdflib.term")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def _snippet(text: str, start: int) -> str:
    rest = text[start:].strip().split("\n", 1)[0]
    return repr(rest[:40]) if rest else "the end of the file"


def plain(value: Node) -> str | None:
    """The text of a literal; None for one in another language than English, and for anything else."""
    return str(value) if isinstance(value, Literal) and value.language in (None, "en") else None
