"""The schema to walk in: one page that needs nothing else, made of the files of this folder and the data it shows."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import msgspec

from lockgate.base.findings import Finding
from lockgate.base.text import clean_text, to_json
from lockgate.report import shapes
from lockgate.report.document import finding as told
from lockgate.walk.document import Walk

SCRIPTS = (
    "dom",
    "model",
    "layout",
    "diagram",
    "overview",
    "views",
    "inspector",
    "owners",
    "app",
)  # in the order in which they run
LIBRARY = "vendor/dagre.min.js"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Page(msgspec.Struct, frozen=True):
    """Lockgate page, version 1: what ``timeline --format html`` embeds."""

    version: int
    walk: Walk
    findings: list[shapes.Finding]


def as_html(walk: Walk, findings: Sequence[Finding]) -> str:
    """The page. Its policy lets nothing run and nothing be fetched but its own script and style."""
    script, style = _script(), _file("page.css")
    page = Template(_file("index.html"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    document = Page(1, walk, [told(one) for one in findings])
    return page.substitute(
        policy=policy,
        title=escape(clean_text(f"Timeline of {walk.title}")),
        style=style,
        script=script,
        data=_embedded(document),
    )


def _embedded(document: Page) -> str:
    """JSON that ends no script element and that shows nothing in another order than it is read."""
    return (
        to_json(_cleaned(msgspec.to_builtins(document)))
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def _script() -> str:
    own = "".join(f"// {name}\n{_file(f'{name}.js')}" for name in SCRIPTS)
    # the library separates names by raw control characters, in strings
    library = _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", _file(LIBRARY))
    return f"{library}\n(() => {{\n{own}}})();\n"


def _file(name: str) -> str:
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return text.replace("\x01", r"\x01")  # a minifier writes it raw into its strings; no output of ours holds one


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
