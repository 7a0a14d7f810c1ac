"""Reads a compose file: short and long syntax, lists and mappings, ``extends``, ``include``, and the Dockerfiles that
it names."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_text
from lockgate.base.text import Source, Span
from lockgate.surface import dockerfile
from lockgate.surface.nodes import BadYaml, Node, Text, parse
from lockgate.surface.programs import Program, words
from lockgate.surface.service import ComposeFile, Dependency, Healthcheck, Mount, Port, Service


def read(source: Source, root: Node, folder: Path | None) -> ComposeFile:
    """The facts of a compose file; ``folder`` is where it lies, for the other files that it names."""
    services = root.get("services")
    networks = root.get("networks")
    external = {
        word.value
        for key, node in (networks.items() if networks else ())
        if _true(node.text("external")) or node.get("external", "name")
        for word in (key, node.text("name"))
        if word is not None
    }
    return ComposeFile(
        source,
        tuple(
            _service(source, key, _extended(services, node, folder), folder)
            for key, node in (services.items() if services else ())
        ),
        _volumes(root, folder),
        frozenset(external),
        root.key("version"),
        "dokploy-network" in external,
    )


def _true(text: Text | None) -> bool:
    return text is not None and text.value.lower() in ("true", "yes", "on")


def _volumes(root: Node, folder: Path | None) -> frozenset[str] | None:
    """The declared volumes, with those of included files; None where one of these cannot be read."""
    volumes, found = root.get("volumes"), set[str]()
    found |= {key.value for key, _ in (volumes.items() if volumes else ())}
    for item in _children(root.get("include")):
        for path in (item.scalar,) if item.scalar else (item.get("path") or item).texts():
            other = _other(folder, path)
            inner = _volumes(other, None) if other is not None else None
            if inner is None:
                return None
            found |= inner
    return frozenset(found)


def _other(folder: Path | None, path: Text | None) -> Node | None:
    """Another compose file that this one names; None where it cannot be read."""
    if folder is None or path is None or not path.known:
        return None
    try:
        return parse(Source(path.value, read_text(folder / path.value, folder)))
    except (OSError, ValueError, BadYaml, CannotCheck):
        return None


def _extended(services: Node | None, node: Node, folder: Path | None, depth: int = 0) -> Node:
    """A service laid over the one that it extends."""
    extends = node.get("extends")
    name = (extends.scalar or extends.text("service")) if extends is not None else None
    if extends is None or name is None or depth > 8:
        return node
    file = extends.text("file")
    if file is not None:
        root = _other(folder, file)
        services = root.get("services") if root is not None else None
    base = services.get(name.value) if services is not None else None
    if base is None:
        return node
    base = _extended(services, base, folder, depth + 1)
    if file is not None:
        # Its relative paths count from its own folder.
        here = os.path.dirname(os.path.normpath(file.value)) == ""
        kept = Node(
            base.span, pairs=tuple((k, v) for k, v in base.items() if here or k.value not in ("volumes", "build"))
        )
        base = kept.at(extends.span)
    return node.over(base)


def _whole(node: Node, folder: Path | None) -> bool:
    """Whether everything that the service is made of was read."""
    extends = node.get("extends")
    return extends is None or extends.get("file") is None or _other(folder, extends.text("file")) is not None


def _service(source: Source, key: Text, node: Node, folder: Path | None) -> Service:
    built, context = _built(source, node, folder)
    replicas = node.text("deploy", "replicas") or node.text("scale")
    return Service(
        key.value,
        key.span,
        node.text("image"),
        node.text("restart"),
        _programs(source, node, built or dockerfile.Dockerfile(), context),
        _healthcheck(node),
        built.healthcheck if built else None,
        built.shell if built else True,
        _depends_on(node.get("depends_on")),
        tuple(m for n in _children(node.get("volumes")) if (m := _mount(n, folder)) is not None),
        tuple(p for n in _children(node.get("ports")) if (p := _port(n)) is not None),
        _labels(node),
        _names(node.get("networks")),
        _names(node.get("profiles")),
        _environment(node.get("environment")),
        node.text("container_name"),
        int(replicas.value[:9]) if replicas and replicas.value.isdecimal() else 1,
        node.key("stop_grace_period"),
        _built_from(node.get("build")),
        _whole(node, folder),
        bool(_children(node.get("expose"))),
    )


def _programs(source: Source, node: Node, built: dockerfile.Dockerfile, context: Path | None) -> tuple[Program, ...]:
    """What the container runs: entrypoint and command as one line; where they name a script that is at hand, the
    script."""
    entrypoint, command = (
        Program(text.value, source, text.span) if text is not None else None
        for text in (words(node.get("entrypoint")), words(node.get("command")))
    )
    second = command or (built.cmd if entrypoint is None else None)
    first = entrypoint or built.entrypoint
    line = second if first is None else first if second is None else _joined(first, second)
    if line is None:
        return ()
    return built.scripts(line, context, second.text if second is not None else "") or (line,)


def _joined(first: Program, second: Program) -> Program:
    marked = first if first.migrates else second
    return Program(f"{first.text} {second.text}", marked.source, marked.span)


def _environment(node: Node | None) -> frozenset[str]:
    if node is None:
        return frozenset()
    pairs = (f"{key.value}={value.scalar.value if value.scalar else ''}" for key, value in node.items())
    return frozenset(pairs) | {text.value for text in (node.texts() if node.children else ())}


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
    pairs = tuple(
        Text(f"{key.value}={value.scalar.value if value.scalar else ''}", key.span) for key, value in labels.items()
    )
    return pairs or labels.texts()


def _built(source: Source, node: Node, folder: Path | None) -> tuple[dockerfile.Dockerfile | None, Path | None]:
    """The stage that is built, and its build context."""
    build = node.get("build")
    if build is None:
        return None, None
    target = build.text("target")
    stage = target.value if target is not None else ""
    inline = build.text("dockerfile_inline")
    if inline is not None:
        # Places inside of a block scalar cannot be told: the whole scalar is marked.
        return _marked(dockerfile.read(Source(source.path, inline.value), stage), source, inline.span), None
    context = build.scalar or build.text("context") or Text(".", build.span)
    if folder is None or not context.known:
        return None, None
    place = folder / context.value
    name = build.text("dockerfile")
    path = place / (name.value if name is not None else "Dockerfile")
    try:
        text = read_text(path, folder)
    except (OSError, ValueError, CannotCheck):
        return None, None
    shown = os.path.normpath(Path(source.path).parent / os.path.relpath(path, folder)).replace(os.sep, "/")
    return dockerfile.read(Source(shown, text), stage), place


def _built_from(build: Node | None) -> str:
    if build is None:
        return ""
    named = (build.text(name) for name in ("context", "dockerfile", "target", "dockerfile_inline"))
    return " ".join([build.scalar.value if build.scalar else "", *(text.value if text else "" for text in named)])


def _marked(made: dockerfile.Dockerfile, source: Source, span: Span) -> dockerfile.Dockerfile:
    entrypoint, cmd = (Program(p.text, source, span) if p is not None else None for p in (made.entrypoint, made.cmd))
    return replace(made, entrypoint=entrypoint, cmd=cmd)


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
    return Healthcheck(
        key.span, form, shown, arguments, disabled, check.key("start_period"), check.key("start_interval")
    )


def _depends_on(node: Node | None) -> tuple[Dependency, ...]:
    if node is None:
        return ()
    long = []
    for key, value in node.items():
        condition = value.text("condition")
        long.append(
            Dependency(
                key.value,
                condition.value if condition else "service_started",
                condition.span if condition else key.span,
            )
        )
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
    return Mount(
        kind_name,
        shown,
        target.value,
        _true(node.text("read_only")),
        span,
        kind_name == "bind" and _exists(shown, folder),
    )


def _short_mount(text: Text, folder: Path | None) -> Mount:
    parts = re.split(r":(?![^{]*\})", text.value)
    if len(parts) == 1:
        return Mount("anonymous", "", parts[0], False, text.span)
    options = parts[2].split(",") if len(parts) > 2 else []
    bind = parts[0].startswith(("/", ".", "~"))
    return Mount(
        "bind" if bind else "volume", parts[0], parts[1], "ro" in options, text.span, bind and _exists(parts[0], folder)
    )


def _exists(path: str, folder: Path | None) -> bool:
    return folder is not None and not path.startswith(("/", "~")) and "$" not in path and (folder / path).exists()


def _port(node: Node) -> Port | None:
    if node.scalar is None:
        published, target, address = node.text("published"), node.text("target"), node.text("host_ip")
        if published is None or target is None:
            return None
        text = f"{published.value}:{target.value}"
        return Port(text, target.value, published.value, address.value if address else "", published.span)
    match = re.fullmatch(
        r"(?:(\[[^\]]*\]|[\d.]+|\$\{[^}]*\}):)?([\d-]+|\$\{[^}]*\}):([\d-]+)(?:/\w+)?", node.scalar.value
    )
    if match is None:
        return None
    return Port(node.scalar.value, match.group(3), match.group(2), match.group(1) or "", node.scalar.span)
