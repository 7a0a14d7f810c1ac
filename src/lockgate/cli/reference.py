"""The configuration's keys and the environment's variables as text: what `lockgate explain configuration` and
docs/configuration.md show."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.base.config import sections
from lockgate.base.errors import UsageError
from lockgate.base.settings import CHOICES, ENVIRONMENT, OF_A_HISTORY

_WORDS = {str: "a string", int: "a whole number", bool: "true or false", float: "a number"}


def page() -> str:
    """All of them, as Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Configuration\n"
    yield (
        "`lockgate.toml`, or `[tool.lockgate]` in pyproject.toml; the nearest one upward, not beyond the repository. Every "
        "key may be left out; an unknown one is an error. Paths count from the file's folder. The file is code: it names "
        "programs and servers, so that nothing of it is followed in a pull request's run ([SECURITY](../SECURITY.md)). "
        "`lockgate explain configuration KEY` tells one key; editors complete keys from "
        "`lockgate/schema/config-1.json`.\n"
    )
    for name, kind in sections().items():
        yield f"## [{name}]\n"
        yield f"{_first(kind)}\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        for key in kind.__struct_fields__:
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in _row(name, kind, key)) + " |"
        yield ""
    yield "## The environment\n"
    yield "Keys and tokens are read from the environment alone, each by the one command that needs it.\n"
    yield "| variable | meaning |\n|---|---|"
    yield from (f"| `{name}` | {words} |" for name, words in ENVIRONMENT.items())


def _first(kind: type[msgspec.Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _row(section: str, kind: type[msgspec.Struct], key: str) -> tuple[str, str, str, str]:
    return f"`{key}`", _type(section, kind, key), f"`{_toml(_default(kind, key))}`", _meaning(kind, key)


def _hint(kind: type[msgspec.Struct], key: str) -> Any:
    return typing.get_type_hints(kind, include_extras=True)[key]


def _meaning(kind: type[msgspec.Struct], key: str) -> str:
    return next(m.description or "" for m in _hint(kind, key).__metadata__ if isinstance(m, msgspec.Meta))


def _type(section: str, kind: type[msgspec.Struct], key: str) -> str:
    if (section, key) in CHOICES:
        return ", ".join(f"`{_toml(c)}`" for c in CHOICES[section, key])
    hint = _hint(kind, key).__origin__
    if isinstance(hint, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    origin = typing.get_origin(hint)
    return "a list of strings" if origin is tuple else "a table of strings" if origin is dict else _WORDS[hint]


def _default(kind: type[msgspec.Struct], key: str) -> Any:
    return getattr(kind(), key)


def _toml(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case dict():
            return "{}"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def explained(word: str) -> str:
    """One key ("roles.owner", or "owner" where only one section has it), one section, or one variable. Raises
    UsageError."""
    if word in ENVIRONMENT:
        return f"{word}\n\n{ENVIRONMENT[word]}\n"
    known = sections()
    section, _, key = word.strip("[]").rpartition(".")
    key = key.replace("-", "_")
    if not section and key in known:
        rows = (_row(key, known[key], each) for each in known[key].__struct_fields__)
        lines = "\n".join(f"- {name} ({kind}; default {default}): {words}" for name, kind, default, words in rows)
        return f"[{key}]\n\n{_first(known[key])}\n\n{lines}\n"
    homes = [name for name, kind in known.items() if key in kind.__struct_fields__ and section in ("", name)]
    if not homes:
        raise _unknown(word)
    return "\n".join(_one(home, known[home], key) for home in homes)


def _one(section: str, kind: type[msgspec.Struct], key: str) -> str:
    _, types_, default, words = _row(section, kind, key)
    return f"{section}.{key}: {types_}; default {default}\n\n{words}\n"


def _unknown(word: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(word, [*all_keys(), *ENVIRONMENT], 1)
    remedy = f"did you mean {near[0]}?" if near else "`lockgate explain configuration` shows all"
    return UsageError(f"no such key of the configuration: {word}", remedy)


def all_keys() -> list[str]:
    """Every key, with its section."""
    return [f"{name}.{key}" for name, kind in sections().items() for key in kind.__struct_fields__]


def schema() -> dict[str, Any]:
    """The JSON schema of lockgate.toml."""
    properties = {name: _section(name, kind) for name, kind in sections().items()}
    properties["migrations"] |= {"type": ["object", "array"], "items": _histories(properties)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://lockgate.dev/schema/config-1.json",
        "title": "lockgate.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _histories(properties: dict[str, Any]) -> dict[str, Any]:
    """[[migrations]]: a table for each history, with sections of its own."""
    table: dict[str, Any] = properties["migrations"]
    own = table["properties"] | {name: properties[name] for name in OF_A_HISTORY}
    return table | {"type": "object", "properties": own, "required": ["name"]}


def _section(name: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    found = msgspec.json.schema(kind)["$defs"][kind.__name__]
    for key, choices in CHOICES.items():
        if key[0] == name:
            found["properties"][key[1]]["enum"] = list(choices)
    slot = found["properties"].get("handover")
    if slot is not None:
        slot["type"] = ["string", "integer"]
    words = {"title": f"[{name}]", "additionalProperties": False}
    return {k: v for k, v in found.items() if k != "title"} | words
