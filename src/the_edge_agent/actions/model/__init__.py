"""What asks a language model."""
