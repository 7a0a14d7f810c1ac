"""A connection to PostgreSQL over a unix socket: the simple query protocol and nothing else (manual: protocol-flow,
protocol-message-formats).

Of our own because importing a driver costs more (150-200 ms) than starting the server, and because every wait here has
a deadline: no migration can make us hang. A server given by ``--dsn`` is reached through psycopg instead (``dsn.py``).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from struct import Struct
from typing import NoReturn, Protocol

import msgspec

_HEAD = Struct("!cI")
_INT = Struct("!I")
_SHORT = Struct("!H")
_CANCEL = 80877102
_PROTOCOL = 196608  # 3.0
_LONGEST = 1 << 28  # bytes of one message; the catalog of 10,000 tables has 20 MB
_MOST_ROWS = 100_000  # kept of one result: nothing that we ask for has more
_LONGEST_WORDS = 1 << 20  # bytes read of one error or notice; its further fields are passed over
_ROWS, _WORDS = (b"D", b"d"), (b"E", b"N")  # DataRow and CopyData, ErrorResponse and NoticeResponse


class Ear:
    """Which of a connection's notices are kept: 1 MB in all, then the first few words of each statement."""

    def __init__(self) -> None:
        self._left = 1 << 20  # characters of this connection

    def hear(self, reply: Reply, fields: dict[str, str]) -> None:
        """Keep a notice, or count it."""
        size = sum(map(len, fields.values()))
        if len(reply.notices) < (_MOST_NOTICES if self._left >= size else _FEWEST_NOTICES):
            reply.notices.append(fields)
            self._left -= size
        else:
            reply.unheard += 1

    def end(self, reply: Reply) -> None:
        """Say how many were not kept, once the statement has ended."""
        if reply.unheard:
            words = f"{reply.unheard:,} more messages of the server are not kept"
            reply.notices.append({"S": "NOTICE", "V": "NOTICE", "C": "00000", "M": words})
            reply.unheard = 0


_MOST_NOTICES, _FEWEST_NOTICES = 1000, 10  # of one statement, while there is room, and when there is none
LONGEST_FIELD = 2000  # characters of each field of an error or a notice


class Lost(Exception):
    """The connection is gone; ``fields`` holds the server's last words where it had any."""

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class Crashed(Lost):
    """The server ended inside an extension that only we use: without it, it would not have."""


class Late(Exception):
    """The statement did not end before its deadline; the connection is still inside it."""


class Reply(msgspec.Struct):
    """What the server said of one query string. Field letters are the protocol's (protocol-error-fields): C sqlstate, M
    message, P position."""

    rows: list[tuple[str | None, ...]] = msgspec.field(default_factory=list)  # of the last statement that returned any
    tags: list[str] = msgspec.field(default_factory=list)  # command tags of the statements that completed
    notices: list[dict[str, str]] = msgspec.field(default_factory=list)
    unheard: int = 0  # notices that were not kept
    failure: dict[str, str] | None = None
    block: str = "I"  # transaction status afterwards: I idle, T in a block, E in a failed block
    copied: bool = False  # the statement asked for COPY data from us and got none


class Connection(Protocol):
    """What the oracle needs of a connection."""

    role: str

    def query(self, sql: str, seconds: float | None = None, keep: bool = True) -> Reply:
        """Send one query string and read all that it says; rows are thrown away unless ``keep``. Raises Lost and
        Late."""

    def post(self, sql: str, keep: bool = True, skip: int = 0) -> bool:
        """Send one query string whose reply ``read`` brings later; False, with nothing sent, where the reply to an
        earlier one must come first. Rows of its first ``skip`` statements, which are not ours, are thrown away."""

    def read(self, seconds: float | None = None) -> Reply:
        """All that the server says of the oldest query string that was sent, or what is left of it when it was late.
        Raises Lost and Late."""

    def cancel(self) -> None:
        """Ask the server to cancel what the connection is doing."""

    def close(self) -> None:
        """Close it; never raises."""

    @property
    def pid(self) -> int:
        """The backend's process id."""


class SocketConnection:
    """A ``Connection`` over a unix socket with a clear-text password. Raises Lost when the server refuses it."""

    def __init__(self, path: str, role: str, password: str, database: str, settings: dict[str, str]) -> None:
        self.role = role
        self._path = path
        self._pid = 0
        self._secret = 0
        self._buffer, self._at = b"", 0
        # of the query strings that were sent: what came so far, whether rows are kept, after how many statements
        self._waiting: deque[tuple[Reply, bool, int]] = deque()
        self._ear = Ear()
        self._over = 0  # bytes of a message that are still to come and not wanted
        self._until: float | None = None
        self._socket = _open(path)
        try:
            self._start(role, password, database, settings)
        except BaseException:
            self._socket.close()
            raise

    @property
    def pid(self) -> int:
        return self._pid

    def _start(self, role: str, password: str, database: str, settings: dict[str, str]) -> None:
        pairs = {"user": role, "database": database, "client_encoding": "UTF8", **settings}
        body = (
            _INT.pack(_PROTOCOL) + b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in pairs.items()) + b"\0"
        )
        self._until = time.monotonic() + 20
        self._socket.sendall(_INT.pack(len(body) + 4) + body)
        while True:
            kind, body = self._message()
            if kind == b"R" and _INT.unpack(body[:4])[0] == 3:
                self._send(b"p", password.encode() + b"\0")
            elif kind == b"K":
                self._pid, self._secret = _INT.unpack(body[:4])[0], _INT.unpack(body[4:8])[0]
            elif kind == b"E":
                fields = _fields(body)
                raise Lost(fields.get("M", "refused"), fields)
            elif kind == b"Z":
                return

    def query(self, sql: str, seconds: float | None = None, keep: bool = True) -> Reply:
        self.post(sql, keep)
        return self.read(seconds)

    def post(self, sql: str, keep: bool = True, skip: int = 0) -> bool:
        self._waiting.append((Reply(), keep, skip))
        try:
            self._send(b"Q", sql.encode("utf-8", "surrogatepass").replace(b"\0", b" ") + b"\0")
        except OSError as error:
            if len(self._waiting) == 1:
                self._last_words(error)
        return True  # where an earlier query string ended the connection, reading its reply tells

    def read(self, seconds: float | None = None) -> Reply:
        reply, keep, skip = self._waiting[0]
        self._until = None if seconds is None else time.monotonic() + seconds
        while True:
            kind, body = self._message(keep and len(reply.tags) >= skip and len(reply.rows) < _MOST_ROWS)
            if kind == b"Z":
                self._waiting.popleft()
                self._ear.end(reply)
                reply.block = body.decode("ascii")
                return reply
            self._take(reply, kind, body)

    def _take(self, reply: Reply, kind: bytes, body: bytes) -> None:
        if kind == b"C":
            reply.tags.append(body[:-1].decode())
        elif kind == b"N":
            self._ear.hear(reply, _fields(body))
        elif kind == b"E":
            reply.failure = _fields(body)
        elif kind == b"T":
            reply.rows = []
        elif kind == b"D" and body:
            reply.rows.append(_row(body))
        elif kind in (b"G", b"W"):  # CopyIn: there is no data; the server answers with 57014
            reply.copied = True
            self._send(b"f", b"no data\0")

    def _message(self, rows: bool = True) -> tuple[bytes, bytes]:
        """The next message; without ``rows`` one that holds data comes without its body, which is never held."""
        self._pass_over()
        if len(self._buffer) - self._at < 5:
            self._need(5)
        kind, length = _HEAD.unpack_from(self._buffer, self._at)
        if (kind in _ROWS and not rows) or (kind in _WORDS and length > _LONGEST_WORDS):
            return kind, self._beginning(length, _LONGEST_WORDS if kind in _WORDS else 4)
        if length > _LONGEST:
            raise Lost(f"the server sent a message of {length} bytes")
        if len(self._buffer) - self._at < length + 1:
            self._need(length + 1)
        start = self._at + 5
        self._at += length + 1
        return kind, self._buffer[start : self._at]

    def _beginning(self, length: int, wanted: int) -> bytes:
        """So much of a message of ``length`` bytes; the rest is passed over."""
        if len(self._buffer) - self._at < wanted + 1:
            self._need(wanted + 1)
        start = self._at + 5
        self._at += wanted + 1
        self._over = length - wanted
        return self._buffer[start : self._at]

    def _pass_over(self) -> None:
        while self._over:
            if self._at == len(self._buffer):
                self._buffer, self._at = self._more(), 0
            step = min(self._over, len(self._buffer) - self._at)
            self._at += step
            self._over -= step

    def _need(self, count: int) -> None:
        """Read until ``count`` bytes are at hand (pieces joined once: appending bytes to bytes would be quadratic)."""
        parts, size = [self._buffer[self._at :]], len(self._buffer) - self._at
        try:
            while size < count:
                parts.append(self._more())
                size += len(parts[-1])
        finally:  # also when it is late: what came is kept
            self._buffer, self._at = b"".join(parts), 0

    def _more(self) -> bytes:
        left = None if self._until is None else self._until - time.monotonic()
        if left is not None and left <= 0:  # a server that never stops sending is late, too
            raise Late
        self._socket.settimeout(left)
        try:
            got = self._socket.recv(1 << 18)
        except TimeoutError as error:
            raise Late from error
        except OSError as error:
            self._last_words(error)
        if not got:
            self._last_words(None)
        return got

    def _last_words(self, error: OSError | None) -> NoReturn:
        fields = (self._waiting[0][0].failure if self._waiting else None) or {}
        raise Lost(fields.get("M", "") or str(error or "the server closed the connection"), fields)

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.settimeout(30)  # a server that does not read for so long is gone
        self._socket.sendall(kind + _INT.pack(len(body) + 4) + body)

    def cancel(self) -> None:
        with contextlib.suppress(OSError), _open(self._path) as other:
            other.sendall(_INT.pack(16) + _INT.pack(_CANCEL) + _INT.pack(self._pid) + _INT.pack(self._secret))
            other.recv(1)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._send(b"X", b"")
        with contextlib.suppress(OSError):
            self._socket.close()


def _open(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(20)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise Lost(f"cannot connect to {path}: {error}") from error
    return connection


def _fields(body: bytes) -> dict[str, str]:
    """What an error or a notice says. Its author may be the migrations' (RAISE), so no field is longer than a reader
    wants: patterns are matched against them."""
    parts = (part[: 4 * LONGEST_FIELD + 1] for part in body.split(b"\0") if part)
    return {part[:1].decode("latin-1"): part[1:].decode("utf-8", "replace")[:LONGEST_FIELD] for part in parts}


def _row(body: bytes) -> tuple[str | None, ...]:
    count = _SHORT.unpack(body[:2])[0]
    out: list[str | None] = []
    at = 2
    for _ in range(count):
        size = _INT.unpack(body[at : at + 4])[0]
        at += 4
        if size == 0xFFFFFFFF:
            out.append(None)
            continue
        out.append(body[at : at + size].decode("utf-8", "replace"))
        at += size
    return tuple(out)
