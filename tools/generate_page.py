"""Write the TypeScript types of the page's data, src/lockgate/report/page/types.d.ts, from the document's own types.

Run it after ``lockgate.walk.document`` changed: ``python tools/generate_page.py``. tests/test_page_types.py holds the file
to what this makes, and has TypeScript check the page's scripts by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from lockgate.report.page import Page

FILE = Path(__file__).parents[1] / "src/lockgate/report/page/types.d.ts"
_TAKEN = {"Location": "Location_"}  # names of the browser's own
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def text() -> str:
    """The types as they should be."""
    _, parts = msgspec.json.schema_components([Page], ref_template="{name}")
    out = ["// Made by tools/generate_page.py from lockgate.walk.document and lockgate.report.shapes."]
    for name, schema in sorted(parts.items()):
        if "enum" in schema:
            out.append(f"type {name} = {_type(schema)};")
            continue
        required = set(schema.get("required", ()))
        fields = [
            f"  {key}{'' if key in required else '?'}: {_type(value)};" for key, value in schema["properties"].items()
        ]
        out.append(f"interface {_TAKEN.get(name, name)} {{\n" + "\n".join(fields) + "\n}")
    return "\n".join(out) + "\n"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _TAKEN.get(schema["$ref"], str(schema["$ref"]))
    if "enum" in schema:
        return " | ".join("null" if value is None else f'"{value}"' for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"])
    if "prefixItems" in schema:
        return f"[{', '.join(_type(each) for each in schema['prefixItems'])}]"
    if schema.get("type") == "array":
        inside = _type(schema["items"])
        return f"({inside})[]" if " | " in inside else f"{inside}[]"
    return _PLAIN.get(schema.get("type", ""), "unknown")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
