"""Merged reads of a store, and the decisions that merge: `brain.identity` put to work."""

from brain.identities.decisions import accept, proposals, reject, undo
from brain.identities.merged import Merged

__all__ = ["Merged", "accept", "proposals", "reject", "undo"]
