"""Plug-in code, run so that it neither writes into the report nor ends the run without a word of where."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """What a plug-in prints goes to standard error: on standard output there is the report, and nothing else."""
    with redirect_stdout(sys.stderr):
        yield


def place_of(error: BaseException, check: Callable[..., Any]) -> str:
    """File and line at which a function of a plug-in raised."""
    code = check.__code__
    folder = Path(code.co_filename).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if folder in Path(f.filename).parents]
    file, line = (frames[-1].filename, frames[-1].lineno) if frames else (code.co_filename, code.co_firstlineno)
    return f"{shown(Path(file))}:{line}"


def line_of(error: BaseException, path: Path) -> int:
    """The line of a module at which its import failed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return (lines[-1] if lines else 1) or 1


def shown(path: Path) -> str:
    """A path from the working directory, where it lies below it."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)
    except OSError:
        return str(path)
