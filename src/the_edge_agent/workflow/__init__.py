"""From text to an immutable, checked ``Workflow``; knows nothing of running."""
