"""Two databases' definitions against one another: pure, and silent about what cannot be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.difference.address import PARTS
from lockgate.difference.alike import alike
from lockgate.difference.deviation import Deviation, DriftKind, Key
from lockgate.oracle.apply.roles import EVERYONE, RUNNER
from lockgate.oracle.read.definition import Definition

Definitions = dict[Key, Definition]
_WHOLE = ("table", "foreign table", "view", "materialized view", "type", "domain", "sequence")  # what has parts
_CLUSTER = ("role", "membership")
# memberships have these options from 16 on, tables that privilege from 17 on
_NEWER, _NEW_PRIVILEGE = frozenset({"inherit", "set"}), "MAINTAIN"
# in which the spelling of one server may differ from that of another major
_SPELLED = frozenset({"definition", "default", "generated", "using", "with check", "bound", "partition by"})


class Terms(msgspec.Struct, frozen=True):
    """What can be compared. ``strangers``: roles whose grants nobody can tell, ``roles``: those that configuration and
    migrations know."""

    owners: bool  # roles are configured, so who owns what is production's word against the migrations'
    same_major: bool
    ledgers: frozenset[str] = frozenset()  # tables that the runner makes for itself
    runners: frozenset[str] = frozenset()  # schemas that it makes for them
    schemas: frozenset[str] = frozenset()  # that a hosting service fills
    extensions: frozenset[str] = frozenset()  # that are there before the first migration, or taken to be
    strangers: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()  # roles of the configuration: none of the migrations makes them
    pair: frozenset[str] = frozenset()  # owner and deployer


def comparable(definitions: Iterable[Definition], terms: Terms) -> Definitions:
    """The definitions by key, without what is not the migrations' business or cannot be known."""
    out: Definitions = {}
    for one in definitions:
        if _left_out(one, terms):
            continue
        one = _plain(one, terms)
        if one.kind == "default privileges" and not one.properties["grants"]:
            continue
        key = (one.kind, *one.name, *((one.args,) if one.args is not None else ()))
        known = out.get(key)
        out[key] = (
            one
            if known is None
            else replace(one, properties={"grants": _merged(known.properties["grants"], one.properties["grants"])})
        )
    return out


def _left_out(one: Definition, terms: Terms) -> bool:
    if one.kind == "role":
        return one.name[0] not in terms.roles - terms.own
    if one.kind == "membership":
        automatic = (
            one.properties["admin"] and one.properties["inherit"] is False and one.properties["set"] is False
        )  # a creator's, from 16 on
        concerns = set(one.name) - terms.own or set(one.name) <= terms.pair  # the rest is set up beside the migrations
        return automatic or not concerns or not set(one.name) <= terms.roles
    if one.name[0] in {"extension": terms.extensions, "schema": terms.runners}.get(one.kind, ()):
        return True
    place = one.name[0] if len(one.name) > 1 or one.kind == "schema" else one.properties.get("in schema", "")
    ledger = one.name[1] if len(one.name) > 1 else ""
    return (
        place in terms.schemas
        or ledger in terms.ledgers
        or (one.kind == "sequence" and any(ledger.startswith(f"{t}_") for t in terms.ledgers))
    )


def _plain(one: Definition, terms: Terms) -> Definition:
    properties = dict(one.properties)
    if not terms.same_major:
        properties = _of_any_major(one.kind, properties)
    if properties.get("grants"):
        hidden = {EVERYONE, *terms.strangers} - {one.owner}
        properties["grants"] = {to: may for to, may in properties["grants"].items() if to not in hidden and may}
    if one.kind == "default privileges":
        return replace(
            one,
            properties=properties,
            args=one.owner if terms.owners else None,
            owner=one.owner if terms.owners else "",
        )
    bootstrap = one.kind == "database" or (one.kind == "schema" and one.name == ("public",) and not terms.same_major)
    return replace(one, properties=properties, owner="" if bootstrap else one.owner)


def _of_any_major(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """What every major knows, and says in the same words."""
    left_out = _SPELLED | _NEWER if kind == "membership" else _SPELLED
    kept = {name: value for name, value in properties.items() if name not in left_out}
    if kept.get("grants"):
        kept["grants"] = {
            to: [p for p in may if p.rstrip("*") != _NEW_PRIVILEGE] for to, may in kept["grants"].items() if to
        }
    return kept


def _merged(one: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {to: sorted({*one.get(to, ()), *other.get(to, ())}) for to in {*one, *other}}


def deviations(production: Definitions, migrations: Definitions, terms: Terms) -> list[Deviation]:
    """Every object that is not the same, in the order of their names; what goes with a whole is told with it."""
    found = [
        *_one_sided(production, migrations, DriftKind.BY_HAND),
        *_one_sided(migrations, production, DriftKind.LACKING),
        *_changed(production, migrations, terms),
    ]
    if not terms.owners:
        found = [_without_owner(each) for each in found]
    return sorted(found, key=lambda d: (list(DriftKind).index(d.change), d.kind in _CLUSTER, d.key[1:], d.kind))


def _without_owner(each: Deviation) -> Deviation:
    """The scratch server's owner is a stand-in for whoever applies in production."""
    owner = each.production.owner if each.production is not None else ""
    made = replace(each.migrations, owner=owner) if each.migrations is not None else None
    inside = each.inside if each.production is not None else tuple(replace(d, owner="") for d in each.inside)
    return replace(each, migrations=made, inside=inside)


def _one_sided(one: Definitions, other: Definitions, change: DriftKind) -> Iterator[Deviation]:
    new = {key: d for key, d in one.items() if key not in other and not d.inherited and not d.properties.get("of view")}
    schemas = {key[1] for key in new if key[0] == "schema"}
    wholes = {d.name: key for key, d in new.items() if d.kind in _WHOLE}
    inside: dict[Key, list[Definition]] = {}
    rest = []
    for key, d in new.items():
        whole = _whole(key, d, schemas, wholes)
        if whole is None:
            rest.append(key)
        else:
            inside.setdefault(whole, []).append(d)
    for key in rest:
        production, migrations = (new[key], None) if change is DriftKind.BY_HAND else (None, new[key])
        yield Deviation(key, change, production, migrations, inside=tuple(inside.get(key, ())))


def _whole(key: Key, one: Definition, schemas: set[str], wholes: Mapping[tuple[str, ...], Key]) -> Key | None:
    """The new object that this one goes with."""
    if len(one.name) > 1 and one.name[0] in schemas:
        return ("schema", one.name[0])
    if one.kind in PARTS:
        return wholes.get(one.name[:2])
    owned = (
        str(one.properties.get("owned by") or "").rpartition(".")[0].replace('"', "").split(".")
        if one.kind == "sequence"
        else ()
    )
    return wholes.get(tuple(owned)) if owned else None


def _changed(production: Definitions, migrations: Definitions, terms: Terms) -> Iterator[Deviation]:
    found = {}
    for key in production.keys() & migrations.keys():
        differing = _properties(production[key], migrations[key], terms)
        if differing:
            found[key] = Deviation(key, DriftKind.CHANGED, production[key], migrations[key], differing)
    for key, each in found.items():
        if not any(up in found and found[up].properties == each.properties for up in _above(key, production)):
            yield each


def _above(key: Key, production: Definitions) -> Iterator[Key]:
    """The same part of the tables that this one inherits from."""
    if key[0] in PARTS:
        table = production.get(("table", *key[1:3]))
        for parent in (table.properties.get("parents") or ()) if table is not None else ():
            schema, _, name = parent.replace('"', "").rpartition(".")
            yield (key[0], schema, name, *key[3:])


def _properties(has: Definition, made: Definition, terms: Terms) -> dict[str, tuple[Any, Any]]:
    """What differs: in production, and as the migrations make it."""
    out: dict[str, tuple[Any, Any]] = {}
    if (
        terms.owners
        and has.owner != made.owner
        and not has.inherited
        and has.kind not in (*PARTS, "default privileges")
    ):
        out["owner"] = (has.owner, made.owner)
    for name in (made.properties.keys() | has.properties.keys()) - {"grants", "version", "default version", "named"}:
        one, other = has.properties.get(name), made.properties.get(name)
        if one != other and not (name in _SPELLED and alike(has.kind, name, one, other)):
            out[name] = (one, other)
    if has.kind == "extension" and _pinned(made) and has.properties["version"] != made.properties["version"]:
        out["version"] = (has.properties["version"], made.properties["version"])
    return out | _grants(has, made, terms)


def _pinned(one: Definition) -> bool:
    """Whether a migration named the version: it is not what its server takes by default."""
    return bool(one.properties["default version"]) and one.properties["version"] != one.properties["default version"]


def _grants(has: Definition, made: Definition, terms: Terms) -> dict[str, tuple[Any, Any]]:
    ours, theirs = _by_grantee(has, has, made, terms), _by_grantee(made, has, made, terms)
    out: dict[str, tuple[Any, Any]] = {}
    for to in sorted(ours.keys() | theirs.keys()):
        one, other = list(ours.get(to, ())), list(theirs.get(to, ()))
        if one != other:
            out[f"privileges of {to or 'the owner'}"] = (one, other)
    return out


def _by_grantee(one: Definition, has: Definition, made: Definition, terms: Terms) -> dict[str, list[str]]:
    """Privileges by grantee. Where nobody knows who applies in production, a grant to its owner is the owner's own."""
    found = dict(one.properties.get("grants") or {})
    if not terms.owners:
        for name in {has.owner, made.owner, RUNNER} & found.keys():
            del found[name]
    return found
