"""SHACL patterns in Python.

SHACL's `sh:pattern` is the XPath regular expression of SPARQL's REGEX (XPath and XQuery Functions 3.1, section 5.6), matched
anywhere in the value. Python's `re` reads some of the same text differently: `$` also matches before a final newline, `.` matches
a carriage return, `\\s` matches every Unicode space. `mirror` translates those, and refuses what has no exact counterpart.
"""

import re

_SAME = frozenset("nrt\\|.-^?*+{}()[]$") | frozenset("dD")
_SPACE = " \\t\\n\\r"


def mirror(pattern: str) -> re.Pattern[str]:
    """A compiled pattern whose `search` finds what XPath's would. ValueError, with the reason, where there is none."""
    out: list[str] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "\\":
            out.append(_escape(pattern, i))
            i += 2
        elif char == "[":
            text, i = _char_class(pattern, i)
            out.append(text)
        elif char == "(" and pattern.startswith("(?", i) and not pattern.startswith("(?:", i):
            raise ValueError("'(?' begins an extension that XPath does not have")
        else:
            out.append({"$": r"\Z", ".": r"[^\n\r]"}.get(char, char))
            i += 1
    translated = "".join(out)
    if re.search(r"(?<!\\)(?:[*+?]|(?<!\\)\{\d*,?\d*\})\+", pattern) or re.search(r"(?<!\\)\{,", pattern):
        raise ValueError("possessive quantifiers and '{,n}' are not in XPath")
    try:
        return re.compile(translated)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _escape(pattern: str, i: int) -> str:
    escape = pattern[i + 1 : i + 2]
    if escape in _SAME and escape:
        return "\\" + escape
    if escape == "s":
        return f"[{_SPACE}]"
    if escape == "S":
        return f"[^{_SPACE}]"
    raise ValueError(f"'\\{escape}' means something else, or nothing, in Python; write the characters out, e.g. [A-Za-z0-9]")


def _char_class(pattern: str, start: int) -> tuple[str, int]:
    """Translates the class that opens at `start`; returns it and the position behind it."""
    i = start + 1
    out = ["["]
    if pattern[i : i + 1] == "^":
        out.append("^")
        i += 1
    first = i
    while i < len(pattern):
        char = pattern[i]
        if char == "]" and i > first:
            return "".join(out) + "]", i + 1
        if char in "[]":
            raise ValueError(f"'{char}' inside a character class needs a backslash (subtraction is not supported)")
        if char == "\\":
            escape = _escape(pattern, i)
            if pattern[i + 1] == "S":
                raise ValueError("'\\S' inside a character class has no counterpart; write the characters out")
            out.append(_SPACE if pattern[i + 1] == "s" else escape)
            i += 2
        else:
            out.append(re.escape(char) if char in "&~|" else char)
            i += 1
    raise ValueError("a character class is not closed")
