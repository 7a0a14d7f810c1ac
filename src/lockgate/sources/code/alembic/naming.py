"""Names of constraints and indexes by a metadata's naming convention (sqlalchemy/sql/naming.py)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lockgate.sources.code.values import ClassValue, Host

DEFAULT: Mapping[str, str] = {"ix": "ix_%(column_0_label)s"}  # schema.DEFAULT_NAMING_CONVENTION
_LONGEST = 63
_TOKEN = re.compile(r"%\((\w+)\)s")
_COLUMN = re.compile(r"(referred_)?column_(\d+)(_?N)?_(name|key|label)")


class Final(msgspec.Struct, frozen=True):
    """A name that no convention changes: ``op.f("...")``."""

    name: str


class Parts(msgspec.Struct, frozen=True):
    """What a name is made of."""

    kind: str  # "ix", "uq", "ck", "fk", "pk"
    table: str
    columns: Sequence[str] = ()
    referred_table: str = ""
    referred_columns: Sequence[str] = ()


def named(given: object, parts: Parts, convention: Mapping[str, Any]) -> str | None:
    """The name that is sent; "" where PostgreSQL makes one, None where it is not known."""
    if isinstance(given, Final):
        return given.name
    form = convention.get(parts.kind)
    if isinstance(given, str) and (not isinstance(form, str) or "%(constraint_name)s" not in form):
        return given
    if form is None and given is None:
        return ""
    if not isinstance(form, str) or not (given is None or isinstance(given, str)):
        return None
    try:
        return shortened(_TOKEN.sub(lambda found: _value(found.group(1), given, parts, convention), form))
    except LookupError:
        return None


def _value(token: str, given: str | None, parts: Parts, convention: Mapping[str, Any]) -> str:
    if token == "table_name":
        return parts.table
    if token == "referred_table_name":
        return parts.referred_table
    if token == "constraint_name":
        if given is None:
            raise LookupError(token)
        return given
    found = _COLUMN.fullmatch(token)
    if found is None:
        return _worked_out(convention.get(token), parts)
    columns = parts.referred_columns if found.group(1) else parts.columns
    label = f"{parts.table}_" if found.group(4) == "label" else ""
    if found.group(3):
        return ("_" if found.group(3).startswith("_") else "").join(label + c for c in columns)
    place = int(found.group(2))
    return label + columns[place] if place < len(columns) else ""


def _worked_out(value: Any, parts: Parts) -> str:
    """A token that the project works out itself: the columns' names put together is what all do."""
    if isinstance(value, Host | ClassValue) or value is None:
        raise LookupError
    return "_".join(parts.columns)


def shortened(name: str) -> str:
    """A name that a convention made, within PostgreSQL's length (compiler.py, truncate_and_render_maxlen_name)."""
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return f"{name[: _LONGEST - 8]}_{digest[-4:]}"
