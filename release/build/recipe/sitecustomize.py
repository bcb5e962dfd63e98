# ruff: noqa: INP001 - the one module that Python imports by this name, in no package
"""Runs first in every Python of an image: gives the user's environment back and keeps what the runtime said.

What a workflow starts must not see variables that are only meant for the engine. docs/appimage-runtime.md says what they are.
"""

import os

inside: dict[str, str] = {}
"""What the runtime promises the engine, by the names of its variables."""

for _name in os.environ.pop("TEA_RESTORE", "").split():
    _value = os.environ.pop(_name, None)
    if _value is not None:
        inside[_name] = _value
    _before = os.environ.pop(f"TEA_RESTORE_{_name}", None)
    if _before is not None:
        os.environ[_name] = _before
