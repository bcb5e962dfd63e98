# ruff: noqa: INP001 - a file beside its workflow, no package
"""Actions of examples/extend/units.yaml."""


def to_km(miles: float, digits: int = 1) -> dict[str, float]:
    """Miles as kilometres, rounded."""
    return {"km": round(miles * 1.609344, digits)}


def register_actions(registry: dict[str, object], _engine: object) -> None:
    """Called once, when the workflow is loaded."""
    registry["to_km"] = to_km
