"""Actions of examples/extend/units.yaml."""

from __future__ import annotations

from collections.abc import Callable


def to_km(miles: float, digits: int = 1) -> dict[str, float]:
    """Miles as kilometres, rounded."""
    return {"km": round(miles * 1.609344, digits)}


def register_actions(registry: dict[str, Callable[..., object]], _engine: object) -> None:
    """Called once, when the workflow is loaded."""
    registry["to_km"] = to_km
