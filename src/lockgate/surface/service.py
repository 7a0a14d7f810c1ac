"""The services of a compose file as values (Compose specification; what Dokploy and Compose do with them is in the
rules)."""

from __future__ import annotations

import re

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.surface.nodes import Text
from lockgate.surface.programs import Program

_DATABASES = pattern(r"(?:^|/)(postgres|postgresql|postgis|timescaledb(?:-ha)?|pgvector|mysql|mariadb|mongo)$")
_SERVER = pattern(r"\s*(?:-|postgres\b|mysqld\b|mariadbd\b|mongod\b|\S*docker-entrypoint)")


class Healthcheck(msgspec.Struct, frozen=True):
    """``healthcheck:`` of a service. ``test`` in words, ``form`` as written: CMD, CMD-SHELL, NONE, or a bare string."""

    at: Span
    form: str = ""
    test: Text | None = None
    arguments: tuple[Text, ...] = ()
    disabled: bool = False
    start_period: Text | None = None
    start_interval: Text | None = None


class Dependency(msgspec.Struct, frozen=True):
    """One entry of ``depends_on``."""

    service: str
    condition: str
    span: Span


class Mount(msgspec.Struct, frozen=True):
    """One entry of ``volumes``. ``kind``: bind, volume, anonymous, tmpfs."""

    kind: str
    source: str
    target: str
    read_only: bool
    span: Span
    in_repository: bool = False  # a bind mount of something that the repository has

    @property
    def known(self) -> bool:
        return "$" not in self.source


class Port(msgspec.Struct, frozen=True):
    """A port published on the host."""

    text: str
    container: str
    host: str
    address: str
    span: Span


class Service(msgspec.Struct, frozen=True):
    """One service."""

    name: str
    at: Span
    image: Text | None = None
    restart: Text | None = None
    programs: tuple[Program, ...] = ()
    healthcheck: Healthcheck | None = None
    image_healthcheck: bool | None = None  # the Dockerfile has one; None where there is none to read
    shell: bool = True  # false where the built image certainly has none
    depends_on: tuple[Dependency, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    labels: tuple[Text, ...] = ()
    networks: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    environment: frozenset[str] = frozenset()
    container_name: Text | None = None
    replicas: int = 1
    stop_grace_period: Text | None = None
    built_from: str = ""  # build context, Dockerfile and stage
    whole: bool = True  # false where a file that it extends could not be read
    exposed: bool = False  # names a port that it listens on, without publishing it

    @property
    def migration(self) -> Program | None:
        """What migrates at this service's start."""
        return next((p for p in self.programs if p.migrates), None)

    @property
    def one_shot(self) -> bool:
        """Whether it migrates and does nothing else."""
        found = self.migration
        return found is not None and not self.public and not any(p.serves for p in self.programs)

    @property
    def routed(self) -> bool:
        """Whether Traefik is told of it by hand."""
        return any(label.value.startswith("traefik.http.routers.") for label in self.labels)

    @property
    def public(self) -> bool:
        """Whether it serves: published ports, a route, or an exposed port under a restart policy, and it is no database.

        Dokploy's domains come from its interface: nothing in the file tells which exposed port they lead to.
        """
        kept_up = self.restart is not None and self.restart.value.partition(":")[0] not in ("no", "false", "")
        return bool((self.ports or self.routed or (self.exposed and kept_up)) and not self.database)

    @property
    def database(self) -> str:
        """postgres, mysql, ... by its image; "" for anything else, and for a client of that image."""
        match = _DATABASES.search(self.repository)
        client = any(not _SERVER.match(p.text) for p in self.programs)
        return match.group(1) if match and not client else ""

    @property
    def repository(self) -> str:
        """The image without tag and digest."""
        value = self.image.value if self.image else ""
        return re.sub(r":[^:/]*$", "", value.partition("@")[0])

    @property
    def tag(self) -> str:
        """The image's tag; "" where there is none."""
        match = re.search(r":([^:/@]+)(?:@|$)", self.image.value) if self.image else None
        return match.group(1) if match else ""

    @property
    def major(self) -> int | None:
        """The database's major version, of a tag as ``16.3``, ``16-3.4``, ``2.14-pg16``, ``pg16``."""
        match = re.search(r"pg(\d+)", self.tag) or (
            re.match(r"(\d+)", self.tag) if "timescale" not in self.database else None
        )
        return int(match.group(1)) if match else None


class ComposeFile(msgspec.Struct, frozen=True):
    """One compose file."""

    source: Source
    services: tuple[Service, ...]
    volumes: frozenset[str] | None = frozenset()  # None where an included file may declare more
    external_networks: frozenset[str] = frozenset()
    version: Text | None = None
    dokploy: bool = False  # Dokploy is known to deploy it

    @property
    def running(self) -> tuple[Service, ...]:
        """What ``up`` starts: services under a profile are started only when they are asked for."""
        return tuple(s for s in self.services if not s.profiles)

    @property
    def own_traefik(self) -> bool:
        """Whether a Traefik of its own stands in the file."""
        return any(re.search(r"(?:^|/)traefik$", s.repository) for s in self.services)

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((s for s in self.services if s.name == name), None)


class ComposeChange(msgspec.Struct, frozen=True):
    """A compose file as the base branch has it, and as it is here."""

    base: ComposeFile
    head: ComposeFile
