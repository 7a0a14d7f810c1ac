"""A language server: the same configuration and the same findings as the command line, in the editor."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from lockgate import __version__
from lockgate.api import configuration
from lockgate.base.errors import LockgateError
from lockgate.base.text import clean_text
from lockgate.editor.diagnostics import Shown, actions, at, diagnostics, left_out, whole
from lockgate.editor.stream import BoundedInput, speak_in_lines

_PAUSE = 0.15  # seconds without a keystroke before a buffer is checked
_LONGEST = 2_000_000  # characters of a buffer that is checked while it is edited; the command line takes longer ones


class LockgateServer(LanguageServer):
    """The server and what it last said of each document."""

    def __init__(self) -> None:
        super().__init__("lockgate", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.told: dict[str, list[Shown]] = {}
        self.warned: set[str] = set()

    def publish(self, uri: str) -> None:
        """Check the folder with the buffer in place of its file, and show what is found at the buffer."""
        document = self.opened(uri)
        if document is None:  # never opened, or closed meanwhile
            return
        self.told[uri] = []
        try:
            self.told[uri] = self._found(uri, document.source)
        except LockgateError as error:
            self._say(lsp.MessageType.Error, str(error))
        except Exception as error:  # a mistake of ours must not end the server
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(place.filename)}:{place.lineno}"
            self._say(lsp.MessageType.Error, f"internal error: {type(error).__name__} in {where}; please report it")
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, [s.diagnostic for s in self.told[uri]], document.version)
        )

    def opened(self, uri: str) -> TextDocument | None:
        """An open document; pygls files it under its address without the escapes."""
        documents: dict[str, TextDocument] = self.workspace.text_documents
        return documents.get(unquote(uri), documents.get(uri))

    def _found(self, uri: str, text: str) -> list[Shown]:
        place = to_fs_path(uri)
        if not place or "\0" in place or len(text) > _LONGEST:  # a buffer without a file stands in no history
            return []
        path = Path(place)
        root = Path(self.workspace.root_path or path.parent)
        if (words := left_out(configuration(None, root))) and words not in self.warned:
            self.warned.add(words)
            self._say(lsp.MessageType.Warning, f"{words}; `lockgate lsp --trusted` does")
        return diagnostics(path, whole(text), root)

    def _say(self, kind: lsp.MessageType, words: str) -> None:
        self.window_show_message(lsp.ShowMessageParams(kind, clean_text(f"lockgate: {words}")))


def make() -> LockgateServer:
    """The server with its features."""
    server = LockgateServer()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        await asyncio.sleep(_PAUSE)
        document = server.opened(params.text_document.uri)
        if document is not None and document.version == params.text_document.version:
            server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        for uri in list(server.told):  # another file's findings may rest on this one
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
    speak_in_lines()
    make().start_io(cast("BinaryIO", BoundedInput(sys.stdin.buffer)))
