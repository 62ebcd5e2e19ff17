"""Where texts and values come from: paths, templates, keys and conditions of the rules as functions over a record."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from unicodedata import category

from brain.errors import Reject
from ingest.paths import MISSING, Getter, Path, Scope, Template, getter
from ingest.quality import as_text, excerpt
from ingest.rules import ClassChoice, Condition, Format, Key, Kind, Test

MAX_KEY = 512
"""The most characters of a key, an event id or a qualifier."""


class BadRecord(Reject):
    """A record that cannot become a change set: it goes to the dead letters with this reason."""


Textual = Callable[[Any, Scope], str | None]
"""(item, scope) → the text, or None where a path in it leads nowhere. BadRecord where it leads to no text."""
Holds = Callable[[Any, Scope], bool]


class Sources:
    """Compiles the sources of one document's rules, whose format decides how paths are followed and which texts are null."""

    def __init__(self, form: Format) -> None:
        self._xml = form.kind is Kind.XML
        self._nulls = form.nulls

    def get(self, paths: tuple[Path, ...]) -> Getter:
        """The first value that is there and not null; else null where one was; else MISSING."""
        getters = [self._one(path) for path in paths]
        if len(getters) == 1:
            return getters[0]

        def first(item: Any, scope: Scope) -> Any:
            best: Any = MISSING
            for get in getters:
                raw = get(item, scope)
                if raw is not None and raw is not MISSING:
                    return raw
                best = None if raw is None else best
            return best

        return first

    def member(self, paths: tuple[Path, ...]) -> str | None:
        """The one name by which `get` would ask a JSON object, where it does nothing else."""
        plain = len(paths) == 1 and paths[0].root == "" and len(paths[0].steps) == 1 and not self._xml and not self._nulls
        step = paths[0].steps[0] if plain else None
        return step if isinstance(step, str) else None

    def _one(self, path: Path) -> Getter:
        get, nulls = getter(path, self._xml), self._nulls
        if not nulls:
            return get

        def nullable(item: Any, scope: Scope) -> Any:
            raw = get(item, scope)
            return None if type(raw) is str and raw in nulls else raw

        return nullable

    def condition(self, condition: Condition) -> Holds | None:
        tests = [self._test(test) for test in condition]
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda item, scope: all(test(item, scope) for test in tests)

    def _test(self, test: Test) -> Holds:
        get = self._one(test.path)
        if test.exists is not None:
            wanted = test.exists
            return lambda item, scope: (get(item, scope) not in (None, MISSING)) is wanted
        values, negate = test.values or frozenset(), test.negate

        def among(item: Any, scope: Scope) -> bool:
            raw = get(item, scope)
            if type(raw) is not str:
                raw = None if raw is MISSING or type(raw) in (dict, list) else "null" if raw is None else as_text(raw)
            return (raw in values) is not negate

        return among

    def text(self, template: Template) -> Textual:
        """A template as a function: stripped, never empty, at most MAX_KEY characters, none of them a control character."""
        if not template.paths:
            constant = template.text.replace("{{", "{").replace("}}", "}")
            return lambda item, scope: constant
        parts = [part if isinstance(part, str) else self._one(part) for part in template.parts]
        text = template.text
        if len(parts) == 1 and not isinstance(parts[0], str):
            get = parts[0]
            return lambda item, scope: _key(get(item, scope), text)

        def fill(item: Any, scope: Scope) -> str | None:
            filled = ""
            for part in parts:
                if isinstance(part, str):
                    filled += part
                    continue
                found = _key(part(item, scope), text)
                if found is None:
                    return None
                filled += found
            if len(filled) > MAX_KEY:
                raise BadRecord(f"{text} has {len(filled)} characters; at most {MAX_KEY} make a key")
            return filled

        return fill

    def key(self, key: Key) -> Textual:
        makes = [self.text(template) for template in key.templates]
        if len(makes) == 1:
            return makes[0]
        return lambda item, scope: next((found for make in makes if (found := make(item, scope)) is not None), None)

    def choice(self, choice: ClassChoice) -> Callable[[Any, Scope], str]:
        if choice.path is None:
            assert choice.default is not None
            constant = choice.default
            return lambda item, scope: constant
        get, table, default = self._one(choice.path), choice.mapping or {}, choice.default
        text = choice.path.text

        def choose(item: Any, scope: Scope) -> str:
            raw = get(item, scope)
            known = raw is not MISSING and raw is not None and type(raw) not in (dict, list)
            found = table.get(as_text(raw), default) if known else default
            if found is None:
                raise BadRecord(f"no class: {text} is {'missing' if raw is MISSING else excerpt(raw)}, not in `map`")
            return found

        return choose


def _key(raw: Any, text: str) -> str | None:
    """A raw value as (part of) a key: None where it is missing, null or blank."""
    if type(raw) is not str:
        if raw is None or raw is MISSING:
            return None
        if type(raw) is not int:
            raise BadRecord(f"{text} is {excerpt(raw)}: a key is a text or a whole number")
        return str(raw)
    raw = raw.strip()
    if len(raw) > MAX_KEY or not (raw.isprintable() or _legible(raw)):
        raise BadRecord(f"{text} is {excerpt(raw)}: a key has at most {MAX_KEY} characters and no control characters")
    return raw or None


def _legible(text: str) -> bool:
    """No control characters, no line separators, no halves of surrogate pairs (Unicode categories Cc, Zl, Zp, Cs)."""
    return not any(category(char) in ("Cc", "Zl", "Zp", "Cs") for char in text)


def digest_of(*parts: bytes) -> str:
    """128 bits of BLAKE2b over the parts, each with its length before it, in hex."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
