"""The index of rules, and the front matter that it is made from."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from lockgate.base.errors import UsageError
from lockgate.base.findings import Severity
from lockgate.rules import registry, rulebook
from lockgate.rules.model import RuleTrigger, Scene, on_failure, on_scene, triggers_of
from lockgate.rules.plugins import OURS

TOOL = runpy.run_path("tools/generate_rules.py")


def test_the_index_is_fresh() -> None:
    """What a run believes of the rules before it imports them is what their documents and decorators say."""
    assert Path("src/lockgate/rules/index.py").read_text() == TOOL["text"](), "run python tools/generate_rules.py"


def test_every_document_has_a_module_and_every_module_speaks() -> None:
    assert set(TOOL["modules"]()) == set(rulebook.names()) == {e.name for e in registry.entries()}
    assert not [e.name for e in registry.entries() if not e.triggers]
    assert not [e.name for e in registry.entries() if e.front.family != rulebook.rule(e.name).front.family]


def test_a_family_has_a_letter_of_its_own() -> None:
    """A plug-in's code must not begin like one of ours (see rules/plugins.py)."""
    letters = {(e.front.family, e.front.code[0]) for e in registry.entries()}
    assert len(letters) == len({family for family, _ in letters}) == len({letter for _, letter in letters})


def test_a_decorator_may_stand_on_several_lines() -> None:
    @on_failure(
        "42703",
        "42P01",
    )
    @on_scene(
        "made",
        "dropped",
    )
    def check() -> None: ...

    assert [t.key for t in triggers_of(check)] == ["scene dropped+made", "failure 42703", "failure 42P01"]
    assert triggers_of(check)[0] == RuleTrigger("scene", ("made", "dropped"))


FRONT = 'code = "T1"\nseverity = "error"\nfamily = "timeline"\n'


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (FRONT + "predicts = true", ':5: unknown key: "predicts"'),
        (FRONT + 'sqlstat = "42703"', 'did you mean "sqlstate"'),
        (FRONT + 'sqlstate = "4270"', ":5: sqlstate is wrong"),
        (FRONT + "sqlstate = []", ":5: sqlstate is wrong"),
        (FRONT + 'locks = ["ACCESS EXCLUSIVE"]', "AccessExclusiveLock"),
        (FRONT + 'work = ["none"]', "scan, build, rewrite"),
        (FRONT + "work = [1]", ":5: work is wrong"),
        (FRONT + 'default = "no"', "true or false"),
        (FRONT + 'work = "scan"\nsqlstate = "42703"', "sqlstate stands beside locks or work"),
        (FRONT.replace('"error"', '"fatal"'), ":3: severity is wrong"),
        (FRONT.replace('"T1"', '"t1"'), ":2: code is wrong"),
        (FRONT.replace("family", "famly"), 'did you mean "family"'),
        ('code = "T1"\nseverity = "error"', "lacks family"),
        ("code = ", "front matter:"),
    ],
)
def test_front_matter_is_checked(front: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        rulebook.read("x", f"+++\n{front}\n+++\n\n# X\n", "lint/x.md")
    assert "lint/x.md" in str(refused.value) and words in str(refused.value)


def test_a_document_without_front_matter_is_refused() -> None:
    with pytest.raises(UsageError, match=r"lint/x.md:1: no front matter"):
        rulebook.read("x", "# X\n", "lint/x.md")


def test_front_matter_is_typed() -> None:
    rule = rulebook.read("x", f'+++\n{FRONT}locks = "ShareLock"\nwork = ["build", "scan"]\n+++\n\n# X y\n', "x.md")
    assert (rule.title, rule.severity, rule.front.locks) == ("X y", Severity.ERROR, ("ShareLock",))
    assert rule.front.work == ("build", "scan") and rule.front.default


def test_rules_are_asked_for_by_name_code_family_or_prefix() -> None:
    entry = registry.ours()["dropped-column-reference"]
    assert all(map(entry.answers_to, ("dropped-column-reference", "T201", "T", "T2", "timeline")))
    assert not any(map(entry.answers_to, ("t201", "T202", "dropped", "", "S", "time")))


def test_the_page_on_rules_names_every_key_and_every_decorator() -> None:
    page = Path("docs/rules.md").read_text()
    assert not [key for key in rulebook.FrontMatter.__match_args__ if f"| `{key}` |" not in page]
    assert not [name for name in ("on_scene", "on_effect", "on_failure", "on_fact") if f"`@{name}" not in page]
    assert not [name for name in Scene.__match_args__ if f"`{name}`" not in page]
    assert not [
        letter for letter in OURS if letter not in page.partition("The letters ")[2].partition(" are Lockgate")[0]
    ]


def test_the_engine_knows_no_rule_by_name() -> None:
    """What makes a rule special stands in its document's front matter."""
    names = set(rulebook.names())
    found = []
    for path in Path("src/lockgate").rglob("*.py"):
        if path.parent.parent.name != "rules" and path.name != "index.py":
            found += [
                (path.name, word) for word in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', path.read_text()) if word in names
            ]
    assert not found
