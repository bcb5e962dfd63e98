"""Turns built files into a release that a stranger can trust: ``python -m release.publish --help``.

::

    artifact               one file of a release: name, size, SHA-256, and where its bytes are
    parts                  a file too large for a release → parts, and back
    store                  a file → S3-compatible storage, read back
    sums · signature       SHA256SUMS of everything, and its minisign signature
    listing · installer    what install.sh reads; install.sh with its release in it
    sbom                   what is inside an image, as CycloneDX
    changelog · notes      what people read

A job that builds a file describes it in ``NAME.artifact.json``. Everything after that is made from these descriptions, so the job that publishes
never needs the large files themselves.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The source tree."""
