"""The recipe of the built-in models: corpus, tokenizer, training, export, evaluation."""

VERSION = "1"
"""Of recipe and corpus: goes up when a model made by it would differ on purpose."""
