"""The names of roles and schemas that are Lockgate's own on a scratch server: new ones in every run, so that no SQL can
have been written for them, and the same words in every report."""

from __future__ import annotations

import re
import secrets

_OWN = re.compile(r"\b(?:lockgate_for_(.+?)|(lockgate_[a-z]+(?:_[a-z]+)?))_[0-9a-f]{16}\b")
_LONGEST = 63  # bytes of a name (NAMEDATALEN - 1)


def own(name: str) -> str:
    """A name of this run's: ``lockgate_runner`` with a random end."""
    return f"{name}_{secrets.token_hex(8)}"


def stand_in(role: str) -> str:
    """A name for the stand-in of a role that the server has already, as somebody else; empty where the name is too
    long."""
    name = own(f"lockgate_for_{role}")
    return name if len(name.encode()) <= _LONGEST else ""


def plain(text: str) -> str:
    """A text of the server's without the random ends, and with the roles that others stand in for."""
    return _OWN.sub(lambda found: found[1] or found[2], text) if "lockgate_" in text else text
