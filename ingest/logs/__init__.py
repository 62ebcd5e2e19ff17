"""Event logs: OCEL 2.0 (JSON, XML, SQLite), OCEL 1.0 (JSON), XES and CSV as one stream of neutral records.

`open_log(path).check()` judges a file; `open_log(path).records()` reads it.
"""

from ingest.logs.check import Progress
from ingest.logs.fault import BadLog
from ingest.logs.log import Log, open_log
from ingest.logs.records import CASE, Format, Kind, LogEvent, LogObject, LogOptions, LogSummary, Record, Scalar

__all__ = [
    "CASE", "BadLog", "Format", "Kind", "Log", "LogEvent", "LogObject", "LogOptions", "LogSummary", "Progress", "Record",
    "Scalar", "open_log",
]  # fmt: skip
