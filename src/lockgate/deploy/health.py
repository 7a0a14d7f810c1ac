"""Whether the release answers as it should: a URL polled until it is right several times in a row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.text import clean
from lockgate.deploy.http import Answer, Http, NotJson, Unreachable, checked_url


class Expectation(msgspec.Struct, frozen=True):
    """What a healthy answer looks like."""

    url: str
    status: int = 200
    body: str = ""  # text that the body contains
    path: tuple[str, ...] = ()  # keys into a JSON answer
    value: str = ""  # what stands there
    commit: bool = False  # the gated commit is asked for: a prefix of seven characters and more will do
    header: str = ""  # name of a header
    header_value: str = ""
    successes: int = 3


def expectation(
    url: str,
    status: int,
    body: str,
    field: str,
    successes: int,
    commit: str,
    allow_http: Iterable[str],
    header: str = "",
) -> Expectation:
    """The configuration's health keys; ``field`` is ``version.commit=$commit``, ``header`` ``x-commit=$commit``, and
    ``$commit`` may stand in the body's text. Raises UsageError."""
    checked = checked_url(url, "health_url", allow_http)
    if field and "=" not in field:
        raise UsageError(f'deploy.health_field: "{field}" has no "="', 'write it as "commit=$commit"')
    if header and "=" not in header:
        raise UsageError(f'deploy.health_header: "{header}" has no "="', 'write it as "x-commit=$commit"')
    if not 100 <= status <= 599 or successes < 1:
        raise UsageError(
            "deploy.health_status and deploy.health_successes: not in range",
            "a status is 100 to 599, successes are 1 or more",
        )
    path, _, value = field.partition("=")
    name, _, wanted = header.partition("=")
    return Expectation(
        checked,
        status,
        body.replace("$commit", commit[:7]),
        tuple(path.strip().split(".")) if field else (),
        commit if value.strip() == "$commit" else value.strip(),
        "$commit" in (value.strip(), wanted.strip()) or "$commit" in body,
        name.strip().lower(),
        commit if wanted.strip() == "$commit" else wanted.strip(),
        successes,
    )


class Look(msgspec.Struct, frozen=True):
    """One answer of a health URL, judged. ``kind``: good, redirect, certificate, refused (4xx, or another status than the
    expected), down (5xx), silent (no answer in time), unreachable, content (status right, body not)."""

    kind: str
    wrong: str = ""


class HealthProbe:
    """Asks one health URL. No key, no redirects, its own connection pool."""

    def __init__(self, expectation: Expectation, read_timeout: float = 10) -> None:
        self.expectation = expectation
        self._http = Http(expectation.url, connect=5, read=read_timeout)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def ask(self) -> str:
        """ "" where the answer is right, else what is wrong with it. Never raises for anything that the server does."""
        return self.look().wrong

    def look(self) -> Look:
        """The same, with the kind of what is wrong."""
        try:
            answer = self._http.get(self.expectation.url)
        except Unreachable as error:
            return Look(_kind(error), error.reason)
        wrong = judge(self.expectation, answer)
        if not wrong:
            return Look("good")
        if answer.status == self.expectation.status:
            return Look("content", wrong)
        if 300 <= answer.status < 400:
            where = answer.headers.get("location", "")[:100]
            return Look("redirect", f"{wrong} (a redirect{f' to {clean(where)}' if where else ''})")
        return Look("down" if answer.status >= 500 else "refused", wrong)


def _kind(error: Unreachable) -> str:
    if error.mistrusted:
        return "certificate"
    return "silent" if error.sent else "unreachable"


def judge(expected: Expectation, answer: Answer) -> str:
    """What is wrong with an answer; "" where nothing is."""
    if answer.status != expected.status:
        return f"status {answer.status} in place of {expected.status}"
    if expected.body and expected.body not in answer.text:
        return "the body does not hold the expected text"
    if expected.header:
        told = answer.headers.get(expected.header)
        if told is None:
            return f"the answer has no header {expected.header}"
        if not _is(told, expected.header_value):
            return _mismatch(expected.header, told, expected.header_value)
    if not expected.path:
        return ""
    try:
        value: Any = answer.json()
    except NotJson:
        return "the body is no JSON"
    for key in expected.path:
        if not isinstance(value, dict) or key not in value:
            return f"the answer has no {'.'.join(expected.path)}"
        value = value[key]
    shown = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    if _is(shown, expected.value):
        return ""
    return _mismatch(".".join(expected.path), shown, expected.value)


def _mismatch(name: str, shown: str, wanted: str) -> str:
    what = f"{name} is {shown[:60]!r}"
    another = re.fullmatch("[0-9a-f]{40}", wanted) and re.fullmatch("[0-9a-fA-F]{7,40}", shown.strip())
    return f"{what}: another commit answers" if another else f"{what} in place of {wanted!r}"


def _is(told: str, wanted: str) -> bool:
    """Whether a value is as wanted; of a commit seven digits and more will do."""
    if told.strip() == wanted:
        return True
    short = re.fullmatch("[0-9a-fA-F]{7,39}", told.strip()) is not None and len(wanted) == 40
    return short and wanted.startswith(told.strip().lower())


def host(url: str) -> str:
    """The host of a URL, for a message."""
    return urlsplit(url).hostname or ""
