"""Write src/lockgate/schema/*.json from the types in ``lockgate.report.shapes`` and ``tables``.

Run it after a document gained a key: ``python tools/generate_schemas.py``. tests/test_schemas.py holds the files to
what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from lockgate.report import shapes, tables

DOCUMENTS = shapes.DOCUMENTS | tables.DOCUMENTS
FOLDER = Path(__file__).parents[1] / "src/lockgate/schema"


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


if __name__ == "__main__":
    for each in DOCUMENTS:
        (FOLDER / f"{each}.json").write_text(text(each), encoding="utf-8")
