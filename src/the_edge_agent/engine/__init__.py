"""Runs a workflow. Standard library only, no I/O of its own."""
