"""What is said: names that steer a terminal (siege.md, K9), and outputs that take nothing (K10)."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lockgate.base.text import Source, clean, clean_text, clean_xml, to_json, unheard
from lockgate.surface.nodes import BadYaml, parse

LOCKGATE = [sys.executable, "-m", "lockgate"]
# ESC, CSI of C1, OSC title, BEL, bidi embeddings, isolates, marks, the Arabic letter mark, line and paragraph separators, tags
STEERING = "\x1b[2J\x9b31m\x1b]0;owned\x07\x08\x7f\u202e\u202a\u2066\u2069\u200e\u200f\u061c\u2028\u2029\U000e0041"
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
PAINT = re.compile("\x1b\\[[0-9;]*m")


def run(cwd: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOCKGATE, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        errors="surrogateescape",
        env=os.environ | {"LOCKGATE_CACHE": "off"} | env,
        check=False,
    )


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Names of files, tables, columns, roles and slots, each of which would like to own the terminal."""
    word = STEERING.replace("\x08", "")
    (tmp_path / "migrations").mkdir()
    name = "0001_" + STEERING.replace("/", "")
    (tmp_path / "migrations" / f"{name}.up.sql").write_text(
        f'CREATE TABLE "{word}" ("c{word}" int);\nALTER TABLE "{word}" ADD "d{word}" text;\n'
        f'ALTER TABLE "{word}" DROP COLUMN "x{word}"; -- {word}\nGRANT SELECT ON "{word}" TO "r{word}";\n'
        f'CREATE FUNCTION "f{word}"() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM "n{word}"(); RETURN 1; END $$;\n'
    )
    (tmp_path / "migrations" / f"{name}.down.sql").write_text("SELECT 1;\n")
    (tmp_path / "migrations" / f"0001_x{STEERING}.up.sql").write_text("SELECT 1;\n")
    (tmp_path / "migrations" / "0003_\ufffe\uffff.up.sql").write_text(
        'CREATE TABLE "\ufffe" (x int);\nALTER TABLE "\ufffe" ADD x int;\n'
    )
    (tmp_path / "migrations" / "0004_\udcff.up.sql").write_text("CREATE TABLE q (x int);\nALTER TABLE q ADD x int;\n")
    return tmp_path


def bad(text: str) -> list[str]:
    return FORBIDDEN.findall(PAINT.sub("", text))


COMMANDS = (
    ("check", "--format", "terminal"),
    ("check", "--format", "annotations"),
    ("check", "--format", "json"),
    ("check", "--format", "sarif"),
    ("check", "--format", "gitlab"),
    ("check", "--format", "junit"),
    ("timeline",),
    ("timeline", "--format", "json"),
    ("timeline", "--format", "html"),
    ("timeline", "--catalog"),
    ("slots",),
    ("slots", "--format", "json"),
    ("check", STEERING),
    ("check", "--config", STEERING),
    ("check", "--layout", STEERING),
    ("check", "--format", STEERING),
    ("check", f"--{STEERING}"),
    ("explain", STEERING),
    (STEERING,),
    ("timeline", "--at", STEERING),
    ("check", "--since", STEERING),
    ("new", STEERING),
    ("publish", "check", STEERING),
)


@pytest.mark.parametrize("words", COMMANDS, ids=ascii)
def test_no_command_says_what_steers_a_terminal(hostile: Path, words: tuple[str, ...]) -> None:
    done = run(hostile, *words, FORCE_COLOR="1")
    assert done.returncode in (0, 1, 2, 3) and "internal error" not in done.stderr, done.stderr
    assert not bad(done.stdout) and not bad(done.stderr)
    assert done.stdout or done.stderr


def test_verify_says_nothing_that_steers(hostile: Path) -> None:
    for name in ("0001_x", "0004_"):
        for path in (hostile / "migrations").glob(f"{name}*"):
            path.unlink()
    done = run(hostile, "verify", "--no-bodies")
    assert done.returncode == 1, done.stderr
    assert not bad(done.stdout) and not bad(done.stderr) and "confirmed" in done.stdout


def test_machine_formats_are_valid_and_mean_the_same(hostile: Path) -> None:
    found = json.loads(run(hostile, "check", "--format", "json").stdout)
    paths = {f["location"]["path"] for f in found["findings"]}
    assert any("\u202e" in path for path in paths), "JSON keeps the name itself, escaped"
    assert any("\udcff" in path for path in paths)
    json.loads(run(hostile, "check", "--format", "sarif").stdout)
    json.loads(run(hostile, "check", "--format", "gitlab").stdout)
    suite = ET.fromstring(run(hostile, "check", "--format", "junit").stdout)
    assert int(suite.get("failures", "0")) >= 2
    for form in ("json", "sarif", "junit", "terminal"):  # to a file, too: names that are not UTF-8 can be written
        assert run(hostile, "check", "--format", form, "--output", f"out.{form}").returncode == 1
    ET.parse(hostile / "out.junit")
    json.loads((hostile / "out.json").read_text())


def test_a_comment_cannot_turn_its_text_round() -> None:
    from lockgate.deploy import comment

    finding = {
        "rule": "T1",
        "severity": "error",
        "message": STEERING,
        "location": {"path": STEERING, "start": {"line": 1}},
    }
    report = {"findings": [finding | {"help": STEERING}], "summary": {"error": 1}}
    assert not bad(comment.markdown(report, "check", "")) and not any(map(bad, comment.lines(report)))


def test_a_progress_bar_shows_clean_names(hostile: Path) -> None:
    from lockgate.cli.progress import _Bar

    bar = _Bar("checking")
    bar.advance(1, 2, STEERING)
    assert not bad(bar._state["what"])


def test_the_cleaning_itself() -> None:
    assert not bad(clean(STEERING + "\n")) and "\n" not in clean("a\nb") and clean("a\tb é 漢 🙂") == "a\tb é 漢 🙂"
    assert clean_text("a\nb\rc") == "a\nb\N{REPLACEMENT CHARACTER}c"
    every = "".join(chr(c) for c in range(0x11000) if not 0xD801 <= c <= 0xDFFF) + "\U000e0001"
    assert json.loads(to_json({every: [every]})) == {every: [every]}
    to_json(every).encode("utf-8")
    ET.fromstring(f"<a>{clean_xml(every).replace('&', '').replace('<', '')}</a>")


# --- outputs that take nothing -------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_a.sql").write_text("CREATE TABLE t (x int);\n")
    return tmp_path


def shell(cwd: Path, line: str, **env: str) -> tuple[int, str]:
    """The exit code of the first command of a pipe, and what stands on standard error."""
    line = line.replace("LOCKGATE", " ".join(LOCKGATE))
    done = subprocess.run(
        ["bash", "-c", f"{line}\nexit ${{PIPESTATUS[0]}}"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | env,
        check=False,
    )
    return done.returncode, done.stderr


EVERY = (
    "check",
    "check --no-cache",
    "check --format json",
    "timeline",
    "slots",
    "rules",
    "explain T201",
    "--help",
    "verify",
)


@pytest.mark.parametrize("words", EVERY)
@pytest.mark.parametrize("where", ["> /dev/full", ">&-", ">&- <&-", "| true"])
def test_an_output_that_takes_nothing_is_one_line_and_3(tree: Path, words: str, where: str) -> None:
    for _ in range(2):  # the second run repeats what the first has kept
        code, said = shell(tree, f"LOCKGATE {words} {where}")
        assert code == 3 and said.startswith("lockgate: standard output: ") and said.count("\n") == 1, (code, said)


@pytest.mark.parametrize("where", [">&- 2>&-", "> /dev/full 2> /dev/full", ">&- 2>&- <&-", "> /dev/full 2>&-"])
def test_nobody_hears_it(tree: Path, where: str) -> None:
    for words in ("check", "verify", "rules"):
        assert shell(tree, f"LOCKGATE {words} {where}") == (3, "")
    for words, code in (("check nowhere", 2), ("check --nonsense", 2), ("nonsense", 2)):
        assert shell(tree, f"LOCKGATE {words} {where}")[0] == code


def test_a_file_is_enough(tree: Path) -> None:
    for words in ("check", "verify"):
        assert shell(tree, f"LOCKGATE {words} --output x.txt >&- 2>&- <&-") == (0, "")
        assert "1 migrations" in (tree / "x.txt").read_text()
    assert shell(tree, "LOCKGATE check --output /dev/full") == (
        3,
        "lockgate: /dev/full: No space left on device\n  give --output a writable path\n",
    )


@pytest.mark.parametrize("words", ["check", "verify", "timeline", "slots", "init", "new x", "check --format json"])
def test_a_working_folder_that_is_gone(tree: Path, words: str) -> None:
    code, said = shell(tree, f"mkdir gone; cd gone; rmdir ../gone; LOCKGATE {words}")
    assert code == 3 and said == "lockgate: the working folder: No such file or directory\n", said


@pytest.mark.parametrize(
    "env",
    [{"HOME": "/nonexistent"}, {"TMPDIR": "/nonexistent"}, {"HOME": "", "XDG_CACHE_HOME": ""}, {"HOME": "/proc/1"}],
)
def test_no_home_and_no_temporary_folder(tree: Path, env: dict[str, str]) -> None:
    assert shell(tree, "LOCKGATE check", **env) == (0, "")
    assert shell(tree, "unset HOME; LOCKGATE check", **env) == (0, "")


def test_a_terminal_that_hangs_up(tree: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*LOCKGATE, "rules"], cwd=tree, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True
    )
    os.close(theirs)
    os.close(ours)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (3, -1) and "Traceback" not in said, said


def test_what_proves_nothing_says_why(tree: Path) -> None:
    (tree / "migrations" / "0002_b.sql").write_text(
        "ALTER TABLE nope ADD y int;\nCREATE VIEW v AS SELECT y FROM nope;\nCREATE VIEW w AS SELECT * FROM v;\n"
    )
    done = run(tree, "verify", "--format", "json")
    server = json.loads(done.stdout)["server"]
    note = next(n for n in server["notes"] if "prove nothing" in n)
    assert server["unproven"] and all(one["reason"] and one["line"] and one["path"] for one in server["unproven"])
    assert server["unproven"][0]["reason"] in note
    assert server["unproven"][0]["reason"] in run(tree, "verify").stdout


def test_no_line_is_a_command_of_the_runners(tmp_path: Path) -> None:
    """GitHub's and Gitea's runners obey lines of a step's log that begin with ``::``, and ``##[``."""
    assert unheard("::error::x\n  ::add-mask::y\na ::b::\nx##[group]y\n") == (
        "| ::error::x\n  | ::add-mask::y\na ::b::\nx## [group]y\n"
    )
    name = "::error file=a::forged"
    (tmp_path / f"{name}.sql").write_text(
        'SELECT nope;\nSELECT 1 AS "\n::stop-commands::x\n##[add-mask]y" FROM nope;\n'
    )
    (tmp_path / "lockgate.toml").write_text('[migrations]\npaths = ["."]\n')
    for words in (
        ("check", f"{name}.sql"),
        ("timeline",),
        ("slots",),
        ("check", "::error::none"),
        ("explain", "::warning::x"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "lockgate", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        told = done.stdout + done.stderr
        assert not re.search(r"^\s*::[a-z]|##\[", told, re.MULTILINE), told
        assert done.returncode in (0, 1, 2, 3) and "Traceback" not in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 200_000, "nested more than 200 deep"),
        ("a: {" * 60_000, "nested more than 200 deep"),
        ("- " * 100_000, "nested more than 200 deep"),
        ("? " * 100_000, "nested more than 200 deep"),
        ("a: 'x'\n" * 100_000, "longer than 256 KB"),
    ],
)
def test_a_yaml_bomb_is_told_at_once(text: str, words: str) -> None:
    with pytest.raises(BadYaml, match=words):
        parse(Source("compose.yaml", text))
