"""A language server: the same configuration and the same findings as the command line, in the editor."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from lockgate import __version__
from lockgate.check import Request, check
from lockgate.config import load
from lockgate.errors import LockgateError
from lockgate.findings import Finding, Label, Severity
from lockgate.rulebook import URL
from lockgate.text import Source

_SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error, Severity.WARNING: lsp.DiagnosticSeverity.Warning, Severity.INFO: lsp.DiagnosticSeverity.Information,
}  # fmt: skip


def path_of(uri: str) -> Path:
    """The file behind a URI."""
    return Path(unquote(urlparse(uri).path))


def diagnostics(path: Path, text: str, root: Path) -> list[lsp.Diagnostic]:
    """The findings at one file, whose buffer holds ``text``."""
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    config = load(None, root)
    paths = () if config.migrations.paths else (path.parent,)
    outcome = check(config, Request(paths, root, stdin=Source(relative, text)))
    return [_diagnostic(f, root) for f in outcome.findings if f.at.source.path == relative]


def _diagnostic(item: Finding, root: Path) -> lsp.Diagnostic:
    related = [
        lsp.DiagnosticRelatedInformation(lsp.Location((root / r.source.path).resolve().as_uri(), _range(r)), r.message) for r in item.related
    ]
    return lsp.Diagnostic(
        _range(item.at), item.message + (f"\n{item.help}" if item.help else ""), _SEVERITY[item.severity], item.rule,
        lsp.CodeDescription(f"{URL}{item.name}"), "lockgate", None, related,
    )  # fmt: skip


def _range(label: Label) -> lsp.Range:
    return lsp.Range(_position(label.source, label.span.start), _position(label.source, max(label.span.end, label.span.start)))


def _position(source: Source, offset: int) -> lsp.Position:
    place = source.position(offset)
    before = source.line(place.line)[: place.column - 1]
    # the protocol counts UTF-16 code units
    return lsp.Position(place.line - 1, len(before.encode("utf-16-le")) // 2)


def serve() -> None:
    """Speak the language server protocol on standard input and output until the editor leaves."""
    server = LanguageServer("lockgate", __version__)

    def publish(uri: str) -> None:
        document = server.workspace.get_text_document(uri)
        root = Path(server.workspace.root_path or path_of(uri).parent)
        try:
            found = diagnostics(path_of(uri), document.source, root)
        except LockgateError as error:
            server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"lockgate: {error}"))
            found = []
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, document.version))

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        publish(params.text_document.uri)

    server.start_io()
