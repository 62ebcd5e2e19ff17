"""One frozen object of settings, read once by the command line and handed down. Nothing else reads the environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


def data_home(env: Mapping[str, str] = os.environ) -> Path:
    """Where the user's own data lives: `$BRAIN_HOME`, else the platform's folder for user data."""
    if home := env.get("BRAIN_HOME"):
        return Path(home)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "enterprise-brain"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "enterprise-brain"


@dataclass(frozen=True, slots=True)
class Settings:
    """`store` is a URL (`sqlite:///path`, `neo4j://user:pass@host/db`). `ontology` and `adapters` are further folders of
    domains and of adapters, beside those that ship. `kafka` is HOST:PORT of the broker that carries change notices, or None."""

    store: str
    ontology: tuple[Path, ...] = ()
    adapters: tuple[Path, ...] = ()
    kafka: str | None = None

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """From `BRAIN_STORE`, `BRAIN_ONTOLOGY`, `BRAIN_ADAPTERS` (folders, separated as in PATH) and `BRAIN_KAFKA`."""
        return cls(
            store=env.get("BRAIN_STORE") or f"sqlite:///{data_home(env) / 'brain.db'}",
            ontology=_folders(env.get("BRAIN_ONTOLOGY")),
            adapters=_folders(env.get("BRAIN_ADAPTERS")),
            kafka=env.get("BRAIN_KAFKA") or None,
        )


def _folders(paths: str | None) -> tuple[Path, ...]:
    return tuple(Path(p) for p in (paths or "").split(os.pathsep) if p)
