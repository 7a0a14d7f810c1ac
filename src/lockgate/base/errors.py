"""What a user did or met that stops a run: each carries the exit code of the contract and a remedy."""

from __future__ import annotations


class LockgateError(Exception):
    """Stops the run with a clear message; never shown as a traceback.

    ``message`` names file and line where there is one; ``remedy`` says what to do.
    """

    exit_code = 3

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(LockgateError):
    """Usage or configuration (exit 2)."""

    exit_code = 2


class CannotCheck(LockgateError):
    """The check itself could not be made: unreadable file, no server, lost connection (exit 3)."""

    exit_code = 3
