"""What is said about a log: the error that refuses it, and the notes on what was guessed or kept as it was."""

import re
from collections import Counter
from os import PathLike, fspath

from brain.errors import Reject

Path = str | PathLike[str]
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class BadLog(Reject):
    """A log file that breaks its format. One line: the file, the place in it, what is wrong, and how to mend it."""

    def __init__(self, path: Path, place: str, problem: str, mend: str) -> None:
        self.path, self.place, self.problem, self.mend = fspath(path), place, problem, mend
        super().__init__(_BREAKS.sub(" ", f"{self.path}: {place}: {problem}; {mend}"))


def shown(value: object) -> str:
    """A value from the file, quoted and short enough for one line."""
    text = value[:200] if isinstance(value, str) else value
    quoted = repr(text)
    return quoted if len(quoted) <= 60 else f"{quoted[:57]}…{quoted[0] if isinstance(value, str) else ''}"


class Tally:
    """Counts of what one pass kept as it was, with the first example of each; `sentences` puts them into words."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._remarks: dict[str, None] = {}

    def count(self, what: str, example: str) -> None:
        """Note one more `what`, a phrase that reads well after a number in brackets; only the first example is kept."""
        self._counts[what] += 1
        self._first.setdefault(what, example)

    def remark(self, sentence: str) -> None:
        """Note something that is not counted."""
        self._remarks[sentence] = None

    def sentences(self) -> list[str]:
        """Such as "values that do not fit their type, kept as text: 3, the first 'weight' of 'o1'"."""
        return [*self._remarks] + [f"{what}: {n}, the first {self._first[what]}" for what, n in self._counts.items()]
