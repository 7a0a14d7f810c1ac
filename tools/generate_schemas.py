"""Write src/lockgate/schema/*.json from the types in ``lockgate.report.shapes`` and ``tables``, and from the settings
their schema and docs/configuration.md.

Run it after a document gained a key: ``python tools/generate_schemas.py``. tests/test_schemas.py holds the files to
what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from lockgate.cli import reference
from lockgate.report import shapes, tables

DOCUMENTS = shapes.DOCUMENTS | tables.DOCUMENTS
FOLDER = Path(__file__).parents[1] / "src/lockgate/schema"
PAGE = Path(__file__).parents[1] / "docs/configuration.md"


def text(name: str) -> str:
    """One schema as it should be."""
    (top,), parts = msgspec.json.schema_components([DOCUMENTS[name]], ref_template="#/$defs/{name}")
    whole = parts.pop(top["$ref"].rpartition("/")[2])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://lockgate.dev/schema/{name}.json",
        "title": whole.pop("description").rstrip("."),
    }
    whole.pop("title")
    return json.dumps({**head, **whole, "$defs": parts}, indent=1, ensure_ascii=False) + "\n"


def configuration() -> str:
    """The schema of lockgate.toml."""
    return json.dumps(reference.schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (FOLDER / "config-1.json").write_text(configuration(), encoding="utf-8")
    PAGE.write_text(reference.page(), encoding="utf-8")
    for each in DOCUMENTS:
        (FOLDER / f"{each}.json").write_text(text(each), encoding="utf-8")
