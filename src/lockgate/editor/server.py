"""A language server: the same configuration and the same findings as the command line, in the editor."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import traceback
from collections.abc import Iterable
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
from lockgate.editor.complete import Offer, choices
from lockgate.editor.desk import Desk
from lockgate.editor.diagnostics import Shown, actions, at, diagnostics, left_out, offset_of, range_of, whole
from lockgate.editor.hover import Spot, Walked, history_of, made, markdown, spot_at, touched
from lockgate.editor.outline import symbols
from lockgate.editor.place import SQL, may_be_code
from lockgate.editor.stream import BoundedInput, speak_in_lines
from lockgate.walk.document import Moment

_ICONS = {"column": lsp.CompletionItemKind.Field, "view": lsp.CompletionItemKind.Interface}
_PAUSE = 0.15  # seconds without a keystroke before a buffer is checked
_LONGEST = 2_000_000  # characters of a buffer that is checked while it is edited; the command line takes longer ones


class LockgateServer(LanguageServer):
    """The server and what it last said of each document."""

    def __init__(self) -> None:
        super().__init__("lockgate", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.desk = Desk()
        self.told: dict[str, list[Shown]] = {}
        self.warned: set[str] = set()
        self.failed: dict[str, str] = {}  # documents whose folder cannot be checked, and why
        self.saves = 0
        self._walked: tuple[tuple[str, int | None, int], Walked | None] | None = None

    def publish(self, uri: str, *, first: bool = False) -> None:
        """Check the folder with the buffer in place of its file, and show what is found at the buffer. ``first``: while
        somebody types."""
        document = self.opened(uri)
        if document is None:  # never opened, or closed meanwhile
            return
        self.told[uri] = []
        try:
            self.told[uri] = self._found(uri, document.source, first)
            self.failed.pop(uri, None)
        except LockgateError as error:
            self._once(uri, error)
        except Exception as error:  # a mistake of ours must not end the server
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(place.filename)}:{place.lineno}"
            words = f"internal error: {type(error).__name__} in {where}; please report it"
            self._log(words)
        if not first:
            gc.freeze()  # what is remembered stays: a collection would look at all of it in the middle of a keystroke
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, [s.diagnostic for s in self.told[uri]], document.version)
        )

    def opened(self, uri: str) -> TextDocument | None:
        """An open document; pygls files it under its address without the escapes."""
        documents: dict[str, TextDocument] = self.workspace.text_documents
        return documents.get(unquote(uri), documents.get(uri))

    def spot(self, uri: str, place: lsp.Position) -> Spot | None:
        """The object under the cursor; None where there is none, or the folder cannot be read."""
        document = self.opened(uri)
        file = to_fs_path(uri)
        if document is None or not file or "\0" in file or len(document.source) > _LONGEST:
            return None
        key = (uri, document.version, self.saves)
        if self._walked is None or self._walked[0] != key:
            root = self.root_of(Path(file))
            try:
                self._walked = key, self._history(Path(file), document.source, root)
            except LockgateError:  # told with the diagnostics
                self._walked = key, None
        history = self._walked[1]
        return spot_at(history, offset_of(history.source, place)) if history is not None else None

    def choices(self, uri: str, place: lsp.Position) -> list[Offer]:
        """What may be written at a place; nothing where the folder cannot be read, or the file is no SQL."""
        document, file = self.opened(uri), to_fs_path(uri)
        if document is None or not file or not file.lower().endswith(SQL) or len(document.source) > _LONGEST:
            return []
        try:
            asked = self.desk.asked(Path(file), whole(document.source), self.root_of(Path(file)), first=True)
            source = asked[1].stdin if asked is not None else None
            return choices(asked, offset_of(source, place)) if asked is not None and source is not None else []
        except LockgateError:  # told with the diagnostics
            return []

    def _history(self, path: Path, text: str, root: Path) -> Walked | None:
        asked = self.desk.asked(path, whole(text), root, first=True)
        return history_of(asked, root) if asked is not None else None

    def locations(self, spot: Spot | None, places: Iterable[tuple[Moment, int]]) -> list[lsp.Location]:
        """Lines of migrations as the protocol has them."""
        lines = [(spot.history.root / moment.path, line) for moment, line in places] if spot is not None else []
        return [
            lsp.Location(path.resolve().as_uri(), lsp.Range(lsp.Position(line - 1, 0), lsp.Position(line - 1, 0)))
            for path, line in lines
        ]

    def _found(self, uri: str, text: str, first: bool) -> list[Shown]:
        place = to_fs_path(uri)
        if not place or "\0" in place or len(text) > _LONGEST:  # a buffer without a file stands in no history
            return []
        path = Path(place)
        root = self.root_of(path)
        if path.suffix.lower() != SQL and not may_be_code(path, root):
            return []
        if not first and (words := left_out(configuration(None, root))) and words not in self.warned:
            self.warned.add(words)
            self._say(lsp.MessageType.Warning, f"{words}; `lockgate lsp --trusted` does")
        asked = self.desk.asked(path, whole(text), root, first=first)
        return diagnostics(asked, root) if asked is not None else []

    def _once(self, uri: str, error: LockgateError) -> None:
        """Say once why a document is not checked: a mistake in the configuration on the screen, for it concerns all of
        them; anything else in the log."""
        words = str(error)
        if words not in self.failed.values() and uri not in self.failed:
            if self._misconfigured(uri):
                self._say(lsp.MessageType.Error, words)
            else:
                self._log(words)
        self.failed[uri] = words

    def _misconfigured(self, uri: str) -> bool:
        try:
            configuration(None, self.root_of(Path(to_fs_path(uri) or ".")))
        except LockgateError:
            return True
        return False

    def root_of(self, path: Path) -> Path:
        """The innermost folder of the workspace that holds a file; else the file's own."""
        folders = [Path(place) for folder in self.workspace.folders if (place := to_fs_path(folder))]
        if not folders and self.workspace.root_path:
            folders = [Path(self.workspace.root_path)]
        around = [folder for folder in folders if path.is_relative_to(folder)]
        return max(around, key=lambda folder: len(folder.parts)) if around else path.parent

    def _log(self, words: str) -> None:
        text = clean_text(f"lockgate: {words}")
        self.window_log_message(lsp.LogMessageParams(lsp.MessageType.Error, text))

    def _say(self, kind: lsp.MessageType, words: str) -> None:
        self.window_show_message(lsp.ShowMessageParams(kind, clean_text(f"lockgate: {words}")))


def make() -> LockgateServer:
    """The server with its features."""
    server = LockgateServer()
    _follow(server)
    _answer(server)
    return server


def _follow(server: LockgateServer) -> None:
    """What is typed, saved and closed."""

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.desk.changed()
        server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        if not unquote(params.text_document.uri).lower().endswith(SQL):
            return  # of a program the file is read, not the buffer: what is found is told when it is saved
        await asyncio.sleep(_PAUSE)
        document = server.opened(params.text_document.uri)
        if document is not None and document.version == params.text_document.version:
            server.publish(params.text_document.uri, first=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.saves += 1
        server.desk.changed()
        for uri in list(server.told):  # another file's findings may rest on this one
            server.publish(uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def turned(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.saves += 1
        server.desk.changed()
        for uri in list(server.told):
            server.publish(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.told.pop(params.text_document.uri, None)
        server.failed.pop(params.text_document.uri, None)
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(params.text_document.uri, []))


def _answer(server: LockgateServer) -> None:
    """What is asked of a place: fixes, what stands there, where it was made and changed."""

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix]))
    def act(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        return actions(uri, at(server.told.get(uri, ()), params.range))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        uri, texts = params.text_document.uri, list[str]()
        spot = server.spot(uri, params.position)
        place = range_of(spot.history.source, spot.span) if spot is not None else None
        if spot is not None:
            texts.append(markdown(spot))
        for shown in at(server.told.get(uri, ()), lsp.Range(params.position, params.position))[:1]:
            texts.append(shown.rule.rule().text.strip())
            place = shown.diagnostic.range
        return (
            lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(texts)), place) if texts else None
        )

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(["."]))
    def complete(params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        return [
            lsp.CompletionItem(
                one.text, kind=_ICONS.get(one.kind, lsp.CompletionItemKind.Class), detail=one.detail or one.kind
            )
            for one in server.choices(params.text_document.uri, params.position)
        ]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outline(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        document = server.opened(params.text_document.uri)
        fits = (
            document is not None and len(document.source) <= _LONGEST and params.text_document.uri.lower().endswith(SQL)
        )
        return symbols(whole(document.source)) if document is not None and fits else []

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def define(params: lsp.DefinitionParams) -> list[lsp.Location]:
        spot = server.spot(params.text_document.uri, params.position)
        return server.locations(spot, [found] if spot is not None and (found := made(spot)) is not None else [])

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def refer(params: lsp.ReferenceParams) -> list[lsp.Location]:
        spot = server.spot(params.text_document.uri, params.position)
        return server.locations(spot, touched(spot) if spot is not None else [])


def serve() -> None:
    """Speak the language server protocol on standard input and output until the editor leaves."""
    speak_in_lines()
    make().start_io(cast("BinaryIO", BoundedInput(sys.stdin.buffer)))
