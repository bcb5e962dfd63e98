"""The one-file format: a runtime's head, a squashfs with models raw in it, and a manifest of all of it.

::

    squashfs · growth       read a squashfs; add files to one without touching what it holds
    elf · head · manifest   the parts of an image besides its squashfs
    layout                  what its folders and files are called
    engine · writer         the engine of an image; an engine + models + files → an image
    verify                  read an image back, byte for byte

A model is stored raw, contiguous and page-aligned, so that it can be mapped from the image itself.
"""
