"""Strings of source code: every language's escapes, concatenations and interpolations, with exact places."""

from __future__ import annotations

import pytest

from tests.queries_kit import examined, marked

DROP = "ALTER TABLE people DROP COLUMN born;"
# each has one query that reads the dropped column, and one that does not
PROGRAMS = {
    "a.go": 'package a\n\n// é\nvar q = "SELECT \\"id\\",\\tborn " +\n\t"FROM people WHERE name = \'ü\'"\nvar ok = `SELECT id\nFROM people`\n',
    "b.go": 'package a\n\nfunc f() { db.Query(fmt.Sprintf("SELECT id FROM people p WHERE p.born > $1 ORDER BY %s", by), "SELECT name FROM people") }\n',
    "a.py": 'A = f"""SELECT {cols}\n  FROM people -- \\u00e9\n  WHERE born = %(day)s""" " AND name = %s"\nB = ("SELECT id " "FROM people")\n',
    "b.py": 'x.execute(r"SELECT id FROM people WHERE name ~ \'\\d\' AND born < %s" % (1,), "SELECT 1 FROM people")\n',
    "a.ts": "const a = sql`SELECT ${cols} FROM people p WHERE p.born = ${day} AND name = '\\u{e9}'`, b = 'SELECT id ' + \"FROM people\";\n",
    "a.jsx": "const A = () => <p>{db.query('SELECT \\'x\\', born FROM people')}{db.query(`SELECT id FROM people`)}</p>;\n",
    "a.rs": 'fn a() { sqlx::query!("SELECT id, \\\n  born FROM people WHERE id = $1", 1); query(concat!("SELECT id ", "FROM people")); }\n',
    "b.rs": 'fn a() { let q = r#"SELECT "id", born FROM people"#; let s = query("SELECT id " + "FROM people"); }\n',
    "A.java": 'class A { String a = """\n    SELECT \\"id\\", born\n    FROM people\n    """; String b = "SELECT id " + "FROM people"; }\n',
    "A.kt": 'val a = "SELECT id FROM people WHERE born = $day AND name = \'\\\\x\'"\nval b = """SELECT id FROM people WHERE id = ${x.y}"""\n',
    "a.rb": 'A = "SELECT #{cols} FROM people WHERE born = ?" \\\n  " AND id = 1"\nB = <<~SQL.squish\n  SELECT id\n  FROM people WHERE id = #{id}\nSQL\n',
    "b.rb": "A = <<~SQL\n  SELECT id\n  FROM people -- é\n  WHERE born = :day\nSQL\nB = %q(SELECT id FROM people)\n",
}


@pytest.mark.parametrize("path", PROGRAMS)
def test_the_marked_token_is_the_column(path: str) -> None:
    found = examined(path, PROGRAMS[path], DROP)
    assert marked(found) == ["born"], [one.query.sql for one in found.resolutions]
    assert len(found.resolutions) == 2
    assert found.facts[0].failure.cause == "dropped" and found.facts[0].failure.since == "0002"


@pytest.mark.parametrize("path", PROGRAMS)
def test_nothing_is_wrong_before_the_drop(path: str) -> None:
    found = examined(path, PROGRAMS[path])
    assert not found.facts and len(found.resolutions) == 2


def test_an_escape_inside_the_token_is_part_of_it() -> None:
    found = examined("a.go", 'package a\nvar q = "SELECT \\x62orn FROM people"\n', DROP)
    assert marked(found) == ["\\x62orn"]


NOISE = {
    "prose.ts": 'const a = "Select one from people", b = "update people", c = "Delete from people.";\n',
    "clickhouse.ts": "queryIt(`SELECT nope FROM people WHERE id = {id: String}`); queryIt(`SELECT count() FROM people WHERE nope = 1`);\n",
    "mysql.go": 'package a\nvar q = "SELECT `nope` FROM people"\n',
    "Jpql.kt": 'val q = "SELECT p FROM People p WHERE p.bornOn = :day"\n',
    "sqlite.rs": 'fn a() { db.execute("SELECT nope FROM people WHERE id = ?", [1]); }\n',
    "functions.py": 'q = "SELECT toStartOfDay(nope) FROM people"\n',
    "unknown.py": 'q = "SELECT nope FROM elsewhere JOIN people USING (id)"\n',
    "warehouse.py": 'import snowflake\nq = "SELECT nope FROM people WHERE id = %s"\n',
    "salesforce.ts": "const q = 'SELECT Id, Nope FROM People LIMIT 10';\n",
    "local.rs": 'use sqlx::SqlitePool;\nfn a() { sqlx::query("SELECT nope FROM people"); }\n',
    "unit.rs": '#[cfg(test)]\nmod tests { fn b() { query("SELECT nope FROM people"); } }\n#[sqlx::test]\nfn d() { query("SELECT nope FROM people"); }\n',
    "both.go": 'package a\n\nimport _ "github.com/jackc/pgx/v5"\nimport _ "modernc.org/sqlite"\n\nvar q = "SELECT nope FROM people"\n',
}


@pytest.mark.parametrize("path", NOISE)
def test_what_is_no_query_of_this_database_is_left_alone(path: str) -> None:
    assert not examined(path, NOISE[path]).facts


COMPANY = {
    # both servers are spoken of: a name that a migration took away was this one's
    "both.go": 'package a\n\nimport _ "github.com/jackc/pgx/v5"\nimport _ "modernc.org/sqlite"\n\nvar q = "SELECT id, born FROM people"\n',
    # it has what the other one does not take
    "warehouse.ts": "import { c } from './clickhouse';\nq(`UPDATE people SET name = $1 WHERE born = $2 RETURNING id`);\n",
    "local.py": 'import sqlite3\nq = "SELECT id FROM people WHERE born > now()::date - 1"\n',
    # the client that gets it
    "prisma.ts": "import { c } from './clickhouse';\nprisma.$queryRaw`SELECT id FROM people WHERE born IS NULL`;\n",
}


@pytest.mark.parametrize("path", COMPANY)
def test_a_file_that_speaks_of_two_servers(path: str) -> None:
    assert marked(examined(path, COMPANY[path], DROP)) == ["born"]


OPEN = {
    "added.go": 'package a\nfunc f() {\n\tq := "SELECT nope FROM people"\n\tif x {\n\t\tq += " JOIN others ON true"\n\t}\n}\n',
    "builder.go": 'package a\nfunc f() { sb.WriteString("SELECT nope FROM people") }\n',
    "joins.ts": "const q = `SELECT nope FROM people ${joins} WHERE true`;\n",
    "columns.ts": "const q = `SELECT ${columns} FROM people ORDER BY nope`;\n",
    "from.py": 'q = f"SELECT nope FROM people, {tables}"\n',
    "name.py": 'q = f"SELECT nope FROM people_{year}"\n',
    "set.rb": 'Q = "UPDATE people SET #{sets} WHERE id = 1"\n',
    "with.ts": "const q = `WITH ${queries} SELECT nope FROM people`;\n",
    "rows.rs": 'fn a() { QueryBuilder::new("INSERT INTO people (id, name) "); }\n',
    "part.go": 'package a\nvar q = b.Column("(SELECT count(*) FROM orders WHERE orders.person = people.id AND nope) AS n")\n',
}


@pytest.mark.parametrize("path", OPEN)
def test_a_fragment_may_bring_the_name(path: str) -> None:
    found = examined(path, OPEN[path])
    assert not found.facts
    assert not any(one.exact for one in found.resolutions)


CERTAIN = {
    "added.go": 'package a\nfunc f() {\n\tq := "SELECT id FROM people p WHERE p.born IS NULL"\n\tif x {\n\t\tq += " AND true"\n\t}\n}\n',
    "joins.ts": "const q = `SELECT p.born FROM people p ${joins} WHERE true`;\n",
    "columns.ts": "const q = `SELECT ${columns} FROM people WHERE born = ${day}`;\n",
    "set.rb": 'Q = "UPDATE people SET #{sets} WHERE born = 1"\n',
    "rows.rs": 'fn a() { QueryBuilder::new("INSERT INTO people (id, born) "); }\n',
    "list.ts": "const q = `INSERT INTO people (id, born) VALUES ${rows}`;\n",
    "part.go": 'package a\nvar q = b.Column("(SELECT count(*) FROM people WHERE people.born IS NULL) AS n")\n',
}


@pytest.mark.parametrize("path", CERTAIN)
def test_what_stands_beside_a_fragment_is_certain(path: str) -> None:
    assert marked(examined(path, CERTAIN[path], DROP)) == ["born"]


CONSTANTS = {
    "a.go": 'package a\nconst people = "people"\nvar q = "SELECT born FROM " + people + " WHERE id = 1"\n',
    "a.py": 'PEOPLE = "people"\nCOLUMNS = "id, born"\nq = f"SELECT {COLUMNS} FROM {PEOPLE}"\n',
    "a.ts": "const people = 'people', joined = `${people} p`;\nconst q = `SELECT p.born FROM ${joined} WHERE p.id = 1`;\n",
    "a.rb": 'PEOPLE = "people"\nQ = "SELECT born FROM #{PEOPLE}"\n',
    "A.java": 'class A { static final String PEOPLE = "people"; String q = "SELECT born FROM " + PEOPLE; }\n',
    "A.kt": 'const val PEOPLE = "people"\nval q = "SELECT born FROM ${PEOPLE}"\n',
}
VARIABLES = {
    "a.go": 'package a\nconst people = "people"\nfunc f(people string) { q := "SELECT born FROM " + people }\n',
    "b.go": 'package a\nvar people = "people"\nvar q = "SELECT born FROM " + people\n',
    "a.py": 'PEOPLE = "people"\nPEOPLE = other()\nq = f"SELECT born FROM {PEOPLE}"\n',
    "a.ts": "const people = 'people';\nconst f = ({ people }) => `SELECT born FROM ${people}`;\n",
    "value.ts": "const people = 'people';\nconst q = sql`SELECT id FROM people WHERE name = ${people}`;\n",
    "A.java": 'class A { String people = "people"; String q = "SELECT born FROM " + people; }\n',
}


@pytest.mark.parametrize("path", CONSTANTS)
def test_a_constant_of_the_same_file_is_what_it_says(path: str) -> None:
    found = examined(path, CONSTANTS[path], DROP)
    assert len(found.facts) == 1 and found.facts[0].failure.object == "public.people.born"
    assert all(one.exact for one in examined(path, CONSTANTS[path]).resolutions)


@pytest.mark.parametrize("path", VARIABLES)
def test_what_may_be_another_is_no_constant(path: str) -> None:
    assert not examined(path, VARIABLES[path], DROP).facts
