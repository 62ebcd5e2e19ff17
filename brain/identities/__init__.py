"""Merged reads of a store, and the decisions that merge: `brain.identity` put to work."""

from brain.identities.decisions import accept, proposals, reject, undo
from brain.identities.lasting import under_names_of
from brain.identities.merged import Merged

__all__ = ["Merged", "accept", "proposals", "reject", "under_names_of", "undo"]
