"""A Gitea over real HTTP on loopback: statuses and comments as measured. It checks no state, as the real one does
not."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "9f8e7d6c5b4a39281706f5e4d3c2b1a009182736"


@dataclass
class FakeGitea:
    """The server and what it holds."""

    commits: list[str] = field(default_factory=list)  # newest first
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    scope: bool = True  # the token has write:repository
    foreign: set[int] = field(default_factory=set)  # comments that others own
    paged: bool = True
    redirect: bool = False
    exchanges: list[tuple[str, str, Any, int, Any]] = field(default_factory=list)  # method, path, input, status, answer
    webhooks: list[str] | None = field(default_factory=list)  # their URLs; None: the token is no administrator's
    check_runs: list[dict[str, Any]] = field(default_factory=list)  # GitHub's

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"fake": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def set(self, commit: str, context: str, state: str, description: str = "") -> None:
        """What another job says of a commit."""
        rows = self.statuses.setdefault(commit, [])
        number = sum(map(len, self.statuses.values())) + 1
        rows.insert(0, {"id": number, "status": state, "context": context, "description": description})

    def posted(self, commit: str) -> list[tuple[str, str, str]]:
        """(context, state, description), oldest first."""
        return [(s["context"], s["status"], s["description"]) for s in reversed(self.statuses.get(commit, []))]


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms for the first's ACK
    fake: FakeGitea
    protocol_version = "HTTP/1.1"
    input: Any = None

    def log_message(self, *arguments: object) -> None:
        return

    def answer(self, status: int, value: Any) -> None:
        self.fake.exchanges.append((self.command, self.path, self.input, status, value))
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 302:
            self.send_header("location", "http://127.0.0.1:1/login")
        self.end_headers()
        self.wfile.write(body)

    def allowed(self) -> bool:
        if self.fake.redirect:
            self.answer(302, {})
        elif self.headers.get("authorization") != f"token {TOKEN}":
            self.answer(401, {"message": "token is required"})
        elif not self.fake.scope:
            self.answer(403, {"message": "token does not have at least one of required scope(s): [write:repository]"})
        else:
            return True
        return False

    def do_GET(self) -> None:
        if not self.allowed():
            return
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        page = int(query.get("page", 1))
        path = url.path.removeprefix("/api/v1").removeprefix("/repos/m/paliad/")
        if match := re.fullmatch(r"commits/(\w+)/statuses", path):
            self.answer(
                200, self.fake.statuses.get(match.group(1), [])[::-1]
            )  # within one second the order is anybody's
        elif match := re.fullmatch(r"commits/(\w+)/status", path):
            latest: dict[str, dict[str, Any]] = {}
            for row in self.fake.statuses.get(match.group(1), []):
                latest.setdefault(row["context"], row)
            rows = list(latest.values())[(page - 1) * 50 : page * 50]
            self.answer(200, {"state": "pending", "sha": match.group(1), "total_count": len(latest), "statuses": rows})
        elif re.fullmatch(r"commits/(\w+)/check-runs", path):
            self.answer(200, {"total_count": len(self.fake.check_runs), "check_runs": self.fake.check_runs})
        elif path == "hooks" and self.fake.webhooks is None:
            self.answer(403, {"message": "user should be an owner or a collaborator with admin write of a repository"})
        elif path == "hooks":
            self.answer(200, [{"id": 1, "type": "gitea", "config": {"url": url}} for url in self.fake.webhooks or ()])
        elif path in ("", "/repos/m/paliad"):
            self.answer(200, {"full_name": "m/paliad", "permissions": {"admin": False, "push": True, "pull": True}})
        elif path == "commits":
            self.answer(200, [{"sha": c} for c in self.fake.commits[(page - 1) * 50 : page * 50]])
        elif re.fullmatch(r"issues/\d+/comments", path):
            rows = self.fake.comments
            self.answer(200, rows[(page - 1) * 50 : page * 50] if self.fake.paged else rows)
        else:
            self.answer(404, {"message": "The target couldn't be found."})

    def do_POST(self) -> None:
        body = self.input = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if not self.allowed():
            return
        path = urlsplit(self.path).path.removeprefix("/api/v1").removeprefix("/repos/m/paliad/")
        if match := re.fullmatch(r"statuses/(\w+)", path):
            commit = match.group(1)
            if commit not in self.fake.commits:
                self.answer(500, {"message": "", "url": "x"})
                return
            row = {
                "id": sum(map(len, self.fake.statuses.values())) + 1,
                "status": body["state"],
                "context": body["context"],
                "description": body["description"],
                "target_url": body.get("target_url"),
            }
            self.fake.statuses.setdefault(commit, []).insert(0, row)
            self.answer(201, row)
        elif re.fullmatch(r"issues/\d+/comments", path):
            self.fake.comments.append({"id": len(self.fake.comments) + 1, "body": body["body"]})
            self.answer(201, self.fake.comments[-1])
        else:
            self.answer(404, {"message": "The target couldn't be found."})

    def do_PATCH(self) -> None:
        body = self.input = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if not self.allowed():
            return
        number = int(self.path.rpartition("/")[2])
        if number in self.fake.foreign:
            self.answer(403, {"message": "not yours"})
            return
        row = next(c for c in self.fake.comments if c["id"] == number)
        row["body"] = body["body"]
        self.answer(200, row)
