"""lockgate deploy --doctor: one table of what a deploy needs."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.cli.say import say

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.deploy.doctor import Line

_MARKS = {"ok": "ok", "wrong": "WRONG", "unknown": "?", "note": "note"}


def examine(config_path: Path | None, output: Path | None) -> int:
    """Print the table; 0 where nothing is wrong, 1 where something is, 3 where Dokploy gave no answer. Raises UsageError
    for a configuration that cannot be read."""
    from lockgate.cli import gate as making
    from lockgate.cli.deploy import write_report
    from lockgate.deploy import doctor, git, gitea
    from lockgate.deploy.dokploy import Dokploy
    from lockgate.deploy.http import checked_url
    from lockgate.deploy.order import Order
    from lockgate.deploy.secret import Masker, Secret, from_environment

    config = making.configured(config_path)
    deploy, head = config.deploy, git.head(Path.cwd(), os.environ)
    key = from_environment("DOKPLOY_API_KEY", os.environ)
    missing, masker = making.missing_of(deploy, key), Masker([key])
    url = checked_url(deploy.dokploy_url, "dokploy_url", deploy.allow_http) if deploy.dokploy_url else ""
    dokploy = Dokploy(url, key or Secret(""), masker) if not missing[0] else None
    forge = gitea.connect(config, os.environ, masker)
    ward = doctor.Ward(
        Order(config, head, {}),
        dokploy,
        key,
        missing,
        forge,
        making.probe_of(config, head.commit),
        making.settings_check(config, head.top),
        lambda: _server(config),
    )
    try:
        lines = doctor.examine(ward)
    finally:
        for client in (dokploy, forge, ward.probe):
            if client is not None:
                client.close()
    say(masker.text(table(lines)))
    if output is not None:
        rows = [{name: masker.text(getattr(line, name)) for name in line.__struct_fields__} for line in lines]
        write_report(output, {"version": 1, "commit": head.commit, "lines": rows})
    if any(line.state == doctor.BAD for line in lines):
        return 1
    return 3 if any((line.what, line.state) == ("dokploy", doctor.UNKNOWN) for line in lines) else 0


def _server(config: Config) -> str:
    """The PostgreSQL that verify would start. Raises CannotCheck."""
    from lockgate.oracle.server.binaries import choose

    if config.database.dsn_env and os.environ.get(config.database.dsn_env):
        return f"the server of ${config.database.dsn_env}"
    found = choose(
        str(config.resolve(config.database.binaries)) if config.database.binaries else "", config.database.version
    )
    return f"PostgreSQL {found.version}"


def table(lines: Sequence[Line]) -> str:
    """The lines as text: what, how it stands, what was seen; below it what to do."""
    from lockgate.base.text import clean_text

    wide = min(max(shutil.get_terminal_size((110, 24)).columns, 80), 140)
    column = max(len(line.what) for line in lines) + 2
    indent = " " * (column + 7)
    out = []
    for line in lines:
        head = f"{line.what:<{column}}{_MARKS[line.state]:<7}"
        out += textwrap.wrap(head + clean_text(line.told), wide, subsequent_indent=indent, break_on_hyphens=False)
        if line.remedy and line.state != "ok":
            out += textwrap.wrap(
                f"-> {clean_text(line.remedy)}",
                wide,
                initial_indent=indent,
                subsequent_indent=indent + "   ",
                break_on_hyphens=False,
            )
    wrong = sum(line.state == "wrong" for line in lines)
    return "\n".join([*out, "", f"{wrong} wrong: a deploy would not end well" if wrong else "nothing is wrong"])
