"""What is kept beyond a node: values, long-term memory, vectors."""
