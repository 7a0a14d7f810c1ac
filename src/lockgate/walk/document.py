"""The schema at every moment, as one document: what each object was called, who owned it and what read it, from which
statement on. ``timeline --format html`` embeds it and ``show`` looks things up in it; ``tools/generate_page.py`` writes its
TypeScript types.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Mark = tuple[int, int]  # an object's id and a column's number; 0 is the whole object
Sign = Literal["+", "-", "~", "!", "?"]  # made, gone, altered, refused, in doubt


class Holding(msgspec.Struct, frozen=True):
    """What a role was granted on an object: privileges as PostgreSQL's letters (``arwdDxt``), and those it may pass on.
    ``role`` is "public" for PUBLIC."""

    role: str
    letters: str
    grantable: str = ""


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an object was from one statement on; ``gone``: from there on it was no more, and nothing else is told.

    ``at`` is the moment's index, ``line`` the statement's (0: none of its own). ``type`` is a column's, a domain's base or
    what a routine returns. ``keys`` are column numbers of a constraint or index (0: an expression), ``target`` and
    ``target_keys`` what a foreign key refers to, or the function of a trigger. ``reads`` are columns and relations that a
    view, routine, policy, trigger or CHECK reads. ``roles`` those of a policy, or those that a role belongs to (with
    their privileges). ``flags`` are properties in words; ``words`` tell what it made of the version before it.
    """

    at: int
    line: int = 0
    gone: bool = False
    name: str = ""
    schema: str = ""
    owner: str = ""
    type: str = ""
    notnull: bool = False
    default: str = ""
    text: str = ""
    keys: tuple[int, ...] = ()
    target: int = 0
    target_keys: tuple[int, ...] = ()
    reads: tuple[Mark, ...] = ()
    roles: tuple[str, ...] = ()
    grants: tuple[Holding, ...] = ()
    flags: tuple[str, ...] = ()
    words: str = ""


class Life(msgspec.Struct, omit_defaults=True):
    """One object from its first version to its last. ``kind`` is PostgreSQL's word (table, column, foreign key, ...).

    ``of`` is the relation that it belongs to, ``num`` a column's number; ``group`` gathers tables that belong together,
    and tables of one ``place`` follow one another under one name, so that a drawing may put them there.
    """

    id: int
    kind: str
    versions: list[Version]
    of: int = 0
    num: int = 0
    group: str = ""
    place: int = 0


class Deed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change in words, and what it is about."""

    line: int
    sign: Sign
    words: str
    about: Mark = (0, 0)


class Wait(msgspec.Struct, frozen=True, omit_defaults=True):
    """A lock that others can run into, from the statement of line ``first`` to that of line ``last``; ``work`` is done
    under it."""

    relation: str
    lock: str
    first: int
    last: int
    kind: str = "table"
    work: Literal["none", "scan", "build", "rewrite"] = "none"
    why: str = ""
    rows: int | None = None


class Moment(msgspec.Struct, omit_defaults=True):
    """A place to stand on: after production's baseline, after a migration, after the handover.

    ``fails`` is how many statements PostgreSQL refuses, ``lines`` where the statements begin. ``text`` is the file, where
    it is small enough to be carried along; ``cut`` says that it is not.
    """

    slot: str
    name: str
    path: str
    kind: Literal["baseline", "migration", "handover"] = "migration"
    role: str = ""
    pending: bool = False
    fails: int = 0
    lines: list[int] = []
    changes: list[Deed] = []
    waits: list[Wait] = []
    text: str = ""
    cut: bool = False


class AppQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """A query of the application's, and what it reads of the schema after the last migration."""

    path: str
    line: int
    text: str
    reads: tuple[Mark, ...] = ()
    partial: bool = False


class Walk(msgspec.Struct, omit_defaults=True):
    """Lockgate walk, version 1.

    ``handover`` is the first moment of the deployer's, -1 without one. ``doubts`` are the reasons why parts of the schema
    may be otherwise.
    """

    version: Literal[1]
    title: str
    major: int
    moments: list[Moment]
    lives: list[Life]
    queries: list[AppQuery] = []
    owner: str = ""
    deployer: str = ""
    handover: int = -1
    doubts: list[str] = []
