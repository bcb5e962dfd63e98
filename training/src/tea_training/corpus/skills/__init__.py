"""The skills: a module each, with a ``NAME`` and a function ``chat``; ``records`` belongs to extraction, ``offers`` to tools."""
