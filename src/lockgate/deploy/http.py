"""One HTTP exchange, made safely: TLS verified, no redirects, bounded in time and size, plain http only where it is
allowed."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from lockgate import __version__
from lockgate.base.errors import UsageError
from lockgate.base.text import clean

if TYPE_CHECKING:
    import httpx

_USERINFO = re.compile(r"//[^/\s@]+@")  # of a proxy
MAX_BODY = 8 * 1024 * 1024  # bytes; a compose row with its relations stays far below


class Unreachable(Exception):
    """No whole answer came. ``sent``: the request may have reached the server. The text holds no secret."""

    def __init__(self, reason: str, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent

    @property
    def mistrusted(self) -> bool:
        """Whether TLS stood in the way, which only the library's words tell."""
        return "certificate is not trusted" in self.reason or "SSL" in self.reason


class NotJson(Exception):
    """The body is no JSON."""


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"  # the rest may hold a key

    def json(self) -> Any:
        """The body as JSON; None for an empty body. Raises NotJson."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJson from error

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def checked_url(url: str, what: str, allow_http: Iterable[str]) -> str:
    """The URL without a trailing slash. Raises UsageError for none, for credentials in it, for plain http where it is
    not allowed."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{what}: not a URL", "give it as https://host") from error
    del port
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{what}: not an http(s) URL", "give it as https://host")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{what}: holds credentials", "take them out of the URL; keys come from the environment only")
    if parts.scheme == "http" and not is_loopback(host) and host not in allow_http:
        raise UsageError(
            f"{what}: plain http to {host}",
            f'use https, or allow it by name: LOCKGATE_ALLOW_HTTP, or [deploy] allow_http = ["{host}"]',
        )
    return url.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host's name says that it is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def patience(seconds: float) -> float:
    """How long a server may be silent: as LOCKGATE_HTTP_TIMEOUT says (0.1 to 600 seconds), else as given."""
    word = os.environ.get("LOCKGATE_HTTP_TIMEOUT", "")
    return min(max(float(word), 0.1), 600.0) if re.fullmatch(r"\d{1,4}(?:\.\d{1,3})?", word) else seconds


class Http:
    """A connection pool for one server. The headers (with the key) go to that server only: redirects are never
    followed."""

    def __init__(
        self, base: str, headers: Mapping[str, str] | None = None, *, connect: float = 10, read: float = 30
    ) -> None:
        import httpx

        from lockgate.deploy.deadline import Deadline

        self._read = read = patience(read)
        # A proxy of the environment would carry the key of a loopback server out in the clear.
        trust = not is_loopback(urlsplit(base).hostname or "")
        self._client = httpx.Client(
            headers={
                "user-agent": f"lockgate/{__version__}",
                "accept": "application/json, */*;q=0.5",
                "accept-encoding": "identity",  # some hundred bytes can be unpacked to gigabytes
                **(headers or {}),
            },
            timeout=httpx.Timeout(read, connect=min(read, connect), pool=min(read, connect)),
            follow_redirects=False,
            trust_env=trust,
            max_redirects=0,
        )
        self._deadline = Deadline()
        self._deadline.govern(self._client)

    def __enter__(self) -> Http:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def get(self, url: str, params: Mapping[str, str] | None = None) -> Answer:
        """A GET. Raises Unreachable."""
        return self._exchange("GET", url, params=params or None)

    def send(self, method: str, url: str, body: Mapping[str, Any]) -> Answer:
        """A request with a JSON body. Raises Unreachable."""
        return self._exchange(method, url, json=dict(body))

    def _exchange(self, method: str, url: str, **how: Any) -> Answer:
        import httpx

        self._deadline.set(self._read * 2)  # of the whole exchange: each byte of a slow drip is in time
        try:
            with self._client.stream(method, url, **how) as response:
                body = _body(response)
                return Answer(response.status_code, dict(response.headers), body)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
            httpx.UnsupportedProtocol,
        ) as error:
            raise Unreachable(_reason(error), sent=False) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unreachable(_reason(error), sent=True) from None


def _body(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise Unreachable("the answer is packed, which was not asked for", sent=True)
    chunks, size = [], 0
    for chunk in response.iter_raw(65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise Unreachable(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB", sent=True)
    return b"".join(chunks)


def _reason(error: Exception) -> str:
    words = {
        "ConnectTimeout": "connecting timed out",
        "ReadTimeout": "no answer in time",
        "WriteTimeout": "sending timed out",
        "PoolTimeout": "no free connection",
        "RemoteProtocolError": "the connection was closed without a whole answer",
        "ReadError": "the connection broke",
        "WriteError": "the connection broke while sending",
    }
    kind = type(error).__name__
    detail = _USERINFO.sub("//***@", clean(str(error).replace("\n", " ")))[:200]
    if "CERTIFICATE" in detail.upper():
        return f"the server's certificate is not trusted ({detail})"
    return words.get(kind, f"cannot connect ({detail})" if kind == "ConnectError" else f"{kind}: {detail}")
