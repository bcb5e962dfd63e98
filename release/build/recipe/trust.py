# ruff: noqa: INP001 - a module of another package: it takes the place of httpcore2/_ssl.py in an image
"""Whom httpx2 trusts inside an image: whom OpenSSL trusts there.

httpcore2 looks for certificates itself and finds none on a machine that has none. OpenSSL asks for ``SSL_CERT_FILE``, which the
runtime answers with the machine's certificates, else with those of the image. docs/appimage-runtime.md says which file that is.
"""

import ssl


def default_ssl_context(*, _trust_env: bool = True) -> ssl.SSLContext:
    """A context that checks certificates and names of servers."""
    return ssl.create_default_context()
