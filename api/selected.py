"""What a query asks for below a field."""

from collections.abc import Iterable, Iterator

from strawberry.types.nodes import SelectedField, Selection


def names_selected(selected: Iterable[Selection]) -> frozenset[str]:
    """The fields right below these, through whatever fragments."""
    return frozenset(name for field in selected for name in _names(field.selections))


def _names(selections: Iterable[Selection]) -> Iterator[str]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection.name
        else:
            yield from _names(selection.selections)
