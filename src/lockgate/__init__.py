"""Lockgate: a migration-linting static analyzer and deploy gate for PostgreSQL. Its public face is ``lockgate.api``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.api import Finding, Report, Request, check, configuration, verify

__version__ = "0.1.0"
__all__ = ["Finding", "Report", "Request", "__version__", "check", "configuration", "verify"]


def __getattr__(name: str) -> object:
    """The public names, imported when somebody asks for them: ``lockgate --version`` needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lockgate import api

    return getattr(api, name)
