"""The findings of a report as lines, and as the one comment on a pull request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_bytes
from lockgate.deploy.secret import printable

Json = Mapping[str, Any]
_MOST = 50  # findings in a comment


def read_report(path: Path) -> Json:
    """A report that ``--format json`` wrote. Raises CannotCheck, UsageError."""
    try:
        value = json.loads(read_bytes(path).decode("utf-8"))
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}", "write it with --format json --output FILE") from error
    except (ValueError, RecursionError):
        value = None
    findings = value.get("findings") if isinstance(value, dict) else None
    if (
        not isinstance(findings, list)
        or not all(isinstance(f, dict) for f in findings)
        or not isinstance(value.get("summary"), dict)
    ):
        raise UsageError(f"{path}: not a report of Lockgate", "write it with --format json --output FILE")
    return value  # type: ignore[no-any-return]


def words(report: Json) -> str:
    """``2 errors, 1 warning; 3 confirmed by the server`` for a commit status."""
    names = (("error", "error"), ("warning", "warning"), ("info", "info"))
    counts = [(int(report["summary"].get(key, 0)), name) for key, name in names]
    parts = [f"{count} {name}{'s' if count != 1 and name != 'info' else ''}" for count, name in counts if count]
    proven = sum(1 for f in report["findings"] if _verdict(f) == "confirmed")
    return (", ".join(parts) or "no findings") + (f"; {proven} confirmed by the server" if proven else "")


def lines(report: Json) -> list[str]:
    """One line for each finding."""
    return [
        f"{_place(f)}: {f.get('severity')}[{f.get('rule')}] {_flat(f.get('message'))}" + _proof(f)
        for f in report["findings"]
    ]


def markdown(report: Json, command: str, run_url: str, commit: str = "") -> str:
    """The comment: what was found, with its proof. Foreign words stand in code spans, so that they notify and format
    nothing."""
    findings = report["findings"]
    out = [f"### Lockgate {command}{f' of {commit[:12]}' if commit else ''}: {words(report)}", ""]
    if findings:
        out += ["| where | what | proof |", "| --- | --- | --- |"]
        out += [
            f"| {_code(_place(f))} | **{_cell(f.get('rule'))}** {_code(f.get('message'))} | {_cell(_proof(f).strip(' ()')) or '-'} |"
            for f in findings[:_MOST]
        ]
        helps = list(
            dict.fromkeys(
                f"- {_cell(f.get('rule'))}: {_code(f.get('help'))}" for f in findings[:_MOST] if f.get("help")
            )
        )
        out += ["", *helps] if helps else []
    if len(findings) > _MOST:
        out += ["", f"... and {len(findings) - _MOST} more in the run's log."]
    coverage = report.get("coverage")
    if isinstance(coverage, dict):
        out += ["", f"{_cell(coverage.get('migrations'))} migrations, {_cell(coverage.get('statements'))} statements."]
    return "\n".join([*out, f"[the run]({run_url})" if run_url else ""]).rstrip() + "\n"


def _verdict(finding: Json) -> str:
    evidence = finding.get("evidence")
    return str(evidence.get("verdict", "")) if isinstance(evidence, dict) else ""


def _proof(finding: Json) -> str:
    state, verdict = finding.get("sqlstate"), _verdict(finding)
    shown = " ".join(str(part) for part in (verdict, state) if part)
    return f" ({shown})" if shown else ""


def _place(finding: Json) -> str:
    location = finding.get("location")
    if not isinstance(location, dict):
        return "?"
    start = location.get("start")
    line = start.get("line") if isinstance(start, dict) else "?"
    return f"{_flat(location.get('path'))}:{line}"


def _flat(value: object) -> str:
    return " ".join(printable(str(value if value is not None else "")).split())[:400]


def _cell(value: object) -> str:
    text = _flat(value)
    for char in "\\`*_[]<>|@#!":
        text = text.replace(char, f"\\{char}" if char != "@" else "@\u200b")
    return text


def _code(value: object) -> str:
    text = _flat(value).replace("|", "\\|")
    return f"`{text.replace('`', chr(39))}`" if text else ""
