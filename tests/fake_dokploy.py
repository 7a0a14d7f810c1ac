"""A Dokploy over real HTTP on loopback that behaves as the real one was measured to: one job at a time, a late record,
overwritten titles, rights of a member, a key's limit that nothing tells, and 401 for nearly everything.

Time is the server's own: every step of a job takes ``step`` seconds. Faults are planted by name (see ``Faults``). What it
answers is held to ``contract/dokploy.json`` (test_deploy_contract.py).
"""

from __future__ import annotations

import json
import re
import select
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "dKx7Qm2pLw9sTz4vBn8cRf3hYj6gUe1aXo5iKd0qWbMrNtPyEuSvZlCkGfHjAsDq"
REFRESH = "refreshTok3nOfTheWebhook"
ENV = 'DATABASE_URL=postgres://paliad_app:pg-s3cret-pass@db:5432/paliad\nSESSION_KEY="another-Secret-value"\nMODE=production\n'


@dataclass
class Faults:
    """What goes wrong."""

    unauthorized: str = ""  # key | permission
    calls_left: int | None = None  # a rate-limited key: each call counts twice
    post: str = ""  # true | empty | lost-before | lost-after | html | refused | redirect | slow
    gets: list[str] = field(
        default_factory=list
    )  # for the next GETs: html | lost | 500 | slow | cut | trickle | redirect | null
    at: dict[str, list[str]] = field(default_factory=dict)  # the same, for the next GETs of one procedure
    location: str = "http://127.0.0.1:1/"  # where redirects lead
    absent: set[str] = field(default_factory=set)  # procedures that this version does not have
    end: str = "done"  # error | cancelled | dropped (the queue is lost) | stuck
    commit: str = ""  # another commit than the branch's head
    no_commit: bool = False  # the title is not overwritten
    crash: str = ""  # loop | exited | created | unhealthy | flapping
    stays: bool = False  # nothing is replaced: the same container runs on, and so does the old commit
    unlisted: bool = False  # docker does not answer: an empty list (services/docker.ts)
    health: str = ""  # redirect | slow | drip | 404, from the beginning
    webhook: str = ""  # same | other | later: a webhook deploys beside us


@dataclass
class FakeDokploy:
    """The server and what it has seen."""

    commit: str
    compose_id: str = "Zx147ycurfYagKRl_Zzyo"
    port: int = 0
    step: float = 0.05
    auto_deploy: bool | None = False
    branch: str = "main"
    source_type: str = "gitea"
    command: str = ""
    compose_path: str = "./docker-compose.yml"
    rate_limit: dict[str, Any] = field(default_factory=dict)  # the key's columns; told up to v0.29.8
    version: tuple[int, int, int] = (0, 30, 2)
    member: bool = True  # the key is a member's, as it should be
    headers_left: bool = False  # a proxy in front of it counts, and says so
    faults: Faults = field(default_factory=Faults)
    posts: list[dict[str, Any]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    queue: list[dict[str, Any]] = field(default_factory=list)
    log: str = "Cloning\n\x1b[31mmigrate exited\x1b[0m with postgres://paliad_app:pg-s3cret-pass@db/paliad and another-Secret-value\n::error::boo\n"
    health: Any = None  # the body that /health answers; None for its default
    health_status: int = 200
    health_good_after: int = 0
    health_asked: int = 0
    released: float = 0.0
    running: str = "0" * 40  # the commit that answers
    releases: int = 0
    refusals: int = 0  # POSTs that were refused
    exchanges: list[tuple[str, str, Any, int, Any]] = field(
        default_factory=list
    )  # method, procedure, input, status, answer
    waited_out: list[str] = field(default_factory=list)  # faults whose end the client still listened to

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.worker = threading.Lock()  # one job at a time
        if self.version < (0, 28, 3):
            self.faults.absent |= {"deployment.queueList"}
        if self.version < (0, 29, 6):
            self.faults.absent |= {"deployment.readLogs"}
        if self.version < (0, 29, 0):
            self.faults.absent |= {"user.getPermissions"}
        fake = self
        handler = type("Handler", (_Handler,), {"fake": fake})
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.record("an old one", "Commit: " + "0" * 40, "done")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def record(self, title: str, description: str, status: str) -> dict[str, Any]:
        now = _now()
        row = {
            "deploymentId": f"dep-{len(self.deployments) + 1}",
            "title": title,
            "description": description,
            "status": status,
            "logPath": "/x",
            "pid": None,
            "applicationId": None,
            "composeId": self.compose_id,
            "createdAt": now,
            "startedAt": now,
            "finishedAt": None,
            "errorMessage": None,
            "serverId": None,
            "isPreviewDeployment": False,
            "previewDeploymentId": None,
            "scheduleId": None,
            "backupId": None,
            "rollbackId": None,
            "volumeBackupId": None,
            "buildServerId": None,
        }
        with self.lock:
            self.deployments.insert(0, row)
            del self.deployments[10:]
        return row

    def order(self, title: str, description: str) -> None:
        job = {
            "id": f"job-{len(self.posts)}",
            "name": "deployments",
            "state": "waiting",
            "timestamp": 1,
            "data": {
                "composeId": self.compose_id,
                "titleLog": title,
                "descriptionLog": description,
                "type": "deploy",
                "applicationType": "compose",
                "server": False,
            },
            "servicePath": {"href": None, "label": "x"},
        }
        with self.lock:
            self.queue.append(job)
        threading.Thread(target=self._work, args=(job, title, description), daemon=True).start()

    def _work(self, job: dict[str, Any], title: str, description: str) -> None:
        with self.worker:
            self._job(job, title, description)

    def _job(self, job: dict[str, Any], title: str, description: str) -> None:
        faults = self.faults
        time.sleep(self.step * 2)
        if faults.webhook in ("same", "other"):
            other = self.record("pushed", "Hash: x", "running")
            other |= {
                "status": "done",
                "title": "a push",
                "description": "Commit: " + (self.commit if faults.webhook == "same" else "e" * 40),
            }
        if faults.end == "dropped":
            with self.lock:
                self.queue.remove(job)
            return
        job["state"] = "active"
        row, cloned = self.record(title, description, "running"), faults.commit or self.commit
        while faults.end == "stuck":
            time.sleep(self.step)
        time.sleep(self.step * 2)
        if faults.end == "cancelled":
            row["status"] = "cancelled"
        else:
            if faults.end == "done" and not faults.stays:
                self.released, self.running, self.releases = time.monotonic(), cloned, self.releases + 1
            row |= {"status": faults.end, "finishedAt": _now()}
            time.sleep(self.step)  # the window in which a finished record still bears our title
            if self.source_type != "raw" and not faults.no_commit:  # after an error, too (services/compose.ts, finally)
                row |= {"title": "feat: what was committed", "description": f"Commit: {cloned}"}
        if faults.webhook == "later":
            self.record("pushed later", "Hash: x", "running")
        with self.lock:
            if job in self.queue:
                self.queue.remove(job)

    def containers(self) -> list[dict[str, str]]:
        if self.faults.unlisted:
            return []
        crash, passed = self.faults.crash if self.released else "", time.monotonic() - self.released
        web = {
            "containerId": f"c0ffee{self.releases:06x}",
            "name": "compose-transmit-v7jth9-web-1",
            "state": "running",
            "status": "Up 3 days (healthy)",
        }
        if self.released:
            web["status"] = (
                f"Up {int(passed) + 1} seconds (healthy)" if passed >= 1 else "Up Less than a second (healthy)"
            )
        if crash == "twice" and passed < self.step * 6:  # waits for its database, by dying
            web |= {"state": "restarting", "status": "Restarting (1) 1 second ago"}
        elif crash == "loop":
            web |= {"state": "restarting", "status": "Restarting (3) 12 seconds ago"}
        elif crash == "flapping":  # up whenever one looks, and never for long
            web |= {"status": "Up 1 second"}
        elif crash == "exited":
            web |= {"state": "exited", "status": "Exited (1) 2 seconds ago"}
        elif crash == "created":
            web |= {"state": "created", "status": "Created"}
        elif crash == "unhealthy":
            web |= {"status": "Up 9 seconds (unhealthy)"}
        run, db = "compose-transmit-v7jth9-migrate-run-0a1b", "compose-transmit-v7jth9-db-1"
        rows = [
            web,
            {"containerId": "dbdbdbdbdbdb", "name": db, "state": "running", "status": "Up 3 weeks (healthy)"},
            {"containerId": "0ff0ff0ff0ff", "name": run, "state": "exited", "status": "Exited (1) 3 days ago"},
        ]
        if self.version < (0, 27, 0):  # `docker ps` was asked for no status then
            rows = [{k: v for k, v in row.items() if k != "status"} for row in rows]
        return rows

    def restarts(self, container: str) -> int:
        return (
            int((time.monotonic() - self.released) / self.step)
            if self.faults.crash == "flapping" and container == f"c0ffee{self.releases:06x}"
            else 0
        )

    def row(self) -> dict[str, Any]:
        return {
            "composeId": self.compose_id,
            "name": "paliad",
            "appName": "compose-transmit-v7jth9",
            "env": ENV,
            "refreshToken": REFRESH,
            "sourceType": self.source_type,
            "composeType": "docker-compose",
            "giteaBranch": self.branch,
            "customGitBranch": None,
            "branch": None,
            "autoDeploy": self.auto_deploy,
            "command": self.command,
            "composePath": self.compose_path,
            "composeStatus": "idle",
            "serverId": None,
            "deployments": self.deployments[::-1],
            "gitea": {"giteaId": "g", "accessToken": "gitea-provider-t0ken", "clientSecret": "cl1ent-s3cret"},
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


KEY_COLUMNS = {
    "start": None,
    "key": "a hash",
    "userId": "u",
    "refillInterval": None,
    "refillAmount": None,
    "lastRefillAt": None,
    "rateLimitEnabled": False,
    "rateLimitTimeWindow": None,
    "rateLimitMax": None,
    "requestCount": 0,
    "remaining": None,
    "lastRequest": None,
    "updatedAt": "2026-01-01T00:00:00.000Z",
    "permissions": None,
    "metadata": '{"organizationId":"o"}',
}
NOT_FOUND = {
    "message": "Not found",
    "code": "NOT_FOUND",
    "data": {"code": "NOT_FOUND", "httpStatus": 404, "zodError": None},
}


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms for the first's ACK
    fake: FakeDokploy
    protocol_version = "HTTP/1.1"
    input: Any = None

    def log_message(self, *arguments: object) -> None:
        return

    def answer(
        self, status: int, value: Any, raw: bytes | None = None, kind: str = "application/json", **headers: str
    ) -> None:
        body = raw if raw is not None else json.dumps(value).encode()
        self.fake.exchanges.append(
            (self.command, urlsplit(self.path).path.removeprefix("/api/"), self.input, status, value)
        )
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if self.fake.headers_left and self.fake.faults.calls_left is not None:
            self.send_header("x-ratelimit-remaining", str(self.fake.faults.calls_left * 2))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def html(self) -> None:
        self.answer(502, None, b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html")

    def lose(self) -> None:
        self.close_connection = True
        self.connection.close()

    def outlast(self, fault: str) -> None:
        """Note that the client has not hung up."""
        if not select.select([self.connection], [], [], 0)[0]:
            self.fake.waited_out.append(fault)

    def fail(self, fault: str) -> None:
        if fault == "html":
            self.html()
        elif fault == "lost":
            self.lose()
        elif fault == "slow":
            time.sleep(3)
            self.outlast(fault)
            self.lose()
        elif fault == "null":
            self.answer(200, None)
        elif fault == "redirect":
            self.answer(302, None, b"", location=f"{self.fake.faults.location}{self.path}")
        elif fault in ("cut", "trickle"):
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            for _ in range(200 if fault == "trickle" else 1):
                self.wfile.write(b"[")
                self.wfile.flush()
                time.sleep(0.05)
            self.outlast(fault)
            self.lose()
        else:
            self.answer(
                500, {"message": "select * from x where pw='db-leak'", "code": "INTERNAL_SERVER_ERROR", "data": {}}
            )

    def refused(self, procedure: str) -> bool:
        faults = self.fake.faults
        counted = faults.calls_left is not None
        if (
            self.headers.get("x-api-key") != KEY
            or faults.unauthorized == "key"
            or (counted and (faults.calls_left or 0) <= 0)
        ):
            self.answer(401, {"message": "Unauthorized"})  # and a refused call counts for nothing (better-auth)
            return True
        if counted:
            faults.calls_left = (faults.calls_left or 0) - 1
        if faults.unauthorized == "permission" or faults.unauthorized == procedure or self.beyond_a_member(procedure):
            data = {"code": "UNAUTHORIZED", "httpStatus": 401, "path": procedure, "zodError": None}
            self.answer(401, {"message": "You don't have access to this service", "code": "UNAUTHORIZED", "data": data})
            return True
        if procedure in faults.absent:
            self.answer(404, NOT_FOUND)
            return True
        return False

    def beyond_a_member(self, procedure: str) -> bool:
        """What a member's key may not ask, since rights are checked (v0.29.0)."""
        asked = procedure in ("compose.getDefaultCommand", "docker.getConfig")
        return self.fake.member and asked and self.fake.version >= (0, 29, 0)

    def do_GET(self) -> None:
        fake = self.fake
        url = urlsplit(self.path)
        query = self.input = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path.startswith("/health"):
            self.answer_health(url.path)
            return
        procedure = url.path.removeprefix("/api/")
        fake.seen.append(procedure)
        fake.headers.append(dict(self.headers.items()))
        planted = fake.faults.at.get(procedure) or fake.faults.gets
        if planted:
            self.fail(planted.pop(0))
            return
        if self.refused(procedure):
            return
        self.read(procedure, query)

    def answer_health(self, path: str) -> None:
        fake = self.fake
        fake.health_asked += 1
        fault = fake.faults.health or path.removeprefix("/health").strip("/")
        if fault == "redirect":
            self.answer(302, None, b"", location="https://login.example.org/")
        elif fault == "404":
            self.answer(404, None, b"404 page not found", "text/plain")
        elif fault:
            self.fail({"slow": "slow", "drip": "trickle"}[fault])
        else:
            good = fake.health_asked > fake.health_good_after
            body = fake.health if fake.health is not None else {"commit": fake.running}
            self.answer(
                fake.health_status if good else 503, body, None, "application/json", **{"x-commit": fake.running[:12]}
            )

    def invalid(self, procedure: str, query: dict[str, str]) -> bool:
        """What zod would refuse."""
        needs = {"compose.": "composeId", "deployment.allBy": "composeId", "deployment.read": "deploymentId"}
        needs |= {"docker.getContainersBy": "appName", "docker.getConfig": "containerId"}
        wrong = any(procedure.startswith(p) and not query.get(name) for p, name in needs.items())
        wrong = wrong or not re.fullmatch(r"[a-zA-Z0-9.\-_]*", query.get("appName", "") + query.get("containerId", ""))
        wrong = wrong or query.get("appType", "stack") not in ("stack", "docker-compose")
        wrong = wrong or not 1 <= int(query.get("tail", "100")) <= 10000
        if wrong:
            data = {"code": "BAD_REQUEST", "httpStatus": 400, "path": procedure, "zodError": {"fieldErrors": {}}}
            self.answer(400, {"message": "Input validation failed", "code": "BAD_REQUEST", "data": data, "issues": []})
        return wrong

    def read(self, procedure: str, query: dict[str, str]) -> None:
        fake = self.fake
        if procedure == "compose.deploy":  # a mutation: GET finds nothing
            self.answer(404, NOT_FOUND)
            return
        if self.invalid(procedure, query):
            return
        if query.get("composeId") not in (None, fake.compose_id) and fake.member and fake.version >= (0, 29, 0):
            data = {"code": "UNAUTHORIZED", "httpStatus": 401, "path": procedure, "zodError": None}
            self.answer(401, {"message": "You don't have access to this service", "code": "UNAUTHORIZED", "data": data})
            return
        if query.get("composeId") not in (None, fake.compose_id):
            data = {"code": "NOT_FOUND", "httpStatus": 404, "path": procedure}
            self.answer(404, {"message": "Compose not found", "code": "NOT_FOUND", "data": data})
            return
        with fake.lock:
            answers: dict[str, Any] = {
                "compose.one": fake.row,
                "deployment.allByCompose": lambda: fake.deployments,
                "deployment.queueList": lambda: [
                    *fake.queue,
                    {
                        "id": "job-x",
                        "name": "deployments",
                        "data": {"composeId": "another", "titleLog": "t"},
                        "state": "waiting",
                        "servicePath": {"href": None, "label": "another"},
                    },
                ],
                "deployment.readLogs": lambda: fake.log,
                "docker.getContainersByAppNameMatch": fake.containers,
                "docker.getConfig": lambda: {
                    "RestartCount": fake.restarts(query.get("containerId", "")),
                    "Config": {"Env": ["SESSION_KEY=another-Secret-value"]},
                },
                "compose.getDefaultCommand": lambda: (
                    "docker compose -p compose-transmit-v7jth9 -f ./docker-compose.yml up -d --build --remove-orphans"
                ),
                "user.get": self.user,
                "user.getPermissions": lambda: {
                    "deployment": {"read": True, "create": True, "cancel": True},
                    "service": {"read": True, "create": not fake.member},
                    "docker": {"read": not fake.member},
                },
                "settings.getDokployVersion": lambda: "v" + ".".join(map(str, fake.version)),
            }
            if procedure not in answers:
                self.answer(404, NOT_FOUND)
                return
            self.answer(200, answers[procedure]())

    def user(self) -> dict[str, Any]:
        """``user.get``: each key's whole row up to v0.29.8, and since v0.29.9 nothing of its limits."""
        fake = self.fake
        key = {"id": "k", "name": "gate", "prefix": None, "enabled": True, "expiresAt": None, "createdAt": _now()}
        old = KEY_COLUMNS | {"start": KEY[:6]} | fake.rate_limit if fake.version < (0, 29, 9) else {}
        user = {"id": "u", "firstName": "", "lastName": "", "email": "gate@example.org", "apiKeys": [key | old]}
        return {
            "id": "m",
            "organizationId": "o",
            "userId": "u",
            "role": "member" if fake.member else "owner",
            "user": user,
        }

    def do_POST(self) -> None:
        fake, fault = self.fake, self.fake.faults.post
        procedure = urlsplit(self.path).path.removeprefix("/api/")
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        fake.headers.append(dict(self.headers.items()))
        kind = self.headers.get("content-type", "").split(";")[0]
        if self.refused(procedure):
            fake.refusals += procedure == "compose.deploy"
        elif procedure != "compose.deploy":
            self.answer(404, NOT_FOUND)
        elif kind != "application/json":
            self.answer(415, {"message": "Unsupported media type", "code": "UNSUPPORTED_MEDIA_TYPE", "data": {}})
        elif not self.valid_order(raw):
            data = {"code": "BAD_REQUEST", "httpStatus": 400, "path": procedure, "zodError": {"fieldErrors": {}}}
            self.answer(400, {"message": "Input validation failed", "code": "BAD_REQUEST", "data": data, "issues": []})
        elif fault == "refused":
            self.answer(400, {"message": "Input validation failed", "code": "BAD_REQUEST", "data": {"path": procedure}})
        elif fault == "redirect":
            self.answer(307, None, b"", location=f"{fake.faults.location}/api/compose.deploy")
        else:
            self.ordered(json.loads(raw), fault)

    def valid_order(self, raw: bytes) -> bool:
        self.input = json.loads(raw)
        return (
            isinstance(self.input, dict)
            and isinstance(self.input.get("composeId"), str)
            and bool(self.input["composeId"])
        )

    def ordered(self, body: dict[str, Any], fault: str) -> None:
        fake = self.fake
        fake.posts.append(body)
        if not fault.endswith("-before"):
            fake.order(body["title"], body["description"])
        if fault.startswith("lost"):
            self.lose()
        elif fault.startswith("html"):
            self.html()
        elif fault == "true":
            self.answer(200, True)
        elif fault == "empty":
            self.answer(200, None, b"")
        else:
            self.answer(200, {"success": True, "message": "Deployment queued", "composeId": fake.compose_id})
