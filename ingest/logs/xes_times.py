"""The complete transitions of a XES log as columns."""

import numpy as np
import polars as pl

from brain.analytics.columns import Flat
from ingest.logs.fault import Path
from ingest.logs.records import LogOptions
from ingest.logs.xes_columns import transitions


def completions(path: Path, options: LogOptions) -> Flat | None:
    """The complete transitions of a log as columns; None where only a full reading can tell what they are."""
    found = transitions(path, options)
    if found is None:
        return None
    first = np.flatnonzero(np.diff(found.case, prepend=-1))
    position = np.arange(len(found.case)) - np.repeat(first, np.diff(first, append=len(found.case)))
    complete = np.flatnonzero((found.kind == "complete").to_numpy())
    activities = found.activity.unique(maintain_order=True)
    activity = found.activity.cast(pl.Enum(activities)).to_physical().to_numpy().astype(np.int64)[complete]
    case, at = found.case[complete], found.at[complete]

    def name(row: int) -> str:
        return f"{found.cases[case[row]]} #{position[complete[row]]}"

    return Flat.of_columns(found.cases, activities.to_list(), case, activity, (at, at), name)
