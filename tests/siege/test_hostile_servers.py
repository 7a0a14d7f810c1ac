"""A Dokploy and a Gitea that mean ill: whatever they answer, ``deploy`` and ``publish`` end in time, in little memory, with
the contract's exit codes, and tell neither key nor terminal escapes."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.fake_dokploy import KEY
from tests.fake_gitea import TOKEN
from tests.siege.test_budgets import limited
from tests.test_deploy_cli import Stand, standing

ANSI = "\x1b]0;owned\x07\x1b[31mred\x1b[0m \u202e\u200b\r\n::error::forged\x9b2J"


def _bytes(
    handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, heads: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    usual = {"content-type": "application/json", "content-length": str(len(body))}
    for name, value in (usual | (heads or {})).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b'{"a": "' + b"x" * 65536)


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        time.sleep(0.1)


def _echo(handler: BaseHTTPRequestHandler) -> None:
    """The request's own headers as the message: they hold the key."""
    heads = dict(handler.headers.items())
    spelled = " ".join([*heads.values(), TOKEN[:4] + "\x1b[0m" + TOKEN[4:]])
    words = json.dumps({"message": spelled, "error": heads, "code": spelled, "data": spelled})
    _bytes(handler, words.encode(), 500)


ROW = {
    "message": ANSI,
    "name": ANSI,
    "appName": ANSI,
    "composeStatus": ANSI,
    "branch": ANSI,
    "status": ANSI,
    "title": ANSI,
    "errorMessage": ANSI,
    "env": ANSI,
    "id": 10**400,
    "body": "<!-- lockgate:report -->" + ANSI,
}
MODES: dict[str, Any] = {
    "endless": _endless,
    "drip": _drip,
    "echo": _echo,
    "nothing": lambda h: h.connection.close(),
    "deep": lambda h: _bytes(h, b"[" * 1_000_000),
    "huge": lambda h: _bytes(h, b'{"a":' + b'"' + b"x" * 7_900_000 + b'"}'),
    "wide": lambda h: _bytes(h, b"[" + b"{}," * 2_500_000 + b"{}]"),
    "numbers": lambda h: _bytes(h, b"[" + b"9" * 100_000 + b", NaN, -Infinity, 1e999]"),
    "not UTF-8": lambda h: _bytes(h, b'{"message": "\xff\xfe\xed\xa0\x80"}', 500),
    "surrogates": lambda h: _bytes(h, b'{"message": "\\ud800", "name": "\\udfff", "id": "\\ud800"}', 500),
    "escapes": lambda h: _bytes(h, json.dumps(ROW).encode()),
    "a list of escapes": lambda h: _bytes(h, json.dumps([ROW] * 60).encode()),
    "refused with escapes": lambda h: _bytes(h, json.dumps(ROW).encode(), 401),
    "null": lambda h: _bytes(h, b"null"),
    "text": lambda h: _bytes(h, json.dumps(ANSI).encode()),
    "a page": lambda h: _bytes(h, f"<title>{ANSI}</title>".encode() * 1000, 502, {"content-type": "text/html"}),
    "a short answer": lambda h: _bytes(h, b"{}", 200, {"content-length": "999999"}),
    "a packed answer": lambda h: _bytes(h, b"\x1f\x8b" * 999, 200, {"content-encoding": "gzip"}),
    "a strange status": lambda h: h.wfile.write(b"HTTP/1.1 999999 \x1b[31m\r\n\r\n"),
    "no HTTP": lambda h: h.wfile.write(b"220 \x1b[31mftp\r\n" * 100),
}


class Hostile:
    """One server that is both, and another to which it redirects."""

    def __init__(self, mode: str) -> None:
        heard = self.heard = []  # type: list[str]
        other = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                if self.path.startswith("/elsewhere"):
                    heard.append(self.path)
                with suppress(OSError):
                    if mode.startswith("redirect"):
                        place = {"redirect": f"{other.away}/elsewhere", "redirect file": "file:///etc/passwd"}[mode]
                        _bytes(self, b"", 302, {"location": place})
                    else:
                        MODES[mode](self)

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.away = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(tmp_path_factory.mktemp("hostile")) as made:
        made.attest()
        yield made


@contextmanager
def hostile(mode: str) -> Iterator[Hostile]:
    made = Hostile(mode)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


@pytest.mark.parametrize("mode", [*MODES, "redirect", "redirect file"])
def test_whatever_they_answer(stand: Stand, mode: str) -> None:
    settings = "health_timeout = 2\nqueue_timeout = 2\ndeploy_timeout = 2\n"
    (stand.outside / "report.json").write_text('{"findings": [], "summary": {"error": 0}}')
    with hostile(mode) as server:
        (stand.outside / "lockgate.toml").write_text(
            f'[migrations]\npaths = ["{stand.folder}/migrations"]\n[deploy]\ndokploy_url = "{server.url}"\ncompose_id = "c"\n'
            f'health_url = "{server.url}/health"\n{settings}[gitea]\nurl = "{server.url}"\nrepository = "m/p"\n'
        )
        config = ("--config", str(stand.outside / "lockgate.toml"))
        quick = {"DOKPLOY_API_KEY": KEY, "GITEA_TOKEN": TOKEN, "LOCKGATE_HTTP_TIMEOUT": "1"}
        for words in (
            ("publish", "check", str(stand.outside / "report.json"), "--pull-request", "7", *config),
            ("gate-report", *config),
        ):
            done = limited("-m", "lockgate", *words, cwd=stand.folder, env=quick)
            told = done.stdout + done.stderr
            assert done.returncode in (0, 1, 2, 3), told
            assert not re.search("Traceback|internal error|\x1b|\u202e|\x9b|\x07|^::error::", told, re.MULTILINE), told
            assert KEY not in told and TOKEN not in told, told
        assert not server.heard, "a redirect was followed"
