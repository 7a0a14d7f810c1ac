"""The generator: one statement after another, each chosen by weight and filled from the simulated catalog."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from lockgate.timeline.replay import Replay
from tests.oracle import flows, others, privileges, tables
from tests.oracle.choice import ROLES, Choice

Production = Callable[[Choice], str]
# every sequence starts so: a few roles that are somebody, and schemas that are not all the superuser's
PREAMBLE = (
    *(f"create role {name}" for name in ROLES),
    "grant r1 to r2",
    "create schema s1 authorization r1",
    "create schema s2",
    "grant usage, create on schema public to r1, r3",
    "grant usage on schema s2 to public",
)
WEIGHTS: dict[Production, int] = {
    tables.create_table: 14,
    tables.alter_table: 22,
    tables.create_index: 6,
    tables.create_view: 6,
    tables.replace_view: 2,
    tables.rename: 5,
    tables.drop: 8,
    tables.create_partition: 4,
    tables.partitions: 3,
    tables.table_like: 2,
    tables.matview: 2,
    tables.table_as: 2,
    tables.sequence: 3,
    tables.alter_view: 1,
    tables.move: 4,
    others.create_type: 4,
    others.alter_type: 4,
    others.create_function: 6,
    others.alter_function: 1,
    others.trigger: 4,
    others.policy: 3,
    others.comment: 3,
    others.statistics: 1,
    others.rule: 1,
    others.schema: 1,
    others.path: 1,
    others.dml: 6,
    others.query: 4,
    others.do_block: 2,
    others.transaction: 3,
    others.call: 1,
    privileges.grant: 6,
    privileges.membership: 2,
    privileges.role: 1,
    privileges.own: 2,
    privileges.make: 2,
    privileges.become: 4,
    flows.guarded: 6,
    flows.dynamic: 2,
    flows.replace_function: 3,
    flows.savepoint: 2,
    flows.merge: 2,
    flows.many_columns: 3,
    flows.schema_elements: 1,
    flows.publication: 1,
    flows.temporary: 1,
    privileges.default_privileges: 2,
    privileges.owned: 1,
    privileges.foreign_key: 4,
}
# the same by several roles, over every kind of object, most of all what decides who may what
RIGHTS: dict[Production, int] = {
    tables.create_table: 8,
    tables.alter_table: 8,
    tables.create_index: 2,
    tables.create_view: 4,
    tables.drop: 2,
    tables.matview: 1,
    tables.table_as: 1,
    tables.sequence: 2,
    tables.create_partition: 2,
    others.create_type: 3,
    others.create_function: 5,
    others.trigger: 3,
    others.policy: 3,
    others.statistics: 1,
    others.rule: 2,
    others.dml: 12,
    others.query: 8,
    others.call: 3,
    others.transaction: 1,
    others.comment: 2,
    flows.merge: 2,
    flows.publication: 1,
    flows.replace_function: 1,
    privileges.grant: 24,
    privileges.membership: 8,
    privileges.role: 4,
    privileges.become: 14,
    privileges.default_privileges: 5,
    privileges.owned: 2,
    privileges.own: 12,
    privileges.make: 10,
    privileges.session_settings: 5,
    privileges.foreign_key: 3,
    tables.move: 3,
}


def next_statement(random: Random, replay: Replay, weights: dict[Production, int] = WEIGHTS) -> str:
    """A statement for the catalog as it is now."""
    path = tuple(name for name in replay.session.search_path if name != "$user") or ("public",)
    choice = Choice(random, replay.catalog, path)
    total = sum(weights.values())
    at = random.randrange(total)
    for production, weight in weights.items():
        at -= weight
        if at < 0:
            return production(choice)
    raise AssertionError
