"""One file out of it all: payload, image, the user's workflow and model, and the check of the result.

::

    packages · wheels · payload   what an engine consists of → a folder of files (release builds only)
    engine                        that folder → an engine image: the runtime's head and a squashfs
    squashfs · growth             read a squashfs; add files to one without touching what it holds
    elf · head · manifest         the parts of an image besides its squashfs
    image                         an engine image + models + a workflow → a bundle
    closure                       what a workflow needs beside its own file
    verify                        read an image back, byte for byte

A model is stored raw, contiguous and page-aligned, so that it can be mapped from the image itself.
"""
