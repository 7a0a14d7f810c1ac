"""Text search configurations, dictionaries, parsers and templates (src/backend/commands/tsearchcmds.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Other
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NotOwner
from lockgate.timeline.privileges.check import need_owner, need_superuser
from lockgate.timeline.transitions.object.creation import (
    doubt,
    find_other,
    names_of,
    new_name,
    spelled,
    target_namespace,
)
from lockgate.timeline.transitions.type.collation import put_other

_INDEX = {
    "ts_config": ("pg_ts_config_cfgname_index", "configuration"),
    "ts_dict": ("pg_ts_dict_dictname_index", "dictionary"),
    "ts_parser": ("pg_ts_parser_prsname_index", "parser"),
    "ts_template": ("pg_ts_template_tmplname_index", "template"),
}
TOKENS = frozenset(
    [
        "asciihword",
        "asciiword",
        "blank",
        "email",
        "entity",
        "file",
        "float",
        "host",
        "hword",
        "hword_asciipart",
        "hword_numpart",
        "hword_part",
        "int",
        "numhword",
        "numword",
        "protocol",
        "sfloat",
        "tag",
        "uint",
        "url",
        "url_path",
        "version",
        "word",
    ]
)


def find(ctx: Context, kind: str, names: list[Any], location: int | None = None) -> Other | None:
    """An object of that kind; None where it is built in. Refuses with 42704."""
    name = spelled(names).rpartition(".")[2]
    found = find_other(ctx, kind, names, "", missing_ok=True) if not doubt(ctx, kind, 0, name) else None
    if found is not None:
        return found
    if name in ctx.catalog.builtins.names(f"{kind}s") and (
        len(names) == 1 or names[0]["String"].get("sval") == "pg_catalog"
    ):
        return None
    return find_other(ctx, kind, names, f"text search {_INDEX[kind][1]}", location)


def _make(ctx: Context, kind: str, node: Node, refs: tuple[int, ...], *, place: Any = None) -> None:
    space, name = place or new_name(ctx, node["defnames"])
    index, _ = _INDEX[kind]
    old = ctx.catalog.one(Other, (kind, space.oid, name))
    if old is not None and not doubt(ctx, kind, space.oid, name, old.oid):
        raise ctx.refuse(
            "23505",
            f'duplicate key value violates unique constraint "{index}"',
            None,
            name=name,
            kind=kind,
            object=ctx.catalog.qualified(old),
        )
    put_other(ctx, kind, name, space, refs=refs)


def _options(node: Node) -> dict[str, Node]:
    return {d["DefElem"]["defname"]: d["DefElem"] for d in node.get("definition", [])}


def define_configuration(ctx: Context, node: Node) -> None:
    """DefineTSConfiguration: from a parser, or copied."""
    place = new_name(ctx, node["defnames"])
    options = _options(node)
    if "copy" in options and "parser" in options:
        raise ctx.refuse("42601", "cannot specify both PARSER and COPY options", None, kind="other")
    refs: tuple[int, ...] = ()
    for key, kind in (("parser", "ts_parser"), ("copy", "ts_config")):
        if key in options:
            found = find(ctx, kind, names_of(options[key]), options[key].get("location"))
            refs = (found.oid,) if found is not None and key == "parser" else refs
    if "copy" not in options and "parser" not in options:
        raise ctx.refuse("42P17", "text search parser is required", None, kind="other")
    _make(ctx, "ts_config", node, refs, place=place)


def define_dictionary(ctx: Context, node: Node) -> None:
    """DefineTSDictionary."""
    place = new_name(ctx, node["defnames"])
    options = _options(node)
    if "template" not in options:
        raise ctx.refuse("42P17", "text search template is required", None, kind="other")
    found = find(ctx, "ts_template", names_of(options["template"]), options["template"].get("location"))
    _make(ctx, "ts_dict", node, (found.oid,) if found is not None else (), place=place)


def define_parser(ctx: Context, node: Node) -> None:
    """DefineTSParser."""
    need_superuser(ctx, "must be superuser to create text search parsers")
    _make(ctx, "ts_parser", node, (), place=target_namespace(ctx, node["defnames"]))


def define_template(ctx: Context, node: Node) -> None:
    """DefineTSTemplate."""
    need_superuser(ctx, "must be superuser to create text search templates")
    _make(ctx, "ts_template", node, (), place=target_namespace(ctx, node["defnames"]))


def alter_configuration(ctx: Context, node: Node) -> None:
    """AlterTSConfiguration: its mappings."""
    found = find(ctx, "ts_config", node["cfgname"])
    if found is None:
        need_superuser(
            ctx, f"must be owner of text search configuration {spelled(node['cfgname'])}", subject=NotOwner()
        )
        return
    need_owner(ctx, found)
    for item in node.get("tokentype", []):
        token = item["String"].get("sval", "")
        if token not in TOKENS and not node.get("missing_ok"):
            raise ctx.refuse("22023", f'token type "{token}" does not exist', None, name=token, kind="other")
    refs = []
    for item in node.get("dicts", []):
        dictionary = find(ctx, "ts_dict", item["List"]["items"])
        if dictionary is not None:
            refs.append((dictionary.oid, 0))
    ctx.catalog.depend((found.oid, 0), refs)


def alter_dictionary(ctx: Context, node: Node) -> None:
    """AlterTSDictionary."""
    found = find(ctx, "ts_dict", node["dictname"])
    if found is not None:
        need_owner(ctx, found)


HANDLERS = {"AlterTSConfigurationStmt": alter_configuration, "AlterTSDictionaryStmt": alter_dictionary}
