"""Generated conversations: what the built-in model learns from."""
