"""PostgreSQL's own grammar (pglast): the only importer of it."""

from lockgate.parse.routine import parse_expression
from lockgate.parse.script import parse_script, parse_text, read_script
from lockgate.parse.statement import Node, Origin, Statement, SyntaxFailure

__all__ = [
    "Node",
    "Origin",
    "Statement",
    "SyntaxFailure",
    "parse_expression",
    "parse_script",
    "parse_text",
    "read_script",
]
