"""A language server: the same configuration and the same findings as the command line, in the editor."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from lockgate import __version__
from lockgate.base.errors import LockgateError
from lockgate.editor.diagnostics import Shown, actions, at, diagnostics

_PAUSE = 0.15  # seconds without a keystroke before a buffer is checked
_LONGEST = 2_000_000  # characters of a buffer that is checked while it is edited; the command line takes longer ones


class LockgateServer(LanguageServer):
    """The server and what it last said of each document."""

    def __init__(self) -> None:
        super().__init__("lockgate", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.told: dict[str, list[Shown]] = {}

    def publish(self, uri: str) -> None:
        """Check the folder with the buffer in place of its file, and show what is found at the buffer."""
        document = self.workspace.get_text_document(uri)
        path = Path(to_fs_path(uri) or ".")
        root = Path(self.workspace.root_path or path.parent)
        try:
            self.told[uri] = diagnostics(path, document.source, root) if len(document.source) <= _LONGEST else []
        except LockgateError as error:
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"lockgate: {error}"))
            self.told[uri] = []
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, [s.diagnostic for s in self.told[uri]], document.version)
        )


def make() -> LockgateServer:
    """The server with its features."""
    server = LockgateServer()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        await asyncio.sleep(_PAUSE)
        documents = server.workspace.text_documents
        uri = params.text_document.uri
        if uri in documents and documents[uri].version == params.text_document.version:
            server.publish(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        for uri in server.told:  # another file's findings may rest on this one
            server.publish(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.told.pop(params.text_document.uri, None)
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(params.text_document.uri, []))

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix]))
    def act(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        return actions(uri, at(server.told.get(uri, ()), params.range))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        for shown in at(server.told.get(params.text_document.uri, ()), lsp.Range(params.position, params.position)):
            text = shown.rule.rule().text
            return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text.strip()), shown.diagnostic.range)
        return None

    return server


def serve() -> None:
    """Speak the language server protocol on standard input and output until the editor leaves."""
    make().start_io()
