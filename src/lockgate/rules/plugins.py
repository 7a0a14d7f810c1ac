"""Rules of the user's own: folders of documents and modules that work like ours."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def place_of(error: BaseException, check: Callable[..., Any]) -> str:
    """File and line at which a function of a plug-in raised."""
    file = check.__code__.co_filename
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent == Path(file).parent]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"{file}:{check.__code__.co_firstlineno}"
