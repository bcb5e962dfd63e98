"""Which models of the variants have a stand-in: those of a family whose tensors `benchmarks/appimage/standins.py` knows."""

from __future__ import annotations

from release.build import variants
from the_edge_agent.models import catalogue

FAMILIES = {"gemma3", "gemma3n", "phi3"}
_OWN = [row.own_model for row in variants.table().values() if row.own_model]
MODELS = [name for name in _OWN if (known := catalogue.known(name)) and known.family in FAMILIES]
