"""The outline of a file: its statements."""

from __future__ import annotations

from lsprotocol import types as lsp

from lockgate.base.text import Source, clean
from lockgate.editor.diagnostics import range_of
from lockgate.parse import Statement, parse_script
from lockgate.sources.migration import Script, Transaction

_NAMED = 80  # characters of a statement that stand for it
MOST = 5000


def symbols(text: str) -> list[lsp.DocumentSymbol]:
    """Each statement by its first words; nothing for what cannot be read."""
    source, out = Source("", text), list[lsp.DocumentSymbol]()
    for one in parse_script(Script.whole(source, Transaction.STATEMENT)):
        if isinstance(one, Statement) and len(out) < MOST:
            words = " ".join(text[one.span.start : min(one.span.end, one.span.start + 2 * _NAMED)].split())[:_NAMED]
            place = range_of(source, one.span)
            out.append(lsp.DocumentSymbol(clean(words) or one.tag, lsp.SymbolKind.Event, place, place))
    return out
