"""The language server over its own protocol: broken and huge messages, hostile documents, addresses and trees."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest


class Client:
    """Whoever speaks to the server, byte by byte."""

    def __init__(self, root: Path, *words: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lockgate", "lsp", *words],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"LOCKGATE_CACHE": "off"} | env,
        )
        self._got = b""
        self._number = 0
        self.ask("initialize", {"capabilities": {}, "rootUri": root.as_uri(), "processId": None})
        self.tell("initialized", {})

    def raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:  # the server has left, as its exit code tells
            pass

    def message(self, body: bytes) -> None:
        self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def tell(self, method: str, params: object) -> None:
        self.message(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    def ask(self, method: str, params: object) -> Any:
        self._number += 1
        wish = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self.message(json.dumps(wish).encode())
        return self.until(lambda said: said.get("id") == self._number)

    def until(self, wanted: Any) -> Any:
        while not wanted(said := self._next()):
            pass
        return said

    def diagnostics(self, uri: str) -> list[str]:
        said = self.until(lambda m: m.get("method") == "textDocument/publishDiagnostics" and m["params"]["uri"] == uri)
        return [d["message"].splitlines()[0] for d in said["params"]["diagnostics"]]

    def _next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        until = time.monotonic() + 30
        while True:
            head, split, rest = self._got.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].split()[0]) if split else 0
            if split and len(rest) >= size:
                self._got = rest[size:]
                return dict(json.loads(rest[:size]))
            assert select.select([self.process.stdout], [], [], until - time.monotonic())[0], "no answer"
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            assert part, "the server has left"
            self._got += part

    def open(self, uri: str, text: str) -> None:
        self.tell("textDocument/didOpen", {"textDocument": document(uri, 1) | {"languageId": "sql", "text": text}})

    def leave(self) -> str:
        """Leave politely; what was said on standard error."""
        if self.process.poll() is None:
            self.ask("shutdown", None)
            self.tell("exit", None)
        words = self.process.communicate(timeout=30)[1].decode()
        assert self.process.returncode == 0 and "Traceback" not in words, words
        return words


def document(uri: str, version: int) -> dict[str, object]:
    return {"uri": uri, "version": version}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "a b"  # a space: the protocol escapes it
    (root / "m").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "m" / "0001_a.sql").write_text("CREATE TABLE a (x int);\n")
    (root / "m" / "0002_b.sql").write_text("SELECT 1;\n")
    return root


@pytest.fixture
def client(tree: Path) -> Iterator[Client]:
    one = Client(tree)
    yield one
    one.process.kill()
    one.process.wait()


WRONG: list[bytes] = [
    b"{nope",
    b"[" * 200_000,
    b'{"jsonrpc":"2.0","method":"x","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"1",
    b"{}",
    b'{"jsonrpc":"2.0","id":{"a":1},"method":"textDocument/hover"}',
    b'{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":5}}',
    b'{"jsonrpc":"2.0","method":"textDocument/didChange","params":{}}',
    b'{"jsonrpc":"2.0","id":77,"method":"workspace/executeCommand","params":{"command":"rm","arguments":["-rf","/"]}}',
    b"\xff\xfe\x00",
]


def test_the_server_lives_through_what_is_wrong(tree: Path, client: Client) -> None:
    uri = (tree / "m" / "0002_b.sql").as_uri()
    for body in WRONG:
        client.message(body)
    place = {"start": {"line": -5, "character": 10**30}, "end": {"line": 10**30, "character": 0}}
    wrong = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": []}}
    client.message(
        json.dumps({"jsonrpc": "2.0", "id": 78, "method": "textDocument/codeAction", "params": wrong}).encode()
    )
    for address in ("file:///dev/zero", "file:///etc/passwd"):  # nobody opened them: they are not read
        change = {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}, "text": "x"}
        client.tell("textDocument/didChange", {"textDocument": document(address, 2), "contentChanges": [change]})
        client.tell("textDocument/didSave", {"textDocument": {"uri": address}})
    client.open(uri, "SELECT y FROM a;")
    assert client.diagnostics(uri) == ['column "y" does not exist']
    client.tell(
        "textDocument/didChange",
        {"textDocument": document(uri, 2), "contentChanges": [{"text": "SELECT zz FROM a;"}]},
    )
    assert client.diagnostics(uri) == ['column "zz" does not exist']
    words = client.leave()
    assert all(line.startswith("lockgate: ") for line in words.splitlines())


def test_documents_that_are_none(tree: Path, client: Client) -> None:
    uri = (tree / "m" / "0002_b.sql").as_uri()
    head, tail = json.dumps({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": "P"}).split('"P"')
    wish = json.dumps({"textDocument": document(uri, 1) | {"languageId": "sql", "text": "T"}})
    client.message((head + wish.replace('"T"', "\"SELECT '\\ud800' FROM nope; -- \\udfff\"") + tail).encode())
    assert client.diagnostics(uri) == ['relation "nope" does not exist'], "lone surrogates"
    strange = (
        "untitled:Untitled-1",
        "https://evil.example/x.sql",
        "file:///%00x",
        "file:///" + quote("\x1b]0;x\x07"),
        "",
    )
    for address in strange:
        client.open(address, "SELECT y FROM a;")
        assert client.diagnostics(address) == []
    client.open(uri, "SELECT 1;\0 SELECT nope FROM a;")
    assert isinstance(client.diagnostics(uri), list)
    client.leave()


@pytest.mark.parametrize(
    "data",
    [b"Content-Length: 99999999999\r\n\r\n{}", b"A" * 3_000_000, b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"],
)
def test_what_is_too_large_ends_it(client: Client, data: bytes) -> None:
    client.raw(data)
    words = client.process.communicate(timeout=30)[1].decode()
    assert client.process.returncode == 0 and words.count("\n") == 1 and "language server ends" in words


def test_nothing_of_the_tree_runs_unasked(tree: Path) -> None:
    (tree / "p").mkdir()
    (tree / "p" / "my_rule.py").write_text(f"open({str(tree / 'ran')!r}, 'w')\n")
    (tree / "p" / "my-rule.md").write_text("+++\n+++\n")
    settings = '[migrations]\npaths = ["m"]\ncommand = "touch ran"\n[rules]\nplugins = ["p"]\n'
    (tree / "lockgate.toml").write_text(settings + '[ledger]\ndsn_env = "LEDGER"\n')
    uri = (tree / "m" / "0002_b.sql").as_uri()
    for words, env in ((("--untrusted",), {}), ((), {"LOCKGATE_TRUSTED": "0"}), ((), {"CHANGE_ID": "7"})):
        client = Client(tree, *words, **env, LEDGER="postgresql://127.0.0.1:1/x")
        client.open(uri, "SELECT y FROM a;")
        said = client.until(lambda m: m.get("method") == "window/showMessage")["params"]["message"]
        assert "not trusted: [rules] plugins, [ledger] dsn_env" in said
        assert client.diagnostics(uri) == ['column "y" does not exist']
        client.leave()
    (tree / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\ncommand = "touch ran"\n')
    client = Client(tree, "--trusted")  # nor would a program at every keystroke be of use
    client.open(uri, "SELECT y FROM a;")
    assert client.diagnostics(uri) == ['column "y" does not exist']
    client.leave()
    assert not (tree / "ran").exists()
