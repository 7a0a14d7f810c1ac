"""What was proven, of which tree, when: written by ``verify --attest``, believed by ``deploy`` only when everything
fits."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lockgate import __version__
from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_bytes
from lockgate.base.findings import Finding, Severity, Verdict
from lockgate.base.text import Source
from lockgate.deploy.git import FULL
from lockgate.deploy.state import write_whole
from lockgate.sources.migration import Migration

if TYPE_CHECKING:
    from lockgate.api import PostgresUsed

Piece = Path | Source  # a file, or a text that a program printed
_SEVERITIES = tuple(s.value for s in Severity)
_VERDICTS = tuple(v.value for v in Verdict)
_AHEAD = 300.0  # seconds by which another machine's clock may be ahead
_MOST = 20  # names of uncommitted files


class Tree(msgspec.Struct, frozen=True):
    """A commit, and digests (SHA-256) of the files that a verification reads."""

    commit: str
    migrations: str
    configuration: str
    baseline: str


class Attestation(msgspec.Struct, frozen=True):
    """One verification."""

    tree: Tree
    green: bool
    server: str  # version of the PostgreSQL that proved it
    summary: Mapping[str, int] = msgspec.field(default_factory=dict)  # findings by severity
    verdicts: Mapping[str, int] = msgspec.field(default_factory=dict)  # findings by verdict
    made_at: str = ""  # ISO 8601, UTC
    tool: str = __version__
    uncommitted: tuple[str, ...] = ()  # files that were not as committed: the proof is of the tree, not of the commit


def digest(pieces: Iterable[Piece], root: Path) -> str:
    """The digest of pieces by name and content, in the order of the names. Raises CannotCheck for an unreadable
    file."""
    total = hashlib.sha256()
    named = {p.path if isinstance(p, Source) else os.path.relpath(p, root).replace(os.sep, "/"): p for p in pieces}
    for name, piece in sorted(named.items()):
        try:
            content = piece.text.encode() if isinstance(piece, Source) else read_bytes(piece, root)
        except OSError as error:
            raise CannotCheck(f"{name}: {error.strerror}", "make the file readable") from error
        total.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        total.update(content)
    return f"sha256:{total.hexdigest()}"


def files_of(config: Config, migrations: Iterable[Migration], cwd: Path) -> dict[str, list[Piece]]:
    """The files behind each digest: every file beside the migrations too, for a new one there would be applied as well;
    and what a program printed."""
    sources = {s.source.path: s.source for m in migrations for s in (m.up, m.down) if s is not None}
    scripts = [cwd / name for name in sources]
    printed = [source for name, source in sources.items() if not (cwd / name).is_file()]
    folders = {p for name in config.migrations.paths if (p := config.resolve(name)).is_dir()}
    beside = [p for folder in folders for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts]
    named = (config.roles.handover_sql, config.ledger.snapshot)
    configuration: list[Piece] = [config.root / Path(config.path).name] if config.path else []
    return {
        "migrations": [*printed, *(p for p in {*scripts, *beside} if p.is_file())],
        "configuration": configuration + [p for name in named if name and (p := config.resolve(name)).is_file()],
        "baseline": [config.resolve(config.migrations.baseline)] if config.migrations.baseline else [],
    }


def paths_in(files: Mapping[str, Sequence[Piece]]) -> list[Path]:
    """Those that are files."""
    return [piece for pieces in files.values() for piece in pieces if isinstance(piece, Path)]


def tree(commit: str, files: Mapping[str, list[Piece]], root: Path) -> Tree:
    """The tree at hand."""
    return Tree(
        commit, digest(files["migrations"], root), digest(files["configuration"], root), digest(files["baseline"], root)
    )


def make(
    at: Tree, findings: Iterable[Finding], exit_code: int, server: PostgresUsed, uncommitted: Sequence[str] = ()
) -> Attestation:
    """The attestation of a verification that ended with that exit code (0 is green)."""
    summary, verdicts = dict.fromkeys(_SEVERITIES, 0), dict.fromkeys(_VERDICTS, 0)
    for item in findings:
        summary[item.severity.value] += 1
        if item.evidence is not None:
            verdicts[item.evidence.verdict.value] += 1
    version = server.version or str(server.major)
    return Attestation(
        at,
        exit_code == 0,
        version,
        summary,
        verdicts,
        datetime.now(UTC).isoformat(timespec="seconds"),
        uncommitted=tuple(ascii(name)[1:-1][:200] for name in uncommitted[:_MOST]),
    )


def write(path: Path, attestation: Attestation) -> None:
    """Write it. Raises CannotCheck."""
    document = {"version": 1, "kind": "lockgate-attestation", **msgspec.to_builtins(attestation)}
    try:
        write_whole(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}", "give --attest a writable path") from None


def read(path: Path) -> Attestation:
    """An attestation from a file; it comes from outside, so every field is looked at. Raises UsageError,
    CannotCheck."""
    try:
        data = read_bytes(path)
        return _parse(json.loads(data.decode("utf-8")))
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}", "write it with `lockgate verify --attest FILE`") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(
            f"{path}: not an attestation of Lockgate", "write it with `lockgate verify --attest FILE`"
        ) from None


def _parse(value: Any) -> Attestation:
    if value["version"] != 1 or value["kind"] != "lockgate-attestation" or value["green"] not in (True, False):
        raise ValueError
    tree = Tree(**{name: _word(value["tree"][name]) for name in ("commit", "migrations", "configuration", "baseline")})
    if set(value["tree"]) != {"commit", "migrations", "configuration", "baseline"} or not FULL.fullmatch(tree.commit):
        raise ValueError
    moment = datetime.fromisoformat(_word(value["made_at"]))
    if moment.tzinfo is None:
        raise ValueError
    return Attestation(
        tree,
        value["green"] is True,
        _word(value["server"]),
        _counts(value["summary"], _SEVERITIES),
        _counts(value["verdicts"], _VERDICTS),
        moment.isoformat(),
        _word(value["tool"]),
        tuple(_word(name) for name in value["uncommitted"][:_MOST]),
    )


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise ValueError
    return value


def _counts(value: Any, names: tuple[str, ...]) -> dict[str, int]:
    if set(value) != set(names) or not all(type(n) is int and n >= 0 for n in value.values()):
        raise ValueError
    return dict(value)


def match(attestation: Attestation, now: datetime, at: Tree, max_age: float) -> tuple[str, ...]:
    """Why it does not open the gate for the tree at hand; empty where it does."""
    reasons = []
    if not attestation.green or attestation.summary["error"]:
        reasons.append("it is not green: " + ", ".join(f"{n} {name}" for name, n in attestation.summary.items() if n))
    if attestation.tree.commit != at.commit:
        reasons.append(f"it is of commit {attestation.tree.commit[:12]}, the tree is at {at.commit[:12]}")
    if attestation.uncommitted:
        reasons.append(f"its tree was not as committed: {', '.join(attestation.uncommitted[:5])}")
    for name in ("migrations", "configuration", "baseline"):
        if getattr(attestation.tree, name) != getattr(at, name):
            reasons.append(
                f"the {name} have changed since" if name == "migrations" else f"the {name} has changed since"
            )
    age = (now - datetime.fromisoformat(attestation.made_at)).total_seconds()
    if age > max_age:
        reasons.append(f"it is {age / 60:.0f} minutes old, {max_age / 60:.0f} are allowed")
    if age < -_AHEAD:
        reasons.append("it was made in the future: one of the clocks is wrong")
    if attestation.tool != __version__:
        reasons.append(f"it was made by lockgate {attestation.tool}, this is {__version__}")
    if not attestation.server:
        reasons.append("no server took part in it")
    return tuple(reasons)
