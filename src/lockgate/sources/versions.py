"""One folder for each version: which of its files run, and in which order."""

from __future__ import annotations

import re

from lockgate.sources.assembly import LayoutFolder
from lockgate.sources.folder import Named, read
from lockgate.sources.naming import BY_NAME, position


def by_manifest(taken: list[Named], place: LayoutFolder) -> list[Named]:
    """Versions in order; within one its manifest.json says which files run (temporal's ``SchemaUpdateCqlFiles``)."""
    ranks: dict[str, dict[str, int]] = {}
    for relative in place.files:
        folder, _, name = relative.rpartition("/")
        if name == "manifest.json":
            listed = re.search(
                r"\"SchemaUpdate\w*Files\"\s*:\s*\[([^\]]*)\]",
                read(f"{place.root}/{relative}", place.cwd, place.root).text,
            )
            if listed is not None:
                ranks[folder] = {n: rank for rank, n in enumerate(re.findall(r"\"([^\"]+)\"", listed.group(1)))}

    def at(item: Named) -> tuple[object, ...]:
        folder, _, name = item.relative.rpartition("/")
        phase, number, within, _ = position(BY_NAME["versions"], item)
        return (phase, number, ranks.get(folder, {}).get(name, 0), within)

    kept = [
        i
        for i in taken
        if i.relative.rpartition("/")[2] in ranks.get(i.relative.rpartition("/")[0], (i.relative.rpartition("/")[2],))
    ]
    return sorted(kept, key=at)
