"""Reading tokens: what both halves of the parser stand on (pl_gram.y's read_sql_construct and friends)."""

from __future__ import annotations

from lockgate.parse.plpgsql.scan import BodySyntax, Token, scan
from lockgate.parse.plpgsql.tree import Fragment, VariableTarget

_RESERVED_WORDS = """all begin by case declare else end execute for foreach from if in into loop not null or strict then to using when while"""
RESERVED = frozenset(_RESERVED_WORDS.split())


class Reader:
    """A position in the tokens of a body."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = scan(text)
        self.at = 0

    @property
    def token(self) -> Token:
        """The token to be read."""
        return self.tokens[self.at]

    def peek(self, ahead: int = 1) -> Token:
        """A later token."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        """Read one token."""
        token = self.tokens[self.at]
        if token.kind:
            self.at += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Whether the token is one of these keywords."""
        token = self.tokens[self.at]
        return token.kind == "word" and token.value in words

    def is_sign(self, *signs: str) -> bool:
        """Whether the token is one of these signs."""
        token = self.tokens[self.at]
        return token.kind == "sign" and token.value in signs

    def take_word(self, *words: str) -> bool:
        """Read one of these keywords, if it is there."""
        if self.is_word(*words):
            self.at += 1
            return True
        return False

    def take_sign(self, *signs: str) -> bool:
        """Read one of these signs, if it is there."""
        if self.is_sign(*signs):
            self.at += 1
            return True
        return False

    def need_word(self, *words: str) -> Token:
        """Read one of these keywords; a syntax error without."""
        if not self.is_word(*words):
            raise self.error()
        return self.next()

    def need_sign(self, *signs: str) -> Token:
        """Read one of these signs; a syntax error without."""
        if not self.is_sign(*signs):
            raise self.error()
        return self.next()

    def error(self, message: str = "syntax error", token: Token | None = None) -> BodySyntax:
        """plpgsql_yyerror: at or near a token."""
        token = token or self.token
        shown = self.text[token.start : token.end]
        where = f'{message} at or near "{shown}"' if token.kind else f"{message} at end of input"
        return BodySyntax(where, token.start, "42601", shown)

    # --- names --------------------------------------------------------------------------------------------------------

    def is_name(self) -> bool:
        """Whether the token can name a variable: an unreserved word or a quoted name."""
        token = self.token
        return token.kind == "quoted" or (token.kind == "word" and token.value not in RESERVED)

    def name(self) -> Token:
        """Read the name of a variable."""
        if not self.is_name():
            raise self.error()
        return self.next()

    def any_name(self) -> Token:
        """Read any identifier (any_identifier, T_WORD and unreserved keywords)."""
        if self.token.kind not in ("word", "quoted"):
            raise self.error()
        return self.next()

    def target(self, *, subscripts: bool = False) -> VariableTarget:
        """Read a variable with its fields (and, for an assignment, subscripts)."""
        if self.token.kind == "param":
            token = self.next()
            parts, start, end = [token.value], token.start, token.end
        else:
            token = self.name()
            parts, start, end = [token.value], token.start, token.end
        found: list[Fragment] = []
        while True:
            if self.is_sign(".") and self.peek().kind in ("word", "quoted"):
                self.at += 1
                token = self.next()
                if not found:
                    parts.append(token.value)
            elif subscripts and self.is_sign("["):
                self.at += 1
                found.append(self.sql("]", subscript=True))
                token = self.need_sign("]")
            else:
                return VariableTarget(tuple(parts), start, end if not found else token.end, tuple(found))
            end = token.end

    # --- SQL ----------------------------------------------------------------------------------------------------------

    def sql(self, *until: str, mode: str = "expression", expected: str = "", subscript: bool = False) -> Fragment:
        """The text up to (not including) a terminator outside parentheses; words and signs end it alike
        (read_sql_construct)."""
        first = self.token
        depth, last = 0, first.start
        tokens, at = self.tokens, self.at
        while True:
            token = tokens[at]
            kind, value = token.kind, token.value
            if depth == 0 and kind in ("word", "sign") and value in until:
                break
            if not kind or (kind == "sign" and value == ";"):
                self.at = at
                raise self._unfinished(depth, expected or until[-1], mode, token)
            if kind == "sign":
                if value in "([":
                    depth += 1
                elif value in ")]":
                    depth -= 1
                    if depth < 0:
                        self.at = at
                        raise self.error("mismatched parentheses", token)
            last = token.end
            at += 1
        if at == self.at and not subscript:
            raise self.error("missing expression" if mode == "expression" else "missing SQL statement")
        self.at = at
        return Fragment(self.text[first.start : last], first.start, mode)

    def _unfinished(self, depth: int, expected: str, mode: str, token: Token) -> BodySyntax:
        if depth:
            return self.error("mismatched parentheses", token)
        what = "expression" if mode == "expression" else "statement"
        return BodySyntax(f'missing "{expected.upper()}" at end of SQL {what}', token.start)
