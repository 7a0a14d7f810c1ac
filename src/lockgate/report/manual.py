"""The documents that a wheel holds, rendered as pages: Markdown in, one self-contained HTML file for each out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lockgate
from lockgate.base.errors import CannotCheck
from lockgate.rules.registry import entries, ours

# in the order of the pages' own list; what is not named comes after, by its name
_ORDER = ("index", "start", "runners", "ci", "editors", "roles", "rules", "hazards", "queries", "slots", "timeline")
_LINK = re.compile(r'href="(?:\.\./)?(?:docs/)?([\w./-]+?)\.md(#[\w-]*)?"')
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Lockgate {version}</title><style>{style}</style></head>
<body><nav>{links}</nav><main>{body}</main></body></html>
"""
_STYLE = """:root{color-scheme:light dark}body{margin:0;display:flex;font:16px/1.6 system-ui,sans-serif}
nav{flex:0 0 13rem;padding:1.5rem;border-right:1px solid #8884}nav a{display:block;padding:.15rem 0}
main{flex:1;min-width:0;max-width:52rem;padding:1rem 2rem}pre{overflow:auto;padding:.8rem;background:#8882}
code{font:.9em ui-monospace,monospace}table{display:block;overflow:auto;border-collapse:collapse}
td,th{border:1px solid #8885;padding:.3rem .6rem;text-align:left;vertical-align:top}
@media(max-width:700px){body{display:block}nav{border:0;columns:2}main{padding:1rem}}"""


@cache
def documents() -> dict[str, str]:
    """Name -> Markdown: of the wheel, or of the tree that this runs from. Raises CannotCheck where neither is there."""
    package = Path(lockgate.__file__).parent
    found: dict[str, Path] = {}
    for folder in (package / "docs_data", package.parents[1] / "docs"):
        if folder.is_dir():
            found = {p.stem: p for p in sorted(folder.glob("*.md"))}
            break
    if "index" not in found:
        raise CannotCheck("this installation holds no documents", "install Lockgate from its wheel, or read docs/")
    if (security := package.parents[1] / "SECURITY.md").exists() and "SECURITY" not in found:
        found["SECURITY"] = security
    return {name: _bare(path.read_text(encoding="utf-8")) for name, path in found.items()}


def _bare(text: str) -> str:
    return re.sub(r"^<!-- .*? -->\n", "", text, flags=re.MULTILINE)


@cache
def rules() -> dict[str, str]:
    """A rule's name -> its document as Markdown."""
    each = [entry.rule() for entry in entries()]
    return {r.name: f"# {r.code} {r.name}\n\n{re.sub('^# ', '## ', r.text.strip(), flags=re.M)}" for r in each}


def name_of(word: str) -> str | None:
    """The page of a document's name, or of a rule's code or name; None where there is none."""
    if word in documents():
        return word
    entry = ours().of_code(word)
    return f"rules/{entry.name}" if entry is not None else None


def pages() -> dict[str, str]:
    """Path -> HTML, links between them relative."""
    found = {f"{name}.html": _page(text, "") for name, text in documents().items()}
    found |= {f"rules/{name}.html": _page(text, "../") for name, text in rules().items()}
    return found | {"rulebook.html": _page(rulebook(), "")}


def rulebook() -> str:
    """The list of rules as Markdown."""
    each = sorted((title(text), name) for name, text in rules().items())
    return "# The rulebook\n\n" + "\n".join(f"- [{words}](rules/{name}.md)" for words, name in each) + "\n"


def _page(text: str, up: str) -> str:
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    body = _LINK.sub(lambda m: f'href="{m[1]}.html{m[2] or ""}"', body)
    return _PAGE.format(
        title=escape(title(text)), version=lockgate.__version__, style=_STYLE, links=_links(up), body=body
    )


def title(text: str) -> str:
    """A document's first heading."""
    return next((line[2:] for line in text.splitlines() if line.startswith("# ")), "Lockgate")


def _links(up: str) -> str:
    last = len(_ORDER)
    names = sorted(documents(), key=lambda n: (_ORDER.index(n) if n in _ORDER else last, n))
    each = [(name, title(documents()[name])) for name in names] + [("rulebook", "The rulebook")]
    return "".join(f'<a href="{up}{name}.html">{escape(words)}</a>' for name, words in each)


def write(folder: Path) -> int:
    """All pages as files; how many."""
    for path, text in (found := pages()).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return len(found)


@contextmanager
def serving(port: int) -> Iterator[ThreadingHTTPServer]:
    """A server of the pages on the loopback alone. Raises CannotCheck where the port is taken."""
    held = {f"/{path}": text.encode() for path, text in pages().items()}
    held["/"] = held["/index.html"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = held.get(self.path.partition("?")[0])
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(body if body is not None else b"no such page")

        def log_message(self, format: str, *args: object) -> None:
            pass

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise CannotCheck(f"127.0.0.1:{port} cannot be listened on: {error.strerror}", "give another --port") from None
    with server:
        yield server
