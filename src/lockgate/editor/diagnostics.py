"""Findings as the language server protocol has them: diagnostics, and quick fixes from a finding's edits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from lsprotocol import types as lsp

from lockgate.api import Config, Finding, Label, Severity, Source, Span, check
from lockgate.editor.desk import Asked
from lockgate.editor.place import SQL
from lockgate.rules.registry import RuleEntry

_SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}


class Shown(msgspec.Struct, frozen=True):
    """A diagnostic with the finding behind it."""

    diagnostic: lsp.Diagnostic
    finding: Finding
    rule: RuleEntry


def diagnostics(asked: Asked, root: Path) -> list[Shown]:
    """The findings at one file, as the command line has them. Raises LockgateError as that would."""
    config, request = asked
    report = check(request, config)
    assert request.stdin is not None
    here = [f for f in report.findings if f.at.source.path == request.stdin.path]
    if not request.stdin.path.lower().endswith(SQL):  # the file was read: its places are the buffer's once it is saved
        here = [f for f in here if f.at.source.text == request.stdin.text]
    return [Shown(_diagnostic(f, root), f, report.rules[f.name]) for f in here]


def whole(text: str) -> str:
    """A buffer whose lone surrogates (JSON can hold them, a file cannot) are replaced, each by one character."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def left_out(config: Config) -> str:
    """What of a tree that is not trusted the editor does not follow; "" for nothing."""
    names = [("[rules] plugins", config.rules.plugins), ("[ledger] dsn_env", config.ledger.dsn_env)]
    found = [name for name, value in names if value] if config.untrusted else []
    return f"{config.path}: not followed, for this tree is not trusted: {', '.join(found)}" if found else ""


def _diagnostic(item: Finding, root: Path) -> lsp.Diagnostic:
    related = [
        lsp.DiagnosticRelatedInformation(
            lsp.Location((root / r.source.path).resolve().as_uri(), _range(r.source, r.span)), r.message
        )
        for r in item.related
    ]
    return lsp.Diagnostic(
        _range(item.at.source, item.at.span),
        _words(item.at, item),
        _SEVERITY[item.severity],
        item.rule,
        lsp.CodeDescription(item.url) if item.url else None,
        "lockgate",
        None,
        related,
    )


def _words(at: Label, item: Finding) -> str:
    return "\n".join(filter(None, (item.message, at.message if at.message != item.message else "", item.help)))


def offset_of(source: Source, place: lsp.Position) -> int:
    """The character offset of a place, which the protocol counts in UTF-16 code units."""
    line = source.line(place.line + 1).encode("utf-16-le", "surrogatepass")[: 2 * place.character]
    return source.offset(place.line + 1, len(line.decode("utf-16-le", "replace")) + 1)


def range_of(source: Source, span: Span) -> lsp.Range:
    """A span as the protocol has it."""
    return _range(source, span)


def _range(source: Source, span: Span) -> lsp.Range:
    return lsp.Range(_position(source, span.start), _position(source, max(span.end, span.start)))


def _position(source: Source, offset: int) -> lsp.Position:
    place = source.position(offset)
    before = source.line(place.line)[: place.column - 1]
    # the protocol counts UTF-16 code units
    return lsp.Position(place.line - 1, len(before.encode("utf-16-le")) // 2)


def at(told: Iterable[Shown], place: lsp.Range) -> list[Shown]:
    """Those that touch a range."""
    return [s for s in told if s.diagnostic.range.start <= place.end and place.start <= s.diagnostic.range.end]


def actions(uri: str, told: Iterable[Shown]) -> list[lsp.CodeAction]:
    """The quick fixes of diagnostics, as edits of the one document."""
    out = []
    for shown in told:
        fix, here = shown.finding.fix, shown.finding.at.source
        edits = (
            [lsp.TextEdit(_range(e.source, e.span), e.text) for e in fix.edits if e.source is here]
            if fix is not None
            else []
        )
        if fix is not None and edits:
            edit = lsp.WorkspaceEdit({uri: edits})
            out.append(lsp.CodeAction(fix.title, lsp.CodeActionKind.QuickFix, [shown.diagnostic], True, edit=edit))
    return out
