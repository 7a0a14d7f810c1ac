"""Alembic's revisions and Django's migrations as their files say them: read as syntax trees, never run.

Their graphs tell what each runner refuses before it sends any SQL; the SQL itself is not known from them.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.text import Source, Span
from lockgate.sources.folder import Revision, read
from lockgate.sources.listing import meant
from lockgate.sources.migration import Migration, Script, Transaction

_PASSED = frozenset({"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__"})
_DEPTH, _MOST = 10, 8_000  # folders below the first one, files of Python in all


def revisions(root: Path, cwd: Path) -> tuple[Revision, ...]:
    """The revisions in files below a folder, alembic's and Django's, in the order of their paths."""
    out = [found for path in _files(root) if (found := _revision(path, cwd)) is not None]
    before = {name: r.id for r in out for name in _run_before(r)}
    return tuple(replace(r, below=(*r.below, before[r.id])) if r.id in before else r for r in out)


def _files(root: Path) -> Iterator[Path]:
    count = 0
    for folder, inside, names in os.walk(root):
        deep = os.path.relpath(folder, root).count(os.sep)
        inside[:] = sorted(d for d in inside if d not in _PASSED and not d.startswith(".") and deep < _DEPTH)
        relative = os.path.relpath(folder, root)
        below = os.path.join(os.path.basename(os.path.abspath(root)), relative).split(os.sep)
        if not {"migrations", "versions"} & set(below) or not meant(relative.replace(os.sep, "/")):
            continue
        for name in sorted(n for n in names if n.endswith(".py") and n != "__init__.py"):
            count += 1
            if count > _MOST:
                return
            yield Path(folder, name)


def _revision(path: Path, cwd: Path) -> Revision | None:
    try:
        source = read(path, cwd)
        if "down_revision" not in source.text and "class Migration" not in source.text:
            return None
        tree = ast.parse(source.text)
    except (CannotCheck, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _alembic(tree, source, path) or _django(tree, source, path)


def _assigned(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    out: dict[str, ast.expr] = {}
    for node in body:
        if isinstance(node, ast.Assign):
            out |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            out[node.target.id] = node.value
    return out


def _literal(node: ast.expr | None) -> object:
    """The value that is written; Ellipsis where it is worked out."""
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ...


def _alembic(tree: ast.Module, source: Source, path: Path) -> Revision | None:
    names = _assigned(tree.body)
    ident = _literal(names.get("revision"))
    if not isinstance(ident, str) or "down_revision" not in names:
        return None
    parts = [_literal(names.get(name)) for name in ("down_revision", "depends_on")]
    below = [p for value in parts for p in ((value,) if isinstance(value, str) else _words(value))]
    labelled = bool(_literal(names.get("branch_labels")))
    return Revision(ident, "alembic", str(path.parent), source, tuple(below), (), ... not in parts, labelled)


def _words(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple | set) else []


def _django(tree: ast.Module, source: Source, path: Path) -> Revision | None:
    found = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Migration"), None)
    if found is None or path.parent.name != "migrations":
        return None
    app = _label(path.parent.parent)
    names = _assigned(found.body)
    below, known = _pairs(names.get("dependencies"))
    replaces, _ = _pairs(names.get("replaces"))
    return Revision(f"{app}.{path.stem}", "django", app, source, below, replaces, known)


def _run_before(revision: Revision) -> tuple[str, ...]:
    """Django's ``run_before``: the ids that need this one."""
    if revision.runner != "django" or "run_before" not in revision.source.text:
        return ()
    body = next(
        n for n in ast.parse(revision.source.text).body if isinstance(n, ast.ClassDef) and n.name == "Migration"
    )
    return _pairs(_assigned(body.body).get("run_before"))[0]


def _pairs(node: ast.expr | None) -> tuple[tuple[str, ...], bool]:
    """The ``app.name`` of a list of pairs, and whether every other entry is a dependency on a swappable model."""
    if node is None:
        return (), True
    if not isinstance(node, ast.List | ast.Tuple):
        return (), False
    out, known = [], True
    for item in node.elts:
        value = _literal(item)
        if isinstance(value, tuple | list) and len(value) == 2:
            out.append(f"{value[0]}.{value[1]}")
        else:
            known = known and isinstance(item, ast.Call)
    return tuple(out), known


def _label(folder: Path) -> str:
    """The app's label: its folder's name, unless its AppConfig says another."""
    try:
        text = (folder / "apps.py").read_text("utf-8")[:65_536] if (folder / "apps.py").is_file() else ""
    except (OSError, ValueError):
        text = ""
    said = re.search(r"^\s+label\s*=\s*[\"'](\w+)[\"']", text, re.MULTILINE)
    return said.group(1) if said else folder.name


# --- the graph --------------------------------------------------------------------------------------------------------


def resolved(name: str, graph: Mapping[str, Revision]) -> str:
    """The id that a name stands for: alembic takes the beginning of one, too."""
    if name in graph:
        return name
    like = [i for i, r in graph.items() if r.runner == "alembic" and i.startswith(name)] if len(name) > 3 else []
    return like[0] if len(like) == 1 else name


def ancestors(ids: Iterable[str], graph: Mapping[str, Revision]) -> frozenset[str]:
    """These revisions and all that has to run before them."""
    seen: set[str] = set()
    todo = list(ids)
    while todo:
        ident = todo.pop()
        if ident not in seen and ident in graph:
            seen.add(ident)
            todo += [resolved(name, graph) for name in graph[ident].below]
    return frozenset(seen)


def heads(found: Iterable[Revision], graph: Mapping[str, Revision]) -> dict[str, list[Revision]]:
    """The revisions that no other one of the same home stands on; of a squash and what it replaces only the squash."""
    every = list(found)
    replaced = {name for r in every for name in r.replaces}
    edges = [(r.home, resolved(name, graph)) for r in every for name in r.below]
    same = {(home, name) for home, name in edges if name in graph and graph[name].home == home}
    out: dict[str, list[Revision]] = {}
    for one in every:
        below = (one.home, one.id) in same if one.runner == "django" else any(name == one.id for _, name in edges)
        if not below and one.id not in replaced:
            out.setdefault(one.home, []).append(one)
    return out


def in_order(found: Iterable[Revision]) -> list[Revision]:
    """Revisions with what has to run before each of them before it."""
    graph = {r.id: r for r in found}
    out: dict[str, Revision] = {}
    for start in graph:
        stack = [(start, False)]
        seen: set[str] = set()
        while stack:
            ident, ready = stack.pop()
            if ready:
                out.setdefault(ident, graph[ident])
            elif ident in graph and ident not in out and ident not in seen:
                seen.add(ident)
                stack.append((ident, True))
                stack += [(resolved(b, graph), False) for b in reversed(graph[ident].below)]
    return list(out.values())


def unprinted(found: Iterable[Revision]) -> list[Migration]:
    """Migrations whose SQL nobody printed: they take their place, and what they do is not known."""
    out = []
    for one in in_order(found):
        why = f"{one.source.path} is Python: what SQL it sends is not known"
        slot = re.match(r"(\w+\.\d+)_?(.*)", one.id) if one.runner == "django" else None
        script = Script(one.source, (Span(0, 0),), Transaction.FILE)
        out.append(
            Migration(one.id, slot.group(1) if slot else one.id, slot.group(2) if slot else "", script, opaque=why)
        )
    return out


def why_refused(found: Iterable[Revision], command: str = "") -> list[tuple[tuple[Revision, ...], str]]:
    """What these files' runner refuses before it runs anything: the files at fault, and its reason."""
    every = list(found)
    graph = {r.id: r for r in every}
    out: list[tuple[tuple[Revision, ...], str]] = []
    for home, tops in heads(every, graph).items():
        unknown = any(not r.known for r in every if r.home == home)
        apart = tops[0].runner == "alembic" and (re.search(r"\bheads\b", command) or any(t.labelled for t in tops))
        if len(tops) > 1 and not unknown and not apart:
            out.append((tuple(tops), _HEADS[tops[0].runner]))
    for one in every:
        for name in one.below:
            if _is_gone(one, name, graph):
                does = f"{one.id} stands on {name}, which no file has: {one.runner} refuses to run"
                out.append(((one,), does))
    return out


_HEADS = {
    "django": "migrate refuses to run (Conflicting migrations detected; multiple leaf nodes)",
    "alembic": "upgrade head refuses to run (Multiple head revisions are present)",
}


def _is_gone(one: Revision, name: str, graph: Mapping[str, Revision]) -> bool:
    """Whether a revision stands on one that should lie here and does not: of the same app, or in the same folder."""
    if resolved(name, graph) in graph or name.endswith(("__first__", "__latest__")):
        return False
    if one.runner == "django":
        replaced = {n for r in graph.values() for n in r.replaces}
        return name.partition(".")[0] == one.home and name not in replaced
    return "@" not in name and len({r.home for r in graph.values() if r.runner == "alembic"}) == 1
