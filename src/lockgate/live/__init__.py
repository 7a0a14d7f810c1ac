"""The oracle: a real PostgreSQL applies the migrations, statement by statement, as the roles that production has.

``verify`` is the entry; its values live in ``lockgate.live.plan``. The oracle never knows a prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockgate.live.plan import Plan, Report


def verify(plan: Plan, *, progress: Callable[[int, int, str], None] | None = None) -> Report:
    """Apply a plan on a scratch server; see ``lockgate.live.run.verify``. Imported when it is called: ``check`` needs no server."""
    from lockgate.live.run import verify as run

    return run(plan, progress=progress)


__all__ = ["verify"]
