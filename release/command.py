"""What the command lines of a release share: an exit code, and an error as `tea` itself writes it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from the_edge_agent.errors import TeaError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def carry_out(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> int:
    """Parse ``words`` (``None``: those the program was started with) and call the verb's ``run``; the exit code means what one of ``tea`` does."""
    options = parser.parse_args(words)
    try:
        options.run(options)
    except TeaError as error:
        sys.stderr.write(f"error [{error.code}]: {error.message}\n" + (f"    hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0
