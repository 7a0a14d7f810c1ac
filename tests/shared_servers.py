"""Servers that all tests of a process share: one of each major, started when the first test asks for it.

A test that takes one finds it as it likes, for others were there before: ``oracle.compare.database`` gives it an empty
database and takes away the roles of the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from tools.private_server import private_server

from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.reach import reachable
from tests.timeline_kit import ENABLED

ServerOf = Callable[[int], Server]
DsnOf = Callable[[int], str]


@pytest.fixture(scope="session")
def server_of() -> Iterator[ServerOf]:
    """A server of a major, as ``verify`` starts them."""
    with ExitStack() as running:

        @cache
        def of(major: int) -> Server:
            server = running.enter_context(Server(ENABLED[major]))
            server.ready()
            return server

        yield of


@pytest.fixture(scope="session")
def dsn_of() -> Iterator[DsnOf]:
    """The DSN of a superuser on a server of a major that is nobody's scratch server, as ``initdb`` makes them."""
    with ExitStack() as running:

        @cache
        def of(major: int) -> str:
            return running.enter_context(private_server(reachable(choose("", major)).bindir))

        yield of
