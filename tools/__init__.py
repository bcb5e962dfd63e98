"""The project's own tools, for people who work on it."""
