"""Mutated SQL for ``check`` and for the splitter: whatever comes, an answer in bounded time and no fault of Lockgate's.

The same seed gives the same statements on every machine.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

from lockgate.api import Request, check
from lockgate.base.config import Config
from lockgate.base.errors import LockgateError
from lockgate.base.text import Source
from lockgate.parse import SyntaxFailure, parse_script
from lockgate.sources.migration import Script, Transaction

HERE = Path(__file__).parent
MOST_SECONDS = 10.0  # of CPU for one file; the longest of a million had 1.5
LAYOUTS = (
    "golang-migrate",
    "goose",
    "sql-migrate",
    "dbmate",
    "flyway",
    "plain",
    "liquibase",
    "node-pg-migrate",
    "refinery",
)
NAMES = {"golang-migrate": "001_f.up.sql", "flyway": "V1__f.sql", "refinery": "V1__f.sql"}
_TOKEN = re.compile(r"\$\w*\$|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*|\*/|\w+|\s+|.", re.DOTALL)
_CRUMBS = (
    *(
        "'",
        '"',
        "$$",
        "$x$",
        "E'\\",
        "U&'\\",
        'U&"',
        "\\",
        ";",
        ";;",
        "--",
        "/*",
        "*/",
        "(",
        ")",
        "[",
        "]",
        "::",
        ":=",
        "..",
        "\0",
        "\ufeff",
    ),
    *(
        "\u202e",
        "\u2028",
        "\ud7ff",
        "\U0001f600",
        "é",
        "\r",
        "\r\n",
        "\x0b",
        "\x1b[2J",
        "\x85",
        "\xa0",
        "0x",
        "1e999",
        "99999999999999999999",
        "-1",
    ),
    *(
        "NULL",
        "DEFAULT",
        "BEGIN",
        "END",
        "COMMIT",
        "ATOMIC",
        "AS",
        "*",
        "EXECUTE",
        "LOOP",
        "EXCEPTION",
        "pg_catalog.",
        "public.",
        "pg_temp.",
        "ONLY",
        "ALL",
    ),
    *(
        "CASCADE",
        "USING",
        "OVER ()",
        "COLLATE",
        "VARIADIC",
        "RETURNING",
        "LATERAL",
        "ROW(",
        "ARRAY[",
        "%TYPE",
        "%ROWTYPE",
        "IF EXISTS",
        "CONCURRENTLY",
    ),
    *(
        "-- lockgate: ignore",
        "-- lockgate:ignore[*]",
        "-- +goose Up",
        "-- +goose StatementBegin",
        "-- migrate:down",
        "\n-- migrate:up\n",
        "\n-- +goose StatementEnd\n",
        "\n-- +migrate Down\n",
        "--liquibase formatted sql\n",
        "\n--changeset a:1\n",
        "\n-- Up Migration\n",
        "${x}",
        "%(x)s",
        "\\set x",
        "\\.",
    ),
)


@cache
def seeds() -> tuple[str, ...]:
    """The statements that are mutated: those of tests/timeline and of the hostile files."""
    files = sorted((HERE.parent / "timeline").glob("*.sql")) + sorted((HERE / "sql").glob("*.sql"))
    pieces = (piece for file in files for piece in re.split(r"(?<=;)\n", file.read_text()))
    return tuple(piece for piece in pieces if piece.strip() and len(piece) < 4000)


@cache
def _tokens(statement: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(statement))


def script(random: Random) -> str:
    """A few statements, one after the other in their file or not, some of them changed."""
    every = seeds()
    first = random.randrange(len(every))
    chosen = [every[(first + step) % len(every)] for step in range(random.randint(1, 8))]
    chosen += random.choices(every, k=random.randint(0, 3))
    return "\n".join(_mutated(random, one) if random.random() < 0.6 else one for one in chosen)


def _mutated(random: Random, statement: str) -> str:
    tokens = list(_tokens(statement))
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        _change(random, tokens)
    text = "".join(tokens)
    return text[: random.randrange(len(text) + 1)] if random.random() < 0.1 else text


def _change(random: Random, tokens: list[str]) -> None:
    """One change of a statement's tokens, in place."""
    at, other = random.randrange(len(tokens) + 1), random.randrange(len(tokens) + 1)
    low, high = sorted((at, min(other, at + 12)))
    match random.randrange(9):
        case 0:
            tokens.insert(at, random.choice(_CRUMBS))
        case 1:
            del tokens[low:high]
        case 2:
            tokens[at:at] = tokens[low:high]
        case 3 if at < len(tokens) and other < len(tokens):
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 4:
            tokens[at : at + 1] = random.choices(_tokens(random.choice(seeds())), k=1)
        case 5:
            depth = random.choice((2, 30, 300))
            tokens[low:high] = ["(" * depth, *tokens[low:high], ")" * depth]
        case 6:
            quoted = "".join(tokens[low:high])
            tokens[low:high] = [
                random.choice(("'{}'", '"{}"', "$${}$$", "/*{}*/", "DO $q$ BEGIN {}; END $q$", "({})")).format(
                    quoted.replace("{", "")
                )
            ]
        case 7:
            tokens[low:high] = tokens[low:high] * random.choice((2, 20, 100))
        case 8 if at < len(tokens):
            piece = tokens[at]
            cut = random.randrange(len(piece) + 1)
            tokens[at] = piece[:cut] + random.choice(("", random.choice(_CRUMBS), piece.swapcase())) + piece[cut:]


def split(text: str) -> None:
    """The splitter's word: statements in order, apart, inside of the text, and nothing but space between them."""
    statements = parse_script(Script.whole(Source("f.sql", text), Transaction.FILE))
    end = 0
    for at, one in enumerate(statements, 1):
        assert end <= one.span.start <= one.span.end <= len(text), (at, one.span)
        assert one.index == at
        if isinstance(one, SyntaxFailure):
            assert one.message
        end = one.span.end


def examine(text: str, folder: Path, layout: str = "") -> None:
    """Split and check one file, as one of a runner's layout. Raises what must not be raised, AssertionError where it took too long."""
    began = time.process_time()
    split(text)
    (folder / NAMES.get(layout, "001_f.sql")).write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(LockgateError):
        report = check(
            Request(paths=(folder / NAMES.get(layout, "001_f.sql"),), cwd=folder, layout=layout), Config(root=folder)
        )
        assert report.exit_code in (0, 1)
        for finding in report.findings:
            assert 0 <= finding.at.span.start <= finding.at.span.end <= len(text), finding
    took = time.process_time() - began
    assert took < MOST_SECONDS, f"{took:.1f} s"


def texts(seed: int) -> Iterator[str]:
    """Scripts without end."""
    for number in range(1 << 62):
        yield script(Random(f"{seed}/{number}"))


def run(seconds: float, seed: int, most: int = 1 << 62) -> tuple[int, list[str]]:
    """So many files were examined, and what was wrong: exception and text of each, 20 at most."""
    until = time.monotonic() + seconds
    wrong: list[str] = []
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for count, text in enumerate(texts(seed), 1):
            try:
                examine(text, Path(folder), LAYOUTS[count % len(LAYOUTS)] if count % 2 else "")
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}\n{text!r}")
            if time.monotonic() > until or len(wrong) == 20 or count == most:
                break
    return count, wrong
