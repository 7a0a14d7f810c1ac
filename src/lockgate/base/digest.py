"""Digests by the interpreter itself: hashlib loads OpenSSL, which takes as long as a hundred of our modules."""

from __future__ import annotations

import sys
from importlib import import_module

_MODULE = "_sha2" if sys.version_info >= (3, 12) else "_sha256"


def sha256(data: bytes) -> str:
    """In hexadecimal digits."""
    try:
        return str(import_module(_MODULE).sha256(data).hexdigest())
    except (ImportError, AttributeError):  # another interpreter than CPython
        import hashlib

        return hashlib.sha256(data).hexdigest()
