"""The way out when a refused migration has stopped production already: its work by hand as the owner, and the ledger's
row that the runner looks for."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.digest import sha256
from lockgate.base.findings import Finding, Fix
from lockgate.base.sql import literal
from lockgate.rules.registry import Ruleset
from lockgate.sources.migration import Migration


def with_recovery(
    findings: Iterable[Finding], rules: Ruleset, config: Config, migrations: Iterable[Migration]
) -> list[Finding]:
    """The first refusal for lack of ownership of each migration, with its recovery; only where the ledger is
    configured."""
    by_slot = {(m.up.source.path, m.slot): m for m in migrations}
    done: set[str] = set()
    out = []
    for item in findings:
        migration = by_slot.get((item.at.source.path, item.slot))
        if (
            migration is not None
            and rules[item.name].front.recovery
            and item.fix is None
            and config.ledger.table
            and migration.id not in done
        ):
            done.add(migration.id)
            item = replace(
                item,
                fix=Fix(
                    "if it has stopped production already, once, in psql as the owner", sql=recovery(config, migration)
                ),
            )
        out.append(item)
    return out


def recovery(config: Config, migration: Migration) -> str:
    """The script for psql: all or nothing."""
    ledger = config.ledger
    version = migration.slot.lstrip("0") if migration.slot.isdigit() else literal(migration.slot)
    checksum = sha256(migration.up.source.written.text.encode("utf-8", "surrogatepass"))
    values = {
        ledger.version or "version": version or "0",
        ledger.name or "name": literal(migration.name),
        ledger.applied_at or "applied_at": "now()",
        ledger.checksum or "checksum": literal(checksum),
    }
    row = f"INSERT INTO {ledger.table} ({', '.join(values)}) VALUES ({', '.join(values.values())});"
    return f"BEGIN;\n\\i {migration.up.source.path}\n{row}\nCOMMIT;"
