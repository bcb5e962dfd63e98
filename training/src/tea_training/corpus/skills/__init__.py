"""The skills: a module each, with a ``NAME`` and a function ``chat``."""
