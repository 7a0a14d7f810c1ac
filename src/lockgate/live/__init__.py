"""The oracle: a real PostgreSQL applies the migrations, statement by statement, as the roles that production has.

``verify`` is the entry; its values live in ``lockgate.live.plan``. The oracle never knows a prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from lockgate.live.backend import EmbeddedBackend
    from lockgate.live.plan import Plan, Report, ServerWish


def verify(
    plan: Plan, *, progress: Callable[[int, int, str], None] | None = None, backend: EmbeddedBackend | None = None
) -> Report:
    """Apply a plan on a scratch server; see ``lockgate.live.run.verify``. Imported when it is called: ``check`` needs
    no server."""
    from lockgate.live.run import verify as run

    return run(plan, progress=progress, backend=backend)


def early(wish: ServerWish) -> AbstractContextManager[EmbeddedBackend | None]:
    """Our own server, booting while its plan is still being made; nothing where it is the user's. Gone when the block
    ends. Raises CannotCheck."""
    from lockgate.live.backend import early as start

    return start(wish)


__all__ = ["early", "verify"]
