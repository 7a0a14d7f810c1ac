"""What a failure that nobody could repair makes worthless: statements that speak of what the failed one was to make or
change.

A word of the later statement equal to a name is enough: too many doubts make a finding ``unproven``, too few would make
it a lie.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from lockgate.oracle.apply.plan import ServerFailure
from lockgate.parse import Statement
from lockgate.parse.facts import BESIDE_A_TABLE, CHANGING_ROWS, CODE, PRIVILEGES, WITHOUT_EFFECT
from lockgate.parse.statement import nodes
from lockgate.sources.migration import Unprinted

_WORD = re.compile(r"[^\W\d][\w$]*")
_QUOTED = re.compile(r'"((?:[^"]|"")+)"')
_HARMLESS_FUNCTIONS = frozenset(
    {
        "coalesce",
        "count",
        "max",
        "min",
        "nextval",
        "now",
        "set_config",
        "setval",
    }
)
# the object is there already: nothing that follows rests on the refused creation
THERE_ALREADY = frozenset({"42P07", "42710", "42701", "42723", "42P06"})
_DATA_CLASSES = ("21", "22", "23", "P0")
_LOOKUPS = ("42883", "42704", "42P01", "42703", "3F000")


class ApplyTaint(msgspec.Struct):
    """Grows with each unrepaired failure; names are last components, without schemas."""

    names: set[str] = msgspec.field(default_factory=set)
    data: set[str] = msgspec.field(default_factory=set)  # relations whose rows are not what they would be
    everything: str = ""  # why nothing that follows proves anything
    missing: str = ""  # why an unknown function, type or relation proves nothing (a missing extension)
    privileges: str = ""
    doubted: dict[str, str] = msgspec.field(default_factory=dict)  # relations that are not known, each with the reason
    rows: str = ""  # why rows anywhere may be others than they would be

    def leap(self, gaps: Iterable[Unprinted]) -> None:
        """What a program did that nobody could print was not done."""
        for gap in gaps:
            self.doubted |= {gap.column or name: gap.why for _, name in gap.names}
            self.rows = self.rows or gap.why

    def add(self, statement: Statement | None, why: str) -> None:
        """A statement was not applied, or not on the ground that production has."""
        if statement is None:
            self.everything = self.everything or why
            return
        tag, node = statement.tag, statement.node
        if tag in WITHOUT_EFFECT:
            return
        if tag in CHANGING_ROWS:
            self.data.add(node.get("relation", {}).get("relname", ""))
        elif tag == "CreateExtensionStmt":
            self.missing = self.missing or why
            self.names.add(node.get("extname", ""))
        elif tag in PRIVILEGES or (tag == "AlterTableStmt" and _only_owner(node)):
            self.privileges = self.privileges or why
        elif tag == "SelectStmt" and not set(_functions(node)) - _HARMLESS_FUNCTIONS:
            self.data.update(words(statement.text))
        elif found := set(targets(tag, node)) - {""}:
            self.names |= found
        else:
            self.everything = self.everything or why

    def of(self, statement: Statement, failure: ServerFailure | None) -> str:
        """Why an observation of this statement proves nothing; empty where it does."""
        if self.everything:
            return self.everything
        if not (self.names or self.doubted or self.data or self.missing or self.privileges or self.rows):
            return ""
        named = words(statement.text)
        if failure is not None:
            named |= words(failure.message)
        if touched := named & self.names:
            return f"an earlier statement on {sorted(touched)[0]} failed"
        if touched := named & self.doubted.keys():
            return self.doubted[sorted(touched)[0]]
        if failure is None:
            return ""
        if failure.sqlstate[:2] in _DATA_CLASSES and (touched := named & self.data):
            return f"rows of {sorted(touched)[0]} are missing: an earlier statement failed"
        if failure.sqlstate[:2] in _DATA_CLASSES and self.rows:
            return self.rows
        if self.missing and failure.sqlstate in _LOOKUPS:
            return self.missing
        return self.privileges if failure.sqlstate == "42501" else ""

    def of_names(self, sqlstate: str, message: str) -> str:
        """Why a name that is not found proves nothing; empty where it does."""
        if self.everything or (self.missing and sqlstate in _LOOKUPS):
            return self.everything or self.missing
        if doubted := words(message) & self.doubted.keys():
            return self.doubted[sorted(doubted)[0]]
        touched = words(message) & self.names
        return f"an earlier statement on {sorted(touched)[0]} failed" if touched else ""


def _only_owner(node: dict[str, Any]) -> bool:
    """ALTER TABLE ... OWNER TO: whose it is changes nothing but who may."""
    return all(item.get("AlterTableCmd", {}).get("subtype") == "AT_ChangeOwner" for item in node.get("cmds", ()))


def words(text: str) -> set[str]:
    """Every word of a statement that could be a name."""
    return {word.lower() for word in _WORD.findall(text)} | set(_QUOTED.findall(text))


def targets(tag: str, node: dict[str, Any]) -> Iterator[str]:
    """The names of what a statement makes or changes, as far as its tree tells; none for DO, CALL and what is
    unknown."""
    if tag in CODE or tag in ("VariableSetStmt", "SelectStmt"):
        return
    beside = tag in BESIDE_A_TABLE or (tag == "IndexStmt" and not node.get("unique"))
    for key in () if beside else ("relation", "view", "sequence", "typevar", "table"):
        if isinstance(node.get(key), dict):
            yield node[key].get("relname", "")
    if isinstance(node.get("role"), dict):
        yield node["role"].get("rolename", "")
    for key in (
        "idxname",
        "trigname",
        "policy_name",
        "schemaname",
        "newname",
        "subname",
        "role",
        "evtname",
        "servername",
        "fdwname",
        "pubname",
    ):
        if isinstance(node.get(key), str):
            yield node[key].lower() if tag != "RenameStmt" else node[key]
    for key in ("funcname", "typeName", "domainname", "defnames", "object", "objects", "func", "into", "collname"):
        if key in node:
            yield from _last_names(node[key])


def _last_names(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        strings = [item["String"]["sval"] for item in node if isinstance(item, dict) and "String" in item]
        if strings:
            yield strings[-1]
            return
        for item in node:
            yield from _last_names(item)
    elif isinstance(node, dict):
        if "relname" in node:
            yield node["relname"]
        elif "sval" in node:
            yield node["sval"]
        else:
            for key in ("rel", "RangeVar", "List", "items", "ObjectWithArgs", "objname", "TypeName", "names", "String"):
                if key in node:
                    yield from _last_names(node[key])


def _functions(node: Any) -> Iterator[str]:
    for at in nodes(node):
        if "FuncCall" in at:
            names = at["FuncCall"].get("funcname", ())
            yield names[-1]["String"]["sval"] if names else ""
