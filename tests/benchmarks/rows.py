"""The rows that every bench returns, and the median ratio of runs that were taken in turn."""

from collections.abc import Sequence
from statistics import median
from typing import Any, Literal


def row(
    name: str,
    value: float,
    *,
    unit: str,
    target: float | None = None,
    better: Literal["more", "less"] = "less",
) -> dict[str, Any]:
    """One figure beside its target (None: reported only)."""
    met = None if target is None else value >= target if better == "more" else value <= target
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met}


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours ÷ theirs, round by round: drift of the machine falls out."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))
