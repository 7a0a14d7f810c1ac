"""``verify`` as a whole: the audit of the simulated catalog, the way out of an outage, a superuser runner, Ctrl-C."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.findings import Finding, Label, Severity, Verdict
from lockgate.base.text import Span
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport, LiveCatalog
from lockgate.oracle.server import supervisor
from lockgate.run.audit import audit, differences
from lockgate.run.evidence import Differs
from lockgate.run.examine import Checked, examine
from lockgate.run.plan import Request
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from tests.conftest import Run, default_signals
from tests.live_kit import migration

MIGRATIONS = (
    migration(
        "1",
        "CREATE TABLE t (id int PRIMARY KEY, a text);\nCREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
    ),
    migration("2", "CREATE TABLE u (id bigint);\nALTER TABLE t ADD COLUMN b numeric(5, 2) DEFAULT 1;"),
)


@pytest.fixture(scope="module")
def report() -> ApplyReport:
    return verify(ApplyPlan(MIGRATIONS, audit=True, observe_locks=False))


def test_a_migration_without_a_statement_is_passed_over() -> None:
    report = verify(ApplyPlan((MIGRATIONS[0], migration("2", "-- nothing yet\n")), observe_locks=False))
    assert [seen.fails for seen in report.observations] == [None, None]


def audited(report: ApplyReport, **changes: object) -> list[Differs]:
    major = report.server.major
    replay = Replay(Plan(MIGRATIONS, major))
    for _ in replay.steps():
        pass
    return list(audit(Plan(MIGRATIONS, major), replace(report, **changes), replay.catalog))


def without(catalog: LiveCatalog, kind: str, name: str) -> LiveCatalog:
    return catalog | {kind: [row for row in catalog[kind] if row["name"] != name]}


def test_the_simulated_catalog_is_the_server_s(report: ApplyReport) -> None:
    assert report.catalogs.keys() == {"1", "2"}
    assert audited(report) == [] and audited(report, catalogs={}) == []


def test_a_difference_is_told_once_with_the_likeliest_statement(report: ApplyReport) -> None:
    wrong = {"1": report.catalogs["1"], "2": without(report.catalogs["2"], "columns", "b")}
    (found,) = audited(report, catalogs=wrong)
    assert (found.migration.id, found.statement, found.object) == ("2", 2, "columns public.t.b")
    assert "the simulated catalog has it" in found.words
    both = {name: without(catalog, "functions", "f") for name, catalog in report.catalogs.items()}
    (found,) = audited(report, catalogs=both)
    assert (found.migration.id, found.statement, found.object) == ("1", 2, "functions public.f(integer)")


def test_without_audit_the_end_is_compared(report: ApplyReport) -> None:
    (found,) = audited(report, catalogs={}, catalog_after=without(report.catalog_after, "tables", "u"))
    assert (found.object, found.migration.id, found.statement) == ("tables public.u", "2", 1)


def test_what_differs_in_a_property(report: ApplyReport) -> None:
    other = report.catalog_after | {"tables": [row | {"owner": "x"} for row in report.catalog_after["tables"]]}
    assert list(differences(report.catalog_after, other, owners=False)) == []
    assert [words for _, words in differences(report.catalog_after, other, owners=True)] == [
        "owner is 'x' on the server, 'lockgate_runner' simulated",
        "owner is 'x' on the server, 'lockgate_runner' simulated",
    ]


def test_nothing_is_compared_after_what_nobody_could_repair() -> None:
    broken = (
        MIGRATIONS[0],
        migration("2", "ALTER TABLE t ADD COLUMN c nonsense;"),
        migration("3", "CREATE TABLE v (id int);"),
    )
    seen = verify(ApplyPlan(broken, audit=True, observe_locks=False))
    wrong = {name: without(catalog, "tables", "v" if name == "3" else "t") for name, catalog in seen.catalogs.items()}
    found = list(audit(Plan(broken, seen.server.major), replace(seen, catalogs=wrong), None))
    assert {item.migration.id for item in found} == {"1"}


def project(folder: Path, config: str, **files: str) -> None:
    (folder / "m").mkdir()
    for name, text in files.items():
        (folder / "m" / f"{name}.up.sql").write_text(text)
    (folder / "lockgate.toml").write_text(f'[migrations]\npaths = ["m"]\n{config}')


ROLES = '[roles]\nowner = "own"\ndeployer = "app"\nhandover = "1"\n'


def test_the_way_out_of_an_outage_is_printed_with_the_ledger_s_row(lockgate: Run, tmp_path: Path) -> None:
    sql = "ALTER TABLE t ADD COLUMN a int;\nCREATE INDEX i ON t (id);\n"
    project(
        tmp_path,
        ROLES + '[ledger]\ntable = "paliad.applied_migrations"\n',
        **{"1_base": "CREATE TABLE t (id int);\n", "129_it's_late": sql},
    )
    text = lockgate("check").stdout
    row = f"VALUES (129, 'it''s_late', now(), '{hashlib.sha256(sql.encode()).hexdigest()}');"
    assert text.count(row) == 1 and "\\i m/129_it's_late.up.sql" in text
    assert "INSERT INTO paliad.applied_migrations (version, name, applied_at, checksum)" in text


def test_a_superuser_runner_is_warned_of(lockgate: Run, tmp_path: Path) -> None:
    project(tmp_path, '[roles]\ndeployer = "app"\nsuperuser = true\n', **{"1_base": "CREATE ROLE boss SUPERUSER;\n"})
    done = lockgate("verify")
    assert done.returncode == 0 and "note: The migrations ran as a superuser, as configured" in done.stdout
    (tmp_path / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\n[roles]\ndeployer = "app"\n')
    assert lockgate("verify").returncode == 1, "never without being asked for"


def scratch() -> set[str]:
    """The homes of scratch servers, wherever they are put."""
    return {
        name
        for base in ("/dev/shm", "/tmp")
        if os.path.isdir(base)
        for name in os.listdir(base)
        if name.startswith("lockgate-") and len(name) == 21
    }


def started(before: set[str], process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The homes that are this run's: named in the command line of its supervisor's server."""
    for name in scratch() - before:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
                parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if name in words and int(parent) == process.pid:
                yield name


def text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has just ended
        return b""


def sleeping(home: str) -> bool:
    """Whether a backend of a scratch server is inside a SELECT: its title says so."""
    pids = supervisor.inhabitants(
        next(f"{base}/{home}/data" for base in ("/dev/shm", "/tmp") if os.path.isdir(f"{base}/{home}"))
    )
    return any(b"SELECT" in text(Path(f"/proc/{pid}/cmdline")) for pid in pids)


@pytest.mark.needs("linux")  # reads /proc
@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")]
)
def test_a_run_ended_in_the_midst_of_a_migration_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, word: str
) -> None:
    """As a terminal does it: the signal goes to the whole process group."""
    project(tmp_path, "", **{"1_long": "SELECT pg_sleep(600);\n"})
    before = scratch()
    command = [sys.executable, "-m", "lockgate", "verify"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=default_signals,
    )
    homes: set[str] = set()
    while process.poll() is None and not (homes and all(map(sleeping, homes))):
        homes = set(started(before, process))
        time.sleep(0.05)
    os.killpg(process.pid, number)
    out, words = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, b"")
    assert words.decode().splitlines() == [
        f"lockgate: interrupted by {word}",
        "  Nothing was proven; the scratch server and its files are gone.",
    ]
    assert homes and not homes & scratch()
    commands = [Path(f"/proc/{pid}/cmdline") for pid in filter(str.isdigit, os.listdir("/proc"))]
    assert not [path for path in commands if any(home.encode() in text(path) for home in homes)]


def watched(cwd: Path, **env: str) -> tuple[bytes, str]:
    """Run verify with standard error on a pseudo-terminal: its standard output, and what the terminal saw."""
    terminal, inner = pty.openpty()
    wanted = (
        {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
        | {"TERM": "xterm", "COLUMNS": "120"}
        | env
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "lockgate", "verify", "--format", "json"],
        cwd=cwd,
        env=wanted,
        stdout=subprocess.PIPE,
        stderr=inner,
    )
    os.close(inner)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while part := os.read(terminal, 65536):
            seen += part
    os.close(terminal)
    return process.communicate(timeout=60)[0], seen.decode("utf-8", "replace")


@pytest.mark.needs("linux")  # a pseudo-terminal's end is told in many ways
def test_a_terminal_sees_which_migration_is_applied_and_a_pipe_nothing(tmp_path: Path) -> None:
    project(
        tmp_path,
        "",
        **{
            "1_first": "CREATE TABLE a (id int);\n",
            "2_long[bold]": "SELECT pg_sleep(2);\n",
            "3_last": "CREATE TABLE b (id int);\n",
        },
    )
    out, seen = watched(tmp_path)
    assert json.loads(out)["coverage"]["migrations"] == 3 and b"\x1b" not in out
    assert re.search(r"applying .*1/3\S* +2_long\[bold\]", seen), "the migration that takes long, while it does"
    assert "\x1b[3" in seen
    out, seen = watched(tmp_path, NO_COLOR="1")
    assert "2_long" in seen and not re.search(r"\x1b\[[0-9;]*m", seen)
    for silent in ({"CI": "true"}, {"TERM": "dumb"}):
        assert watched(tmp_path, **silent)[1] == ""


def test_every_finding_on_a_statement_has_evidence_with_role_and_locks(lockgate: Run, tmp_path: Path) -> None:
    text = "GRANT SELECT ON t TO PUBLIC;\nALTER TABLE t ADD COLUMN a int;\nALTER TABLE mine ADD COLUMN g nonsense;\nDROP VIEW v;\nCREATE VIEW v AS SELECT 2 AS b;\n"
    project(
        tmp_path,
        ROLES,
        **{
            "1_base": "CREATE TABLE t (id int);\nCREATE VIEW v AS SELECT 1 AS a;\n",
            "2_more": "CREATE TABLE mine (id int);\n" + text,
        },
    )
    report = json.loads(lockgate("verify", "--format", "json", "--transaction", "statement").stdout)
    proofs = [f["evidence"] for f in report["findings"] if f["statement"]]
    assert len(proofs) >= 4 and all(p and p["role"] == "app" and p["server"] and p["message"] for p in proofs)
    assert {
        p["verdict"]
        for f, p in zip((f for f in report["findings"] if f["statement"]), proofs, strict=True)
        if f["sqlstate"]
    } == {"confirmed"}


def test_what_the_server_refutes_is_our_mistake_and_closes_no_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lockgate.cli.options import configuration, make_request
    from lockgate.run import verify as joined

    project(tmp_path, '[rules.severity]\ninvalid-definition = "error"\n', **{"1_base": "CREATE TABLE t (id int);\n"})
    monkeypatch.chdir(tmp_path)

    def wrongly(config: Config, request: Request) -> Checked:
        checked = examine(config, request)
        source = checked.folder.migrations[0].up.source
        here = Label(source, Span(0, 6))
        checked.findings.append(
            Finding(
                "T210", "invalid-definition", Severity.ERROR, "nonsense", here, sqlstate="42601", slot="1", statement=1
            )
        )
        return checked

    monkeypatch.setattr(joined, "examine", wrongly)
    outcome = joined.verify(configuration(None), make_request((), None, None, "", False, "", "", "info", ""))
    (found,) = outcome.findings
    assert found.evidence is not None and found.evidence.verdict is Verdict.REFUTED
    assert found.severity is Severity.INFO and "Please report it" in found.help


def test_a_down_script_of_a_migration_that_failed_half_way_proves_nothing(lockgate: Run, tmp_path: Path) -> None:
    project(
        tmp_path, "", **{"1_base": "CREATE TABLE t (id int);\n", "2_view": "CREATE VIEW v AS SELECT gone FROM t;\n"}
    )
    (tmp_path / "m/2_view.down.sql").write_text("DROP VIEW v;\n")
    assert [f["name"] for f in json.loads(lockgate("verify", "--format", "json").stdout)["findings"]] == [
        "unknown-column"
    ]
    (tmp_path / "m/2_view.up.sql").write_text("CREATE VIEW v AS SELECT id FROM t;\n")
    (tmp_path / "m/2_view.down.sql").write_text("DROP VIEW w;\n")
    assert [f["name"] for f in json.loads(lockgate("verify", "--format", "json").stdout)["findings"]] == ["down-fails"]


def test_what_does_not_end_closes_the_gate(lockgate: Run, tmp_path: Path) -> None:
    project(
        tmp_path,
        "[database]\nstatement_timeout = 1\n",
        **{"1_long": "SELECT pg_sleep(600);\n", "2_t": "CREATE TABLE t (id int);\n"},
    )
    done = lockgate("verify", "--format", "json")
    (found,) = json.loads(done.stdout)["findings"]
    assert done.returncode == 1 and (found["name"], found["sqlstate"], found["slot"]) == (
        "unforeseen-failure",
        "57014",
        "1",
    )
    assert "did not end within 1 s" in found["message"] and "statement_timeout" in found["help"]


def test_what_goes_with_a_table_in_doubt_is_in_doubt(lockgate: Run, tmp_path: Path) -> None:
    """The type is made under a condition that nobody foresees, so the table and its index may be there or not: that is
    no difference."""
    made = (
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'mood' || left(current_database(), 0)) THEN\n"
    )
    made += "CREATE TYPE mood AS ENUM ('a'); END IF; END $$;\nCREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL);\n"
    project(tmp_path, "", **{"1_base": made})
    report = json.loads(lockgate("verify", "--audit", "--format", "json").stdout)
    assert report["findings"] == [] and report["coverage"]["tainted"] > 0
