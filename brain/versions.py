"""Versions and stamps as text, and which versions others take back."""

from collections.abc import Collection, Iterable

import orjson

from brain.model import Stamp, Version


def canonical(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, UTF-8, no spaces. Integers and floats stay distinct."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def written(stamp: Stamp) -> list[object]:
    """`[valid, authority, event, source]`; with a logical time `[[valid, logical], authority, event, source]`."""
    valid, logical, *said = stamp
    return [[valid, logical] if logical else valid, *said]


def body(version: Version) -> bytes:
    """The content of a version as canonical JSON: what tells two statements under one stamp apart.

    Shape: `{"c": class, "p": {property: value}, "a": {attribute: value}, "l": [[relation, target, qualifier, holds], …]}`, and
    with `"v": [[event, source], …]` where it takes something back, with `"o": [chain, position]` where it stands in a chain.
    """
    links = [[*link, holds] for link, holds in version.links.items()]
    links.sort()
    said: dict[str, object] = {"c": version.cls, "p": version.properties, "a": version.attributes, "l": links}
    if version.voids:
        said["v"] = version.voids
    if version.order is not None:
        said["o"] = [*version.order]
    return canonical(said)


def voided(versions: Iterable[Version]) -> set[tuple[str, str, str]]:
    """(subject, event, source) of all that these versions take back."""
    return {(version.subject, *pair) for version in versions for pair in version.voids}


def standing(version: Version, void: Collection[tuple[str, str, str]]) -> bool:
    """Whether it was not taken back."""
    return not void or (version.subject, version.stamp.event, version.stamp.source) not in void
