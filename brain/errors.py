"""Errors are named for what the caller should do.

BrainError
├── Reject   the input is wrong: bury it with its reason, or tell the user; trying again will not help
├── Retry    a server or file is busy or away: wait, then do the same again
└── Fatal    going on would break a promise: end the process with this as its last line

Every message says where the fault is and how to mend it.
"""


class BrainError(Exception):
    """The root of all errors that this software raises on purpose."""


class Reject(BrainError):
    """The input is wrong, and stays wrong however often it is tried."""


class Retry(BrainError):
    """Something outside is busy or away; the same call may succeed later."""


class Fatal(BrainError):
    """The process must end: going on would break a promise."""


class BadUrl(Reject):
    """A store, feed or server address that cannot be understood."""


class StoreBusy(Retry):
    """The store is locked, restarting or out of reach."""


class StoreBroken(Fatal):
    """The store cannot take writes at all: disk full, read-only, wrong version."""


class BadQuery(Reject):
    """A read that names a class, property or relation which the ontology does not have."""


class BadChange(Reject):
    """A change that names what the ontology does not have, or a value that no store can hold. Nothing of its batch was stored."""
