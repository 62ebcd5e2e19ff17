"""What else changed at a time, in the unit of its kind."""

from brain.analytics.circumstances import CircumstanceKind
from brain.words import amount, duration, share


def circumstance(value: float, kind: CircumstanceKind) -> str:
    match kind:
        case CircumstanceKind.PROCESSING:
            return duration(value)
        case CircumstanceKind.SHARE:
            return share(value)
        case CircumstanceKind.ARRIVALS | CircumstanceKind.RESOURCES:
            return amount(value)
