"""Text from outside, before it reaches a terminal.

Names, ids, reasons and payloads come from messages and files. A terminal obeys control characters in them: it would move its
cursor, change its title, hide a line, or write to its clipboard. JSON output needs none of this: it escapes them itself.
"""

import logging
import re

# C0 and C1 controls (ECMA-48), line separators, marks that override the order of reading (UAX 9), halves of surrogate pairs.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def legible(text: str, keep: str = "") -> str:
    """The text with each character that a terminal obeys as its escape (`\\x1b`), but for those in `keep`."""
    return _OBEYED.sub(lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text)


class Legible(logging.Formatter):
    """Log lines name topics and ids too; a traceback has lines."""

    def format(self, record: logging.LogRecord) -> str:
        return legible(super().format(record), keep="\n\t")
