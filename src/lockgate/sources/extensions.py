"""Extensions that a folder uses and nobody in it makes: an administrator did, for most take a superuser.

They are told by names that nothing else has. A folder that creates the extension anywhere, or a function or type of
that name, is taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# what only the extension brings, in small letters: functions with their parenthesis, types, operator classes; first,
# what such a name has in it
_BRINGS = {
    "citext": ("citext", r"\bcitext\b"),
    "earthdistance": ("ll_to_earth", r"\bll_to_earth\s*\("),
    "fuzzystrmatch": ("levenshtein metaphone daitch", r"\b(?:levenshtein|dmetaphone|daitch_mokotoff)\s*\("),
    "hstore": ("hstore", r"\bhstore\b"),
    "intarray": ("__int", r"\bgi(?:n|st)__int(?:big)?_ops\b"),
    "ltree": ("ltree lquery ltxtquery", r"\bl(?:tree|query|txtquery)\b"),
    "pg_trgm": ("_trgm_ops similarity", r"\bgi(?:n|st)_trgm_ops\b|\b(?:strict_)?(?:word_)?similarity\s*\("),
    "pgcrypto": (
        "gen_salt gen_random_bytes pgp_",
        r"\b(?:gen_salt|gen_random_bytes|pgp_(?:sym|pub)_(?:en|de)crypt)\s*\(",
    ),
    "postgis": (
        "geometry geography st_geom st_as st_make st_point st_setsrid st_transform st_within st_dwithin st_distance",
        r"\bst_(?:geom\w*|as\w+|make\w+|point|setsrid|transform|d?within|distance)\s*\("
        r"|\bgeo(?:metry|graphy)\s*\(\s*(?:point|linestring|polygon|multi\w+|geometry\w*)\b",
    ),
    "tablefunc": ("crosstab", r"\bcrosstab\w*\s*\("),
    "timescaledb": ("create_hypertable time_bucket", r"\b(?:create_hypertable|time_bucket)\s*\("),
    "unaccent": ("unaccent", r"\bunaccent\s*\("),
    "uuid-ossp": ("uuid_generate_v", r"\buuid_generate_v(?:1|1mc|3|4|5)\s*\("),
    "vector": (
        " vector( halfvec( vector_cosine_ops vector_l2_ops vector_ip_ops",
        r"\b(?:vector|halfvec)\s*\(\s*\d+\s*\)|\bvector_(?:cosine|l2|ip)_ops\b",
    ),
}
_FIRST = {"earthdistance": "cube"}


def assumed(texts: Iterable[str]) -> tuple[str, ...]:
    """The extensions that must be there before the first of these scripts, in an order in which they can be made."""
    every = "\n;\n".join(texts).lower()
    used = [
        name
        for name, (parts, brings) in _BRINGS.items()
        if any(part in every for part in parts.split()) and re.search(brings, every) and not _made(every, name, brings)
    ]
    return tuple(
        dict.fromkeys(
            one for name in used for one in (_FIRST.get(name, name), name) if one == name or not _created(every, one)
        )
    )


def _made(every: str, name: str, brings: str) -> bool:
    own = rf"\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure|aggregate|type|domain|operator\s+class)\s+(?:if\s+not\s+exists\s+)?(?:\"?\w+\"?\.)?\"?(?:{brings})"
    return _created(every, name) or re.search(own, every) is not None


def _created(every: str, name: str) -> bool:
    return re.search(rf"\bextension\b[^;]{{0,300}}\b{re.escape(name)}\b", every) is not None
