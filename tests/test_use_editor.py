"""``lockgate lsp`` as an editor uses it: over standard input and output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from lockgate import __version__
from lockgate.api import Request, check, configuration

Talk = Callable[["Editor"], Awaitable[None]]


class Editor(LanguageClient):
    """A client that keeps the diagnostics it is sent."""

    def __init__(self, root: Path) -> None:
        super().__init__("editor", "1")
        self.root = root
        self.sent: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.shown: asyncio.Queue[str] = asyncio.Queue()
        self.logged: asyncio.Queue[str] = asyncio.Queue()
        self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.sent.put_nowait(params))
        self.feature(lsp.WINDOW_SHOW_MESSAGE)(lambda params: self.shown.put_nowait(params.message))
        self.feature(lsp.WINDOW_LOG_MESSAGE)(lambda params: self.logged.put_nowait(params.message))

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


FIRST = """CREATE SCHEMA app;
CREATE TABLE app.people (id int PRIMARY KEY, "Full Name" text, mail text NOT NULL);
CREATE TABLE app.orders (id int PRIMARY KEY, person int REFERENCES app.people (id), mail text);
CREATE VIEW app.named AS SELECT mail FROM app.people;
"""
SECOND = """ALTER TABLE app.people ADD COLUMN late int;
SELECT p.mail, o.id, "Full Name" FROM app.people AS p JOIN app.orders o ON o.person = p.id;
DROP VIEW app.named;
SELECT mail, 'mail' FROM app.people, app.orders;
ALTER TABLE app.people DROP COLUMN mail;
"""


def test_an_object_tells_itself_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/0001_a.sql").write_text(FIRST)
    (tmp_path / "m/0002_b.sql").write_text(SECOND)
    lines = SECOND.splitlines()

    async def talk(editor: Editor) -> None:
        uri = editor.open("m/0002_b.sql")
        await editor.told()

        def place(line: int, word: str) -> lsp.TextDocumentPositionParams:
            at = lsp.Position(line, lines[line].index(word) + 1)
            return lsp.TextDocumentPositionParams(lsp.TextDocumentIdentifier(uri), at)

        async def hover(line: int, word: str) -> str:
            params = place(line, word)
            found = await editor.text_document_hover_async(lsp.HoverParams(params.text_document, params.position))
            return found.contents.value if found is not None and isinstance(found.contents, lsp.MarkupContent) else ""

        table = await hover(0, "people")
        assert table.startswith("**table** `app.people`") and '"Full Name" text\n' in table and "late integer" in table
        assert "its transaction then holds\n- `app.people`: AccessExclusiveLock" in table and "owned" not in table
        assert (await hover(1, "mail")).startswith("**column** `app.people.mail`, gone after `0002`")
        assert "`0001` made as text not null, `0002` dropped" in await hover(1, "mail")
        assert (await hover(1, "id,")).startswith("**column** `app.orders.id`")
        assert (await hover(1, '"Full Name"')).startswith('**column** `app.people."Full Name"`')
        assert (await hover(1, "p.mail")).startswith("**table** `app.people`"), "an alias is its table"
        assert (await hover(2, "named")).startswith("**view** `app.named`, gone after `0002`")
        assert "**column**" not in await hover(3, "mail,"), "it may be either table's"
        assert not [text for text in (await hover(1, "SELECT"), await hover(3, "mail'")) if text.startswith("**")]

        spot = place(1, "mail")
        made = await editor.text_document_definition_async(lsp.DefinitionParams(spot.text_document, spot.position))
        assert isinstance(made, list) and isinstance(made[0], lsp.Location)
        assert made[0].uri.endswith("m/0001_a.sql") and made[0].range.start.line == 1
        context = lsp.ReferenceContext(True)
        turns = await editor.text_document_references_async(
            lsp.ReferenceParams(context, spot.text_document, spot.position)
        )
        places = [(Path(one.uri).name, one.range.start.line) for one in turns or ()]
        assert places == [("0001_a.sql", 1), ("0002_b.sql", 4)]

        editor.type(uri, 2, "ALTER TABLE app.people RENAME mail TO post;\nSELECT post FROM app.people;")
        await editor.told(version=2)
        at = lsp.Position(1, 8)
        found = await editor.text_document_hover_async(lsp.HoverParams(lsp.TextDocumentIdentifier(uri), at))
        assert found is not None and isinstance(found.contents, lsp.MarkupContent)
        assert (
            found.contents.value.startswith("**column** `app.people.post`")
            and "read by view `app.named`" in found.contents.value
        )

    session(tmp_path, talk)


MADE, WRONG = "CREATE TABLE users (id int, email text);\n", "SELECT emial FROM users;\n"
ALEMBIC = """from alembic import op
import sqlalchemy as sa

revision = {0!r}
down_revision = {1!r}


def upgrade():
    {2}


def downgrade():
    pass
"""
DJANGO = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = {0}
    operations = [migrations.RunSQL({1!r})]
"""
# the files of a root, of which the last one is opened: its second migration is wrong in every one
LAYOUTS: dict[str, dict[str, str]] = {
    "prisma": {
        "app/prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
        "app/prisma/migrations/20240101000000_a/migration.sql": MADE,
        "app/prisma/migrations/20240102000000_b/migration.sql": WRONG,
    },
    "diesel": {
        "migrations/2024-01-01-000000_a/up.sql": MADE,
        "migrations/2024-01-01-000000_a/down.sql": "DROP TABLE users;\n",
        "migrations/2024-01-02-000000_b/down.sql": "SELECT 1;\n",
        "migrations/2024-01-02-000000_b/up.sql": WRONG,
    },
    "flyway in subfolders": {
        "db/migration/common/V1__a.sql": MADE,
        "db/migration/later/V2__b.sql": WRONG,
    },
    "goose": {
        "sql/schema/001_a.sql": f"-- +goose Up\n{MADE}-- +goose Down\nDROP TABLE users;\n",
        "sql/schema/002_b.sql": f"-- +goose Up\n{WRONG}-- +goose Down\nSELECT 1;\n",
    },
    "a folder of seeds beside": {
        "seeds/people.sql": "INSERT INTO users VALUES (1);\n",
        "migrations/1_a.up.sql": MADE,
        "migrations/2_b.up.sql": WRONG,
    },
    "a configuration": {
        "lockgate.toml": '[migrations]\npaths = ["one", "two"]\n',
        "one/1_a.sql": MADE,
        "two/2_b.sql": WRONG,
    },
    "alembic": {
        "alembic.ini": "[alembic]\nscript_location = migrations\n",
        "migrations/env.py": "",
        "migrations/versions/a1_a.py": ALEMBIC.format("a1", None, f"op.execute({MADE.strip()!r})"),
        "migrations/versions/b2_b.py": ALEMBIC.format("b2", "a1", f"op.execute({WRONG.strip()!r})"),
    },
    "django": {
        "manage.py": "",
        "shop/__init__.py": "",
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_a.py": DJANGO.format("[]", MADE.strip()),
        "shop/migrations/0002_b.py": DJANGO.format('[("shop", "0001_a")]', WRONG.strip()),
    },
    "knex": {
        "package.json": '{"dependencies": {"knex": "3"}}\n',
        "migrations/20240101000000_a.js": f"exports.up = async (knex) => {{ await knex.raw(`{MADE.strip()}`); }};\n",
        "migrations/20240102000000_b.js": f"exports.up = async (knex) => {{ await knex.raw(`{WRONG.strip()}`); }};\n",
    },
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_same_root_has_the_same_answer(name: str, tmp_path: Path) -> None:
    for file, text in LAYOUTS[name].items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    report = check(Request(cwd=tmp_path), configuration(None, tmp_path))
    wanted = [(f.rule, f.at.start.line - 1) for f in report.findings if f.at.source.path == file]
    assert "T203" in {rule for rule, _ in wanted}, "the command line finds it"

    async def talk(editor: Editor) -> None:
        uri = editor.open(file)
        told = [(code, int(place.partition(":")[0])) for code, place, _ in await editor.told()]
        assert sorted(told) == sorted(wanted)
        assert editor.shown.empty() and editor.logged.empty()
        if file.endswith(".sql"):
            editor.type(uri, 2, text.replace("emial", "email"))
            assert "T203" not in [code for code, _, _ in await editor.told(version=2)]

    session(tmp_path, talk)


def test_of_several_histories_the_one_around_the_file_answers(tmp_path: Path) -> None:
    for service, column in (("api", "email"), ("jobs", "mail")):
        home = tmp_path / service / "prisma/migrations"
        for name, text in (("20240101000000_a", MADE), ("20240102000000_b", f"SELECT {column} FROM users;\n")):
            (home / name).mkdir(parents=True)
            (home / name / "migration.sql").write_text(text)

    async def talk(editor: Editor) -> None:
        editor.open("api/prisma/migrations/20240102000000_b/migration.sql")
        assert await editor.told() == []
        editor.open("jobs/prisma/migrations/20240102000000_b/migration.sql")
        assert [code for code, _, _ in await editor.told()] == ["T203"]
        assert editor.shown.empty() and editor.logged.empty()

    session(tmp_path, talk)


def test_what_cannot_be_checked_is_logged_once(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    for name in ("people.sql", "orders.sql"):
        (tmp_path / "queries" / name).write_text("SELECT 1;\n")

    async def talk(editor: Editor) -> None:
        uri = editor.open("queries/people.sql")
        for version in (2, 3):
            editor.type(uri, version, f"SELECT {version};\n")
            assert await editor.told(version=version) == []
        assert "no layout has such names" in await asyncio.wait_for(editor.logged.get(), 30)
        assert editor.logged.empty() and editor.shown.empty()

    session(tmp_path, talk)


def test_what_may_be_written_is_what_is_there_by_then(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/0001_a.sql").write_text(FIRST)
    text = 'CREATE TABLE "Late" (at timestamptz);\nSELECT p. FROM app.people p;\nSELECT * FROM app.;\nSELECT ;\n'
    (tmp_path / "m/0002_b.sql").write_text(text)
    (tmp_path / "m/0003_c.sql").write_text(
        "CREATE TABLE later (id int);\nALTER TABLE app.people ADD COLUMN later int;\n"
    )

    async def talk(editor: Editor) -> None:
        uri = editor.open("m/0002_b.sql")
        await editor.told()

        async def offered(line: int, column: int) -> dict[str, str | None]:
            params = lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), lsp.Position(line, column))
            found = await editor.text_document_completion_async(params)
            assert isinstance(found, list)
            return {item.label: item.detail for item in found}

        assert await offered(1, 9) == {"id": "integer", '"Full Name"': "text", "mail": "text"}
        assert await offered(2, 18) == {"people": "table", "orders": "table", "named": "view"}
        assert await offered(3, 7) == {
            '"Late"': "table",
            "app.people": "table",
            "app.orders": "table",
            "app.named": "view",
        }
        params = lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(uri))
        editor.type(uri, 2, "SELECT 1;\nCREATE VIEW v AS\n  SELECT 2;\n")
        await editor.told(version=2)
        outline = await editor.text_document_document_symbol_async(params)
        assert [(one.name, one.range.start.line) for one in outline or () if isinstance(one, lsp.DocumentSymbol)] == [
            ("SELECT 1", 0),
            ("CREATE VIEW v AS SELECT 2", 1),
        ]

    session(tmp_path, talk)
