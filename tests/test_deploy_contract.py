"""What goes over the wire, held to what the real servers were found to take and to send: ``contract/dokploy.json`` (by
version) and ``contract/gitea.json`` (a cut of the published OpenAPI document)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jsonschema
import pytest

from lockgate.deploy.gitea import GiteaClient, StatusTarget
from lockgate.deploy.secret import Masker, Secret
from tests.deploy_kit import bench
from tests.fake_dokploy import KEY, FakeDokploy
from tests.fake_gitea import TOKEN, FakeGitea

FOLDER = Path(__file__).parent / "contract"
DOKPLOY: dict[str, Any] = json.loads((FOLDER / "dokploy.json").read_text())
GITEA: dict[str, Any] = json.loads((FOLDER / "gitea.json").read_text())
PROCEDURES: dict[str, Any] = DOKPLOY["procedures"]


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def held(exchange: tuple[str, str, Any, int, Any], version: tuple[int, ...]) -> None:
    """One request and its answer against the contract."""
    method, name, sent, status, answer = exchange
    wanted = PROCEDURES[name]
    assert method == wanted["method"], name
    if "body" in wanted:
        jsonschema.validate(sent, wanted["body"])
    else:
        assert set(sent) <= set(wanted["query"]), (name, sent)
        assert {n for n, how in wanted["query"].items() if how["required"]} <= set(sent), (name, sent)
    if number(wanted["since"]) > version:
        assert status == 404 and not answer["data"].get("path"), name
    elif status == 200:
        schema = [a["schema"] for a in wanted["answers"] if number(a["since"]) <= version][-1]
        jsonschema.validate(answer, schema)
    else:
        assert status == 401 and answer.get("code") in (None, "UNAUTHORIZED"), (name, status)


@pytest.mark.parametrize("member", [True, False])
@pytest.mark.parametrize("version", DOKPLOY["versions"])
def test_a_deploy_and_a_failure_speak_as_every_version_does(tmp_path: Path, version: str, member: bool) -> None:
    at = number(version)
    with bench(tmp_path, version=at, member=member) as stand:
        assert stand.gate().run() == 0, stand.text
        stand.fake.faults.end = "error"
        assert stand.gate(again=True).run() == 1, stand.text
        exchanges = [e for e in stand.fake.exchanges if not e[1].startswith("/health")]
        assert {name for _, name, _, _, _ in exchanges} >= {"compose.one", "compose.deploy", "deployment.allByCompose"}
        for exchange in exchanges:
            held(exchange, at)
        for headers in stand.fake.headers:
            names = {name.lower() for name in headers}
            assert set(DOKPLOY["headers"]["required"]) <= names and not names & set(DOKPLOY["headers"]["forbidden"])


@pytest.mark.parametrize("case", DOKPLOY["refusals"], ids=lambda c: c["case"])
def test_the_fake_refuses_what_the_real_one_refuses(case: dict[str, Any]) -> None:
    fake = FakeDokploy("a" * 40, member=not case.get("owner", False))
    try:
        method, name, sent = case["send"]
        fill = {"ID": fake.compose_id, "KEY": KEY}
        headers = {k: re.sub("ID|KEY", lambda m: fill[m[0]], v) for k, v in case["headers"].items()}
        url = f"{fake.url}/api/{name.replace('ID', fake.compose_id)}"
        if method == "GET":
            answer = httpx.get(url, params={k: fill.get(v, v) for k, v in sent.items()}, headers=headers)
        elif isinstance(sent, str):
            form = {"content-type": "application/x-www-form-urlencoded"}
            answer = httpx.post(url, content=sent, headers=headers | form)
        else:
            answer = httpx.post(url, json=sent, headers=headers)
        body = answer.json()
        assert (answer.status_code, body.get("code")) == (case["status"], case["code"]), body
        if case.get("path") is not None and case["code"]:
            assert bool(body["data"].get("path")) is case["path"]
        assert not fake.posts
    finally:
        fake.close()


def test_the_contract_is_of_versions_that_are_told_apart() -> None:
    for name, procedure in PROCEDURES.items():
        since = [number(a["since"]) for a in procedure["answers"]]
        assert since == sorted(set(since)) and number(procedure["since"]) == since[0], name
        for answer in procedure["answers"]:
            jsonschema.Draft202012Validator.check_schema(answer["schema"])


@pytest.fixture
def gitea() -> Iterator[FakeGitea]:
    fake = FakeGitea(commits=["a" * 40])
    yield fake
    fake.close()


def operation(method: str, path: str) -> dict[str, Any]:
    for template, operations in GITEA["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    raise AssertionError(f"Gitea has no {method} {path}")


def conforms(value: object, schema: dict[str, Any]) -> None:
    jsonschema.validate(value, {**schema, "components": GITEA["components"]})


def test_every_call_to_gitea_is_one_of_its_published_api(gitea: FakeGitea) -> None:
    client = GiteaClient(StatusTarget(f"{gitea.url}/api/v1", "m/paliad", "https://x/run"), Secret(TOKEN), Masker())
    commit = gitea.commits[0]
    client.may_post()
    for state in ("pending", "success", "error", "failure", "warning"):
        client.status(commit, "lockgate/deploy", state, "words")
    assert client.latest(commit) == {"lockgate/deploy": "warning"} and len(client.statuses(commit)) == 5
    assert client.commits("main", 10) == [commit] and client.hooks() == []
    gitea.webhooks = ["https://dokploy.example.org/api/deploy/compose/x"]
    assert client.hooks() == gitea.webhooks
    assert [client.comment(3, words) for words in ("one", "one", "two")] == ["created", "unchanged", "updated"]
    asked = set()
    for method, target, sent, status, answer in gitea.exchanges:
        url = urlsplit(target)
        path = url.path.removeprefix("/api/v1")
        found = operation(method, path)
        known = {p["name"]: p["schema"]["type"] for p in found.get("parameters", ())}
        for name, value in parse_qsl(url.query):
            assert name in known or name in found.get("x-ignored", ()), (method, path, name)
            if known.get(name) == "integer":
                assert value.isdigit(), (path, name, value)
            if known.get(name) == "boolean":
                assert value in ("true", "false"), (path, name, value)
        if "requestBody" in found:
            conforms(sent, found["requestBody"]["content"]["application/json"]["schema"])
        if str(status) in found["responses"]:
            content = found["responses"][str(status)].get("content")
            if content:
                conforms(answer, content["application/json"]["schema"])
        else:
            assert status == 500 and "0" * 40 in path, "only for a commit that is none, which the document leaves out"
        asked.add((method, re.sub(r"[0-9a-f]{40}|\d+", "X", path)))
    assert len(asked) == 8, asked
