"""Alembic's revisions read from their syntax trees send what alembic itself prints, and lie where they are written."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from pglast.parser import parse_sql_json

from lockgate.sources import load
from lockgate.sources.folder import Folder
from lockgate.sources.migration import Migration
from tests.conftest import Run

ENV = """
from alembic import context
from sqlalchemy import MetaData
target_metadata = MetaData({convention})
context.configure(dialect_name="postgresql", url="postgresql://", literal_binds=True, target_metadata=target_metadata)
with context.begin_transaction():
    context.run_migrations()
"""
CONVENTION = """naming_convention={
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}"""
HEAD = """from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {below}


def upgrade():
"""
TABLES = """
op.create_table(
    "users",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("email", sa.String(length=255), nullable=False, unique=True),
    sa.Column("kind", sa.Enum("a", "b'c", name="kind"), server_default="a"),
    sa.Column("made", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    sa.Column("seen", sa.TIMESTAMP(), server_default=sa.func.now(), index=True),
    sa.Column("score", sa.Numeric(10, 2), server_default=sa.text("0")),
    sa.Column("tags", postgresql.ARRAY(sa.Text())),
    sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), comment="what it's for"),
    sa.Column("Order", sa.SmallInteger(), sa.CheckConstraint("\\"Order\\" > 0", name="positive")),
    sa.PrimaryKeyConstraint("id"),
    comment="people",
)
op.create_table(
    "notes",
    sa.Column("id", sa.BigInteger(), primary_key=True),
    sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("other", postgresql.UUID(as_uuid=True), server_default=sa.text("gen_random_uuid()")),
    sa.Column("size", sa.Integer(), sa.Computed("user_id * 2", persisted=True)),
    sa.Column("number", sa.Integer(), sa.Identity(always=True, start=5)),
    sa.UniqueConstraint("user_id", "other", name="uq_pair"),
)
op.create_table("pairs", sa.Column("a", sa.Integer()), sa.Column("b", sa.Integer()), sa.PrimaryKeyConstraint("a", "b"),
                sa.ForeignKeyConstraint(["a", "b"], ["x.pairs.a", "x.pairs.b"], onupdate="CASCADE", deferrable=True))
"""
CHANGES = """
op.add_column("users", sa.Column("age", sa.Integer(), sa.CheckConstraint("age > 0", name="old"), nullable=False, server_default="1"))
op.add_column("users", sa.Column("boss_id", sa.Integer(), sa.ForeignKey("users.id"), index=True), schema=None)
op.alter_column("users", "email", existing_type=sa.String(), type_=sa.Text(), nullable=True, postgresql_using="email::text")
op.alter_column("users", "age", server_default=None)
op.alter_column("users", "age", new_column_name="years", existing_type=sa.Integer())
op.create_index("ix_low", "users", [sa.text("lower(email)")], unique=True)
op.create_index(op.f("ix_some"), "users", ["email", sa.text("years DESC")], postgresql_where=sa.text("years > 3"))
op.create_index("ix_gin", "users", ["data"], postgresql_using="gin", postgresql_ops={"data": "jsonb_path_ops"})
op.create_foreign_key("fk_x", "notes", "users", ["user_id"], ["id"], ondelete="SET NULL", postgresql_not_valid=True)
op.create_unique_constraint("uq_x", "users", ["email", "years"])
op.create_unique_constraint(None, "users", ["seen"])
op.create_check_constraint("grown", "users", "years > 17")
op.drop_constraint("grown", "users", type_="check")
op.drop_constraint("uq_pair", "notes")
op.drop_index("ix_low", table_name="users")
op.drop_column("users", "score")
op.rename_table("notes", "remarks")
op.drop_table("pairs")
for table in ("users", "remarks"):
    op.execute(f"COMMENT ON TABLE {table} IS 'a ' || 'b'" if False else f"ALTER TABLE {table} SET (fillfactor = 70)")
with op.batch_alter_table("users") as batch:
    batch.add_column(sa.Column("more", sa.Boolean(), server_default=sa.false(), nullable=False))
    batch.create_index("ix_more", ["more"])
    batch.drop_constraint("uq_x", type_="unique")
    batch.alter_column("more", nullable=True)
with op.get_context().autocommit_block():
    op.create_index("ix_late", "users", ["more"], postgresql_concurrently=True)
op.execute(sa.text("UPDATE users SET email = :e").bindparams(e="x"))
op.bulk_insert(sa.table("users", sa.column("email", sa.String())), [{"email": "it's"}])
"""
EXCLUDED = """
op.create_exclude_constraint("no_overlap", "users", ("made", "="), ("seen", "="), using="gist", where="years > 1")
op.create_table_comment("users", "new")
op.drop_table_comment("users")
op.create_primary_key("pk_x", "users", ["id"])
"""


def revision(root: Path, name: str, below: str | None, body: str) -> Path:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    path = root / "migrations/versions" / f"{name}_x.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD.format(revision=name, below=repr(below)) + lines)
    return path


def printed_by_alembic(root: Path) -> str:
    config = Config(output_buffer=(out := io.StringIO()))
    config.set_main_option("script_location", str(root / "migrations"))
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def trees(sql: str) -> list[Any]:
    """Statements by their meaning: no places, no spelling."""

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: bare(v) for k, v in node.items() if not k.endswith(("location", "_list_start", "_list_end"))}
        return [bare(v) for v in node] if isinstance(node, list) else node

    found = [bare(s["stmt"]) for s in json.loads(parse_sql_json(sql)).get("stmts", ())]
    return [s for s in found if "alembic_version" not in json.dumps(s) and "TransactionStmt" not in s]


def read(root: Path) -> Folder:
    return load([root], cwd=root)


def sent(migration: Migration) -> str:
    return "\n".join(migration.up.source.text[p.start : p.end] for p in migration.up.pieces)


@pytest.mark.parametrize("convention", ["", CONVENTION], ids=["plain", "convention"])
@pytest.mark.parametrize("bodies", [(TABLES, CHANGES), (EXCLUDED,)], ids=["tables", "constraints"])
def test_revisions_send_what_alembic_prints(tmp_path: Path, convention: str, bodies: tuple[str, ...]) -> None:
    below = None
    for number, body in enumerate(bodies):
        revision(tmp_path, f"r{number}", below, body)
        below = f"r{number}"
    (tmp_path / "migrations/env.py").write_text(ENV.replace("{convention}", convention))
    (tmp_path / "migrations/script.py.mako").write_text("")
    folder = read(tmp_path)
    assert folder.layout == "alembic" and not [g for m in folder.migrations for g in m.up.gaps]
    ours = [tree for m in folder.migrations for tree in trees(sent(m))]
    assert ours == trees(printed_by_alembic(tmp_path))


def test_helpers_and_conditions_are_followed(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/__init__.py").write_text("")
    (tmp_path / "tools/ddl.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nDEFAULT = 'x'\n"
        "def with_dates(name, *columns):\n    op.create_table(name, *columns, sa.Column('at', sa.Date()))\n"
    )
    body = """
from tools.ddl import with_dates
bind = op.get_bind()
if bind.dialect.name == "postgresql":
    with_dates("t", sa.Column("a", sa.Integer()))
else:
    op.drop_table("t")
names = {row["name"] for row in sa.inspect(bind).get_columns("t")}
if "b" not in names:
    op.add_column("t", sa.Column("b", sa.Text()))
if bind.execute(sa.text("SELECT 1")).scalar():
    op.drop_column("t", "a")
"""
    revision(tmp_path, "a1", None, body)
    (one,) = read(tmp_path).migrations
    assert sent(one).split(";\n")[-2:] == ["ALTER TABLE t ADD COLUMN IF NOT EXISTS b TEXT", "SELECT 1;"]
    (gap,) = one.up.gaps
    assert gap.touches == ("t",) and "op.drop_column" in gap.why


def test_a_finding_lies_at_the_operation(lockgate: Run, tmp_path: Path) -> None:
    revision(tmp_path, "a1", None, 'op.create_table("t", sa.Column("id", sa.Integer()), sa.Column("old", sa.Text()))')
    revision(tmp_path, "b2", "a1", 'op.drop_column("t", "old")')
    path = revision(
        tmp_path, "c3", "b2", 'op.execute("""\nUPDATE t\nSET old = 1\n""")\nop.create_index("i", "t", ["old"])'
    )
    done = lockgate("check", "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["coverage"]["code"] == {"read": 3, "recorded": 0, "unprinted": 0}
    first, second = (f["location"] for f in found["findings"])
    assert first["path"] == second["path"] == "migrations/versions/c3_x.py"
    lines = path.read_text().splitlines()
    assert lines[first["start"]["line"] - 1] == "    SET old = 1"
    assert lines[second["start"]["line"] - 1].strip().startswith("op.create_index")
    verified = json.loads(lockgate("verify", "--format", "json").stdout)
    assert [f["evidence"]["verdict"] for f in verified["findings"]] == ["confirmed", "confirmed"]
    # the hook gives the file by its name, an ignore stands in Python's own comment
    named = json.loads(lockgate("check", str(path), "--format", "json").stdout)
    assert len(named["findings"]) == 2
    text = path.read_text().replace("op.create_index(", "# lockgate: ignore T201: known\n    op.create_index(")
    path.write_text(text)
    assert json.loads(lockgate("check", "--format", "json").stdout)["summary"]["suppressed"] == 1


def test_what_cannot_be_printed_is_named_and_taints(lockgate: Run, tmp_path: Path) -> None:
    revision(tmp_path, "a1", None, 'op.create_table("t", sa.Column("id", sa.Integer()))')
    revision(tmp_path, "b2", "a1", 'import os\nop.execute(os.environ["X"])\nop.drop_column("t", "nothing")')
    done = lockgate("check")
    assert done.returncode == 0 and re.search(r"info\[S121\] not printed as SQL: op.execute", done.stdout)
    assert "1 of 3 statements exact" in done.stdout


def test_nothing_is_run(lockgate: Run, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    body = f'open({str(marker)!r}, "w").write("x")\n__import__("os").system("touch {marker}")\nop.execute("SELECT 1")'
    revision(tmp_path, "a1", None, body)
    assert lockgate("check").returncode == 0 and not marker.exists()


def test_a_program_in_a_buffer_is_not_taken_for_sql(lockgate: Run, tmp_path: Path) -> None:
    path = revision(tmp_path, "a1", None, 'op.create_table("t", sa.Column("id", sa.Integer()))')
    done = lockgate("check", "-", "--stdin-filename", str(path), stdin=path.read_text() + "\n# more\n")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    assert "syntax" not in done.stdout


def test_sql_of_a_file_of_the_project_is_read_and_no_other(tmp_path: Path) -> None:
    outside = tmp_path / "secret.sql"
    outside.write_text("SELECT 'secret';")
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    body = f"""
import os
from pathlib import Path
with open(os.path.join(os.path.dirname(__file__), "x.sql")) as file:
    op.execute(file.read())
op.execute((Path(__file__).parent / "x.sql").read_text())
op.execute(open({str(outside)!r}).read())
"""
    path = revision(root, "a1", None, body)
    (path.parent / "x.sql").write_text("CREATE TABLE of_a_file (a int);")
    (one,) = load([root], "alembic", cwd=root).migrations
    assert sent(one).count("CREATE TABLE of_a_file") == 2 and "secret" not in sent(one)
    assert len(one.up.gaps) == 1 and one.up.gaps[0].wide
