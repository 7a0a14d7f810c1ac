"""Findings that are known: an old project's own, written down once, so that only new ones close the gate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import checked_output, read_text
from lockgate.base.findings import Finding
from lockgate.base.text import to_json

_MEND = "write it anew: `lockgate check --update-known`"


def known_of(config: Config) -> frozenset[str]:
    """The fingerprints in the file that ``[rules] known`` names; none where nothing is named, or not written yet. Raises
    CannotCheck for one that cannot be read."""
    name = config.rules.known
    if not name:
        return frozenset()
    try:
        document = json.loads(read_text(config.resolve(name), config.root, name=name))
        return frozenset(str(one["fingerprint"]) for one in document["known"])
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise CannotCheck(f"{name}: {error.strerror}", "make it readable") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CannotCheck(f"{name}: no file of known findings", _MEND) from error


def without_known(findings: Sequence[Finding], known: frozenset[str]) -> tuple[list[Finding], int]:
    """The findings that are not known, and how many are."""
    new = [f for f in findings if not known or f.fingerprint not in known]
    return new, len(findings) - len(new)


def write(config: Config, findings: Iterable[Finding]) -> tuple[str, int]:
    """Write down these findings; the file's name, and how many they are. Raises UsageError where no file is named."""
    name = config.rules.known
    if not name:
        remedy = 'name a file: [rules] known = "lockgate/known.json"'
        raise UsageError(f"{config.path or 'lockgate.toml'}: --update-known needs [rules] known", remedy)
    entries = {
        f.fingerprint: {"fingerprint": f.fingerprint, "rule": f.rule, "path": f.at.source.path, "message": f.message}
        for f in findings
    }
    path = Path(config.resolve(name))
    try:
        checked_output(path, config.root).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_json({"version": 1, "known": list(entries.values())}, 1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CannotCheck(f"{name}: {error.strerror}", "make it writable") from error
    return name, len(entries)
