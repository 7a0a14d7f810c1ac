"""A compose file as typed facts (Compose specification; what Dokploy 0.30 and Compose 2.40 do with it is in the rules)."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.surface.nodes import Node, Text
from lockgate.surface.programs import Dockerfile, Program, dockerfile, words
from lockgate.text import Source, Span
from lockgate.values import dataclass, field

_DATABASES = re.compile(r"(?:^|/)(postgres|postgresql|postgis|timescaledb(?:-ha)?|pgvector|mysql|mariadb|mongo)$")


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """``healthcheck:`` of a service. ``test`` in words, ``form`` as written: CMD, CMD-SHELL, NONE, or a bare string."""

    at: Span
    form: str = ""
    test: Text | None = None
    arguments: tuple[Text, ...] = ()
    disabled: bool = False
    start_period: Text | None = None
    start_interval: Text | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of ``depends_on``."""

    service: str
    condition: str
    span: Span


@dataclass(frozen=True, slots=True)
class Mount:
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


@dataclass(frozen=True, slots=True)
class Port:
    """A port published on the host."""

    text: str
    container: str
    host: str
    address: str
    span: Span


@dataclass(frozen=True, slots=True)
class Service:
    """One service."""

    name: str
    at: Span
    image: Text | None = None
    restart: Text | None = None
    programs: tuple[Program, ...] = ()
    healthcheck: Healthcheck | None = None
    image_healthcheck: bool = False  # the Dockerfile has one
    depends_on: tuple[Dependency, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    labels: tuple[Text, ...] = ()
    networks: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    container_name: Text | None = None
    replicas: int = 1
    stop_grace_period: Text | None = None

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
        """Whether it serves: published ports or a route, and it is no database."""
        return bool((self.ports or self.routed) and not self.database)

    @property
    def database(self) -> str:
        """postgres, mysql, ... by its image; "" for anything else."""
        match = _DATABASES.search(self.repository)
        return match.group(1) if match else ""

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
        match = re.search(r"pg(\d+)", self.tag) or (re.match(r"(\d+)", self.tag) if "timescale" not in self.database else None)
        return int(match.group(1)) if match else None


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """One compose file."""

    source: Source
    services: tuple[Service, ...]
    volumes: frozenset[str] = field(default_factory=frozenset)
    external_networks: frozenset[str] = field(default_factory=frozenset)
    version: Text | None = None

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((s for s in self.services if s.name == name), None)


@dataclass(frozen=True, slots=True)
class ComposeChange:
    """A compose file as the base branch has it, and as it is here."""

    base: ComposeFile
    head: ComposeFile


def read(source: Source, root: Node, folder: Path | None) -> ComposeFile:
    """The facts of a compose file; ``folder`` is where it lies, for the Dockerfiles that it names."""
    services = root.get("services")
    networks = root.get("networks")
    external = frozenset(
        (node.text("name") or key).value
        for key, node in (networks.items() if networks else ())
        if _true(node.text("external")) or node.get("external", "name")
    )
    volumes = root.get("volumes")
    return ComposeFile(
        source,
        tuple(_service(source, key, node, folder) for key, node in (services.items() if services else ())),
        frozenset(key.value for key, _ in (volumes.items() if volumes else ())),
        external | frozenset(key.value for key, node in (networks.items() if networks else ()) if _true(node.text("external"))),
        root.key("version"),
    )


def _true(text: Text | None) -> bool:
    return text is not None and text.value.lower() in ("true", "yes", "on")


def _service(source: Source, key: Text, node: Node, folder: Path | None) -> Service:
    built = _built(source, node, folder)
    written = [Program(text.value, source, text.span) for name in ("entrypoint", "command") if (text := words(node.get(name))) is not None]
    inherited = tuple(p for p in built.programs if not written) if built else ()
    replicas = node.text("deploy", "replicas") or node.text("scale")
    return Service(
        key.value,
        key.span,
        node.text("image"),
        node.text("restart"),
        (*written, *inherited),
        _healthcheck(node),
        built.healthcheck if built else False,
        _depends_on(node.get("depends_on")),
        tuple(m for n in _children(node.get("volumes")) if (m := _mount(n, folder)) is not None),
        tuple(p for n in _children(node.get("ports")) if (p := _port(n)) is not None),
        _labels(node),
        _names(node.get("networks")),
        _names(node.get("profiles")),
        node.text("container_name"),
        int(replicas.value) if replicas and replicas.value.isdigit() else 1,
        node.key("stop_grace_period"),
    )


def _children(node: Node | None) -> tuple[Node, ...]:
    return node.children or () if node is not None else ()


def _names(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(key.value for key, _ in node.items()) or tuple(t.value for t in node.texts())


def _labels(node: Node) -> tuple[Text, ...]:
    labels = node.get("labels")
    if labels is None:
        return ()
    pairs = tuple(Text(f"{key.value}={value.scalar.value if value.scalar else ''}", key.span) for key, value in labels.items())
    return pairs or labels.texts()


def _built(source: Source, node: Node, folder: Path | None) -> Dockerfile | None:
    build = node.get("build")
    if build is None:
        return None
    inline = build.text("dockerfile_inline")
    if inline is not None:
        # Places inside of a block scalar cannot be told: the whole scalar is marked.
        made = dockerfile(Source(source.path, inline.value), None)
        return Dockerfile(tuple(Program(p.text, source, inline.span) for p in made.programs), made.healthcheck)
    context = build.scalar or build.text("context") or Text(".", build.span)
    if folder is None or not context.known:
        return None
    place = folder / context.value
    name = build.text("dockerfile")
    path = place / (name.value if name is not None else "Dockerfile")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    shown = (Path(source.path).parent / context.value / path.relative_to(place)).as_posix()
    return dockerfile(Source(shown, text), place)


def _healthcheck(node: Node) -> Healthcheck | None:
    check = node.get("healthcheck")
    key = node.key("healthcheck")
    if check is None or key is None:
        return None
    test = check.get("test")
    arguments = test.texts() if test is not None and test.children is not None else ()
    form = arguments[0].value if arguments else ("CMD-SHELL" if test is not None and test.scalar else "")
    shown = test.scalar if test is not None and test.scalar else None
    if arguments:
        rest = arguments[1:] or arguments
        shown = Text(" ".join(a.value for a in rest), Span(arguments[0].span.start, arguments[-1].span.end))
    disabled = _true(check.text("disable")) or form == "NONE"
    return Healthcheck(key.span, form, shown, arguments, disabled, check.key("start_period"), check.key("start_interval"))


def _depends_on(node: Node | None) -> tuple[Dependency, ...]:
    if node is None:
        return ()
    long = []
    for key, value in node.items():
        condition = value.text("condition")
        long.append(Dependency(key.value, condition.value if condition else "service_started", condition.span if condition else key.span))
    return tuple(long) or tuple(Dependency(t.value, "service_started", t.span) for t in node.texts())


def _mount(node: Node, folder: Path | None) -> Mount | None:
    if node.scalar is not None:
        return _short_mount(node.scalar, folder)
    source, target, kind = node.text("source"), node.text("target"), node.text("type")
    if target is None:
        return None
    shown = source.value if source else ""
    span = source.span if source else target.span
    kind_name = kind.value if kind else "volume"
    return Mount(kind_name, shown, target.value, _true(node.text("read_only")), span, kind_name == "bind" and _exists(shown, folder))


def _short_mount(text: Text, folder: Path | None) -> Mount:
    parts = re.split(r":(?![^{]*\})", text.value)
    if len(parts) == 1:
        return Mount("anonymous", "", parts[0], False, text.span)
    options = parts[2].split(",") if len(parts) > 2 else []
    bind = parts[0].startswith(("/", ".", "~"))
    return Mount("bind" if bind else "volume", parts[0], parts[1], "ro" in options, text.span, bind and _exists(parts[0], folder))


def _exists(path: str, folder: Path | None) -> bool:
    return folder is not None and not path.startswith(("/", "~")) and "$" not in path and (folder / path).exists()


def _port(node: Node) -> Port | None:
    if node.scalar is None:
        published, target, address = node.text("published"), node.text("target"), node.text("host_ip")
        if published is None or target is None:
            return None
        text = f"{published.value}:{target.value}"
        return Port(text, target.value, published.value, address.value if address else "", published.span)
    match = re.fullmatch(r"(?:(\[[^\]]*\]|[\d.]+|\$\{[^}]*\}):)?([\d-]+|\$\{[^}]*\}):([\d-]+)(?:/\w+)?", node.scalar.value)
    if match is None:
        return None
    return Port(node.scalar.value, match.group(3), match.group(2), match.group(1) or "", node.scalar.span)
