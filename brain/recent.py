"""A mapping that forgets what was not asked for lately, for what can be found out again."""

from typing import Generic, TypeVar

V = TypeVar("V")

MOST = 50_000


class Recent(Generic[V]):
    """Knows the last `MOST` keys that were set or asked for, and no more than twice as many."""

    def __init__(self) -> None:
        self._young: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def get(self, key: str) -> V | None:
        """None where it is not known, or no longer."""
        value = self._young.get(key)
        if value is None and key in self._old:
            value = self._old.pop(key)
            self[key] = value
        return value

    def __setitem__(self, key: str, value: V) -> None:
        self._young[key] = value
        if len(self._young) > MOST:
            self._old, self._young = self._young, {}

    def forget(self, key: str) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        self._young.clear()
        self._old.clear()
