"""What is wrong with an ontology: all of it at once, each fault with its file and line."""

from collections.abc import Iterable
from typing import NamedTuple

from brain.errors import Fatal


class Fault(NamedTuple):
    """One mistake. `line` is 1-based; 0 where the fault has no one line."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class BadOntology(Fatal):
    """The ontology contradicts itself or says something that the compiler does not understand, so nothing may start on it.

    `faults` has every mistake that was found, in order of file and line; the message is one line for each.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))
