"""A statement that cannot run inside a transaction block: see rules/not-in-transaction.md."""

from __future__ import annotations

from lockgate.rules.model import Failure, Remark, Step, on_failure, refusal

# what a runner's files begin with, and its word for a file without a transaction
_WORDS = {
    "-- +goose": "-- +goose NO TRANSACTION",
    "-- +migrate": "-- +migrate Up notransaction",
    "-- migrate:up": "-- migrate:up transaction:false",
    "-- atlas:": "-- atlas:txmode none",
}
_ELSE = (
    "a file of its own, which the runner does not put into a transaction (sqlx: -- no-transaction; atlas: -- atlas:txmode none; "
    "flyway: executeInTransaction=false in its .conf; Django: atomic = False; alembic: autocommit_block())"
)


@on_failure("25001")
def check(step: Step, failure: Failure) -> Remark | None:
    """In the server's own words, with the runner's word for what is to be done."""
    text = step.migration.up.source.text
    word = next((word for begin, word in _WORDS.items() if begin in text), "")
    own = f'put it into a file of its own with "{word}"' if word and word not in text else _ELSE
    return refusal(step, failure, help=failure.help or own)
