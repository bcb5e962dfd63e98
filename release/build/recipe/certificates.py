# ruff: noqa: INP001 - a module of another package: it takes the place of certifi/core.py in an image
"""certifi as it is inside an image: the certificates that the machine trusts, and its own only where the machine has none.

Debian's certifi does the same. Whoever asks certifi then trusts what all other programs of the machine trust, a company's own
authority too. docs/appimage-runtime.md says which file that is.
"""

from pathlib import Path

from sitecustomize import inside

__all__ = ("contents", "where")


def where() -> str:
    """The file with the certificates, in PEM form."""
    return inside.get("TEA_CERTIFICATES") or str(Path(__file__).with_name("cacert.pem"))


def contents() -> str:
    """What stands in that file."""
    return Path(where()).read_text(encoding="utf-8", errors="replace")
