"""The schema and the queries of ``binder_queries.sql``."""

from __future__ import annotations

import re
from pathlib import Path

_PARTS = re.split(
    r"^-- (schema|queries|\d+)\n", Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), flags=re.MULTILINE
)
_NAMED = dict(zip(_PARTS[1::2], _PARTS[2::2], strict=True))
SCHEMA = _NAMED["schema"]
QUERIES = _NAMED["queries"]
NEWER = {int(name): text for name, text in _NAMED.items() if name.isdigit()}  # for a major and later
