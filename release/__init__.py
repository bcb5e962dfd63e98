"""From the source tree to files that a stranger can trust. Nothing that is installed imports it."""
