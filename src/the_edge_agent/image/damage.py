"""An image that is not what it was when it was built."""

from __future__ import annotations

from the_edge_agent.errors import TeaError


class ImageDamaged(TeaError):
    """A file that should be an image of this project is none, or not intact; the message says where."""

    code = "IMAGE_DAMAGED"
    exit_code = 8

    def __init__(self, message: str, *, hint: str = "get or build the file again") -> None:
        super().__init__(message, hint=hint)
