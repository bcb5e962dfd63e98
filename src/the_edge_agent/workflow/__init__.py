"""From text to an immutable, checked :class:`~the_edge_agent.workflow.model.Workflow`; knows nothing of running."""
