"""``lockgate lsp`` as an editor uses it: over standard input and output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from lockgate import __version__

Talk = Callable[["Editor"], Awaitable[None]]


class Editor(LanguageClient):
    """A client that keeps the diagnostics it is sent."""

    def __init__(self, root: Path) -> None:
        super().__init__("editor", "1")
        self.root = root
        self.sent: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.shown: asyncio.Queue[str] = asyncio.Queue()
        self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.sent.put_nowait(params))
        self.feature(lsp.WINDOW_SHOW_MESSAGE)(lambda params: self.shown.put_nowait(params.message))

    def open(self, name: str) -> str:
        """Open a file of the root; its URI."""
        uri = (self.root / name).as_uri()
        self.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "sql", 1, (self.root / name).read_text()))
        )
        return uri

    def type(self, uri: str, version: int, text: str) -> None:
        """Replace the whole buffer."""
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(version, uri), [whole])
        )

    async def told(self, version: int = 0) -> list[tuple[str, str, str]]:
        """The next diagnostics (of that version of the buffer, if given): code, place as line:from-to, first line of
        the message."""
        params = await asyncio.wait_for(self.sent.get(), 60)
        while version and params.version != version:
            params = await asyncio.wait_for(self.sent.get(), 60)
        return [
            (
                str(d.code),
                f"{d.range.start.line}:{d.range.start.character}-{d.range.end.character}",
                d.message.splitlines()[0],
            )
            for d in params.diagnostics
        ]


def session(root: Path, talk: Talk) -> None:
    """Start the server, let ``talk`` speak, and leave as an editor does."""

    async def run() -> None:
        editor = Editor(root)
        await editor.start_io(sys.executable, "-m", "lockgate", "lsp", cwd=root)
        answer = await editor.initialize_async(lsp.InitializeParams(lsp.ClientCapabilities(), root_uri=root.as_uri()))
        assert answer.server_info == lsp.ServerInfo("lockgate", __version__)
        editor.initialized(lsp.InitializedParams())
        await talk(editor)
        await editor.shutdown_async(None)
        editor.exit(None)
        await editor.stop()  # type: ignore[no-untyped-call]

    asyncio.run(run())


def folder(tmp_path: Path, second: str) -> Path:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/0001_a.sql").write_text("CREATE TABLE users (id int, email text);\n")
    (tmp_path / "m/0002_b.sql").write_text(second)
    return tmp_path


def test_findings_follow_what_is_typed(tmp_path: Path) -> None:
    async def talk(editor: Editor) -> None:
        uri = editor.open("m/0002_b.sql")
        assert await editor.told() == [("T203", "0:21-26", 'column "emial" does not exist')]
        editor.type(uri, 2, "SELECT nothing FROM users;")
        editor.type(uri, 3, "SELECT email FROM users;")
        assert await editor.told(version=3) == []
        editor.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
        assert await editor.told() == []

    # a ship is one character, two UTF-16 code units, four bytes
    session(folder(tmp_path, "SELECT '\N{SHIP}' AS boat, emial FROM users;\n"), talk)


def test_a_quick_fix_writes_the_name_that_was_meant(tmp_path: Path) -> None:
    async def talk(editor: Editor) -> None:
        uri = editor.open("m/0002_b.sql")
        ((code, _, _),) = await editor.told()
        place = lsp.Range(lsp.Position(0, 9), lsp.Position(0, 9))
        (action,) = (
            await editor.text_document_code_action_async(
                lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), place, lsp.CodeActionContext([]))
            )
            or ()
        )
        assert isinstance(action, lsp.CodeAction) and action.edit and action.edit.changes
        assert list(action.edit.changes[uri]) == [
            lsp.TextEdit(lsp.Range(lsp.Position(0, 7), lsp.Position(0, 12)), "email")
        ]
        hover = await editor.text_document_hover_async(
            lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(0, 8))
        )
        assert (
            code == "T203"
            and hover
            and isinstance(hover.contents, lsp.MarkupContent)
            and "What it catches" in hover.contents.value
        )

    session(folder(tmp_path, "SELECT emial FROM users;\n"), talk)


def test_a_mended_file_clears_what_rested_on_it(tmp_path: Path) -> None:
    root = folder(tmp_path, "SELECT name FROM users;\n")

    async def talk(editor: Editor) -> None:
        second = editor.open("m/0002_b.sql")
        assert [code for code, _, _ in await editor.told()] == ["T203"]
        (root / "m/0001_a.sql").write_text("CREATE TABLE users (id int, name text);\n")
        editor.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(second)))
        assert await editor.told() == []

    session(root, talk)


def test_a_broken_configuration_is_said_and_not_fatal(tmp_path: Path) -> None:
    root = folder(tmp_path, "SELECT emial FROM users;\n")
    (root / "lockgate.toml").write_text('[roles]\nownr = "a"\n')

    async def talk(editor: Editor) -> None:
        editor.open("m/0002_b.sql")
        assert await editor.told() == []
        assert 'unknown key in [roles]: "ownr"' in await asyncio.wait_for(editor.shown.get(), 30)
        (root / "lockgate.toml").write_text("")
        editor.open("m/0002_b.sql")
        assert [code for code, _, _ in await editor.told()] == ["T203"]

    session(root, talk)
