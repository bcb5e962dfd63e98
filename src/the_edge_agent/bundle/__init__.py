"""A user's own agent in one file: a workflow, what it needs, its models and an engine.

::

    packing   which engine, which models, and whether everything is there
    closure   the files that the workflow needs beside its own
    code      the Python that it imports
    desktop   how the image appears among other programs: name, icon, metadata
    start     what the image runs when it is started: written into it here, read again in it
"""
