"""What the timeline is not certain of: a name that was taken away after it stays certain, one that was taken away
before it does not."""

from __future__ import annotations

import pytest

from tests.queries_kit import examined, marked

ANYTHING = "DO $$ BEGIN EXECUTE convert_from(pg_read_binary_file('x'), 'utf8'); END $$;"
PERHAPS = "DO $$ BEGIN IF random() > 0.5 THEN ALTER TABLE people ADD COLUMN born date; END IF; END $$;"
DROP = "ALTER TABLE people DROP COLUMN born;"
QUERIES = "SELECT p.born, o.note FROM people p JOIN orders o ON o.person = p.id;\nSELECT born FROM people;\nSELECT id FROM people;\n"


@pytest.mark.parametrize("doubt", [ANYTHING, PERHAPS])
def test_what_happened_before_cannot_have_brought_it_back(doubt: str) -> None:
    found = examined("q.sql", QUERIES, doubt, DROP)
    assert marked(found) == ["born", "born"]


@pytest.mark.parametrize("doubt", [ANYTHING, PERHAPS])
def test_what_happens_after_may(doubt: str) -> None:
    assert not examined("q.sql", QUERIES, DROP, doubt).facts
    assert not examined("q.sql", QUERIES, doubt, DROP, doubt).facts


def test_a_relation_that_went_after_the_doubt() -> None:
    drop = "DROP TABLE orders CASCADE;"
    assert marked(examined("q.sql", QUERIES, ANYTHING, drop)) == ["orders"]
    assert not examined("q.sql", QUERIES, drop, ANYTHING).facts


def test_a_drop_that_may_not_have_run_is_in_doubt_itself() -> None:
    assert not examined(
        "q.sql", QUERIES, "DO $$ BEGIN IF random() > 0.5 THEN ALTER TABLE people DROP COLUMN born; END IF; END $$;"
    ).facts
