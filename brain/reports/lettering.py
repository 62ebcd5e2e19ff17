"""How wide a text is, without the fonts of its reader: estimates on the safe side, after DejaVu Sans, a wide one."""

from unicodedata import east_asian_width

NARROW = frozenset("fijlrtI.,:;'|!()[]/\\ -")
WIDE = frozenset("mwMW@%—…")
BOLD = 1.1


def width_of(text: str, size: float, bold: bool = False) -> float:
    """CSS pixels that the text takes at a font size of `size`, at most in common sans-serif fonts."""
    return sum(_ems(letter) for letter in text) * size * (BOLD if bold else 1.0)


def _ems(letter: str) -> float:
    if letter in NARROW:
        return 0.42
    if letter in WIDE or east_asian_width(letter) in "WF":
        return 1.0
    return 0.73 if letter.isupper() else 0.63


def wrapped(text: str, width: float, lines: int, size: float, bold: bool = False) -> list[str]:
    """The text in at most `lines` lines of at most `width`, broken at blanks, after underscores and slashes, else where it must.

    An ellipsis stands where something is left out.
    """
    found: list[str] = []
    rest = " ".join(text.split())
    while rest:
        fits = _fitting(rest, width, size, bold)
        if len(found) == lines - 1 and fits < len(rest):
            return [*found, rest[: _fitting(rest, width - width_of("…", size, bold), size, bold)].rstrip() + "…"]
        if fits < len(rest):
            fits = max((i for i in range(1, fits + 1) if rest[i] == " " or rest[i - 1] in "_/"), default=fits)
        found.append(rest[:fits])
        rest = rest[fits:].lstrip()
    return found


def _fitting(text: str, width: float, size: float, bold: bool) -> int:
    """How many of the first letters fit; at least one, so that something is shown."""
    taken = 0.0
    for i, letter in enumerate(text):
        taken += width_of(letter, size, bold)
        if taken > width:
            return max(i, 1)
    return len(text)
