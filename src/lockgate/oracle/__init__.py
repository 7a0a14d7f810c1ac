"""The oracle: a real PostgreSQL applies the migrations, statement by statement, as the roles that production has.

``verify`` is the entry; its values live in ``lockgate.oracle.apply.plan``. The oracle never knows a prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport, ServerWish
    from lockgate.oracle.server.backend import EmbeddedBackend


def verify(
    plan: ApplyPlan, *, progress: Callable[[int, int, str], None] | None = None, backend: EmbeddedBackend | None = None
) -> ApplyReport:
    """Apply a plan on a scratch server; see ``lockgate.oracle.apply.run.verify``. Imported when it is called: ``check`` needs
    no server."""
    from lockgate.oracle.apply.run import verify as run

    return run(plan, progress=progress, backend=backend)


def early(wish: ServerWish) -> AbstractContextManager[EmbeddedBackend | None]:
    """Our own server, booting while its plan is still being made; nothing where it is the user's. Gone when the block
    ends. Raises CannotCheck."""
    from lockgate.oracle.server.backend import early as start

    return start(wish)


__all__ = ["early", "verify"]
