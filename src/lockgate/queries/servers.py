"""Other servers: for which of them a query may be written, by what its file speaks of, who gets it, and what it says
that they do not take."""

from __future__ import annotations

import re
from enum import Enum

import msgspec

_UPSERT = r"\breturning\b|\bon\s+conflict\b|\bfor\s+(?:no\s+key\s+)?(?:update|share)\b"
_POSTGRES = r"::|\bilike\b|\bany\s*\(\s*[$@:?%]|\bunnest\s*\(|\blateral\b|\barray\s*\[|\bdistinct\s+on\b|\bpg_|\bjsonb|\bregclass\b"
_CHANGES = r"\A\s*(?:insert|update|delete|with|merge)\b"
# what a file says that speaks of a server -> what that server does not take
_REFUSED = {
    r"sqlite|sql\.js|libsql|d1database": rf"{_POSTGRES}|\bfor\s+(?:no\s+key\s+)?(?:update|share)\b|\binterval\s*'",
    r"mysql|mariadb": rf"{_POSTGRES}|\$\d|\bon\s+conflict\b|\bnulls\s+(?:first|last)\b",
    r"mssql|sqlserver|sql\s*server": rf"{_POSTGRES}|{_UPSERT}|\$\d|\blimit\b",
    r"ojdbc|oracledb|cx_oracle|oracle\.jdbc": rf"{_POSTGRES}|\bon\s+conflict\b|\$\d|\blimit\b",
    r"clickhouse": rf"{_UPSERT}|->>|\bjsonb|\bregclass\b|\bpg_|\bany\s*\(\s*[$@:?%]|\A\s*update\b",
    r"bigquery": rf"{_UPSERT}|::|->>|\$\d|\bilike\b",
    r"snowflake|databricks|redshift|\btrino\b|\bathena\b|pyspark": rf"{_UPSERT}|->>|\$\d|\bjsonb|\bdistinct\s+on\b",
    r"duckdb": r"\bfor\s+(?:update|share)\b|\bjsonb|\bregclass\b|\bpg_",
    r"cassandra|scylla": rf"{_UPSERT}|{_POSTGRES}|\bjoin\b|\bexists\b|\bunion\b|\$\d",
    r"salesforce|\bsoql\b|quickbooks|netsuite|suiteql|zuora|osquery|steampipe|influxdb|cosmosdb|google-?ads": rf"{_UPSERT}|{_POSTGRES}|{_CHANGES}|\bjoin\b|\$\d",
}
_SIBLINGS = 4  # the first ones serve applications as PostgreSQL does
_SPOKEN_OF = tuple(re.compile(words.encode()) for words in _REFUSED)
# what has to be there, in pieces, for any of these words: looked for at a hundred times a pattern's speed
_PIECES = tuple(
    tuple(piece.encode() for piece in re.split(r"\\s\*|-\?", word.replace(r"\b", "").replace(r"\.", ".")))
    for words in _REFUSED
    for word in words.split("|")
)
_SIGNS = tuple(re.compile(signs, re.IGNORECASE) for signs in _REFUSED.values())
_THIS = re.compile(rb"postgres|pgx|psycopg|asyncpg|lib/pq|\bpg\b|prisma|PGPool", re.IGNORECASE)
_THIS_CLIENT = re.compile(r"prisma|queryraw|executeraw|postgres|pgx|\bpg\b", re.IGNORECASE)
_OTHER_CLIENT = re.compile(r"sqlite|mysql|mariadb|mssql|oracle|clickhouse", re.IGNORECASE)


class Meant(Enum):
    """Whom a query may be meant for."""

    HERE = "this server"
    SHARED = "this one, and another for which the same is written"
    ANY = "this one or another"
    ELSEWHERE = "another one, unless its names prove it"
    OTHER = "another server's client gets it"


class Company(msgspec.Struct, frozen=True):
    """What a file speaks of: other servers, by their number in the table, and PostgreSQL."""

    others: tuple[int, ...] = ()
    this: bool = False

    def meant(self, text: str, receiver: str) -> Meant:
        """Whom a text may be meant for that is given to ``receiver``."""
        if _OTHER_CLIENT.search(receiver):
            return Meant.OTHER
        if _THIS_CLIENT.search(receiver) or all(_SIGNS[number].search(text) for number in self.others):
            return Meant.HERE
        if not self.this:
            return Meant.ELSEWHERE
        return Meant.SHARED if max(self.others) < _SIBLINGS else Meant.ANY


def company(path: str, data: bytes) -> Company:
    """Which servers a file speaks of."""
    words = path.encode("utf-8", "replace").lower() + b"\n" + data.lower()
    if not any(all(piece in words for piece in pieces) for pieces in _PIECES):
        return Company()
    others = tuple(number for number, spoken_of in enumerate(_SPOKEN_OF) if spoken_of.search(words))
    return Company(others, bool(others) and _THIS.search(words) is not None)
