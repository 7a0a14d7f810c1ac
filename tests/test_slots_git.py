"""Slots across branches, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lockgate.base.findings import Severity
from tests.slots_kit import Repo, names, said, table_of

ON_BRANCH, ON_BASE, TWICE = "slot-taken-on-branch", "slot-taken-on-base", "duplicate-slot"


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("GITHUB_", "GIT_", "CI"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "r")
    repo.commit("0001_a.up.sql", "0002_b.up.sql")
    return repo


def test_a_branch_that_is_not_merged_claims_the_slot(repo: Repo) -> None:
    repo.branch("feature", "0003_theirs.up.sql")
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    (found,) = repo.said()
    assert (found.name, found.slot, found.severity.value) == (ON_BRANCH, "0003", "warning")
    assert "0003_theirs on feature" in found.message and "0004" in found.help
    assert found.related[0].source.path == "m/0003_theirs.up.sql"


def test_the_base_took_the_slot_since(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    repo.git("checkout", "-q", "main")
    repo.commit("0003_theirs.up.sql")
    repo.git("checkout", "-q", "mine")
    (found,) = repo.said()
    assert (found.name, found.severity.value) == (ON_BASE, "error")
    assert "0003_theirs" in found.message and "move 0003_mine" in found.help


def test_after_the_merge_the_later_one_moves(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_aaa.up.sql")
    repo.git("checkout", "-q", "main")
    repo.commit("0003_zzz.up.sql")
    repo.git("merge", "-q", "--no-edit", "mine")
    (found,) = repo.said()
    assert found.name == TWICE
    assert "move 0003_aaa (it was merged last)" in found.help, "0003_zzz was on main first, whatever the alphabet says"


def test_what_is_applied_stays(repo: Repo) -> None:
    repo.commit("0003_first.up.sql")
    repo.commit("0003_second.up.sql")
    found = repo.said(ledger=[{"version": v, "name": n} for v, n in ((1, "a"), (2, "b"), (3, "second"))])
    (twice,) = [f for f in found if f.name == TWICE]
    assert (
        "move 0003_first (no environment has applied it)" in twice.help
        and "the ledger has it as second" in twice.message
    )


def test_a_renumbered_file_is_no_conflict_with_old_branches(repo: Repo) -> None:
    """main had 0003_x, moved it to 0004: branches from before still have the old name."""
    repo.commit("0003_x.up.sql")
    repo.branch("old", "0009_other.up.sql")
    repo.git("mv", "m/0003_x.up.sql", "m/0004_x.up.sql")
    repo.commit("0003_new.up.sql")
    assert repo.said() == []


def test_our_own_file_that_the_base_renumbered_is_no_conflict(repo: Repo) -> None:
    repo.commit("0003_x.up.sql")
    repo.git("branch", "mine")
    repo.git("mv", "m/0003_x.up.sql", "m/0004_x.up.sql")
    repo.commit("0003_new.up.sql")
    repo.git("checkout", "-q", "mine")
    assert ON_BASE not in names(repo.said())


def test_a_squashed_branch_is_merged_in_effect(repo: Repo) -> None:
    repo.branch("feature", "0003_x.up.sql")
    repo.git("merge", "-q", "--squash", "feature")
    repo.git("commit", "-q", "-m", "squashed")
    assert repo.said() == []


def test_a_merged_branch_is_quiet(repo: Repo) -> None:
    repo.branch("feature", "0003_x.up.sql")
    repo.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    assert repo.said() == [] and table_of(repo.path).branches == ()


def test_a_rebased_branch_and_its_stale_remote(repo: Repo, tmp_path: Path) -> None:
    """The remote copy of one's own branch holds the old number until the push."""
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    repo.git("remote", "add", "origin", str(tmp_path / "bare"))
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    repo.git("push", "-q", "origin", "mine")
    repo.git("checkout", "-q", "main")
    repo.commit("0003_theirs.up.sql")
    repo.git("checkout", "-q", "mine")
    repo.git("rebase", "-q", "main")
    repo.git("mv", "m/0003_mine.up.sql", "m/0004_mine.up.sql")
    repo.git("commit", "-q", "-m", "moved")
    assert repo.said() == []


def test_a_remote_branch_counts_and_is_named_once(repo: Repo, tmp_path: Path) -> None:
    repo.git("clone", "-q", ".", str(tmp_path / "c"))
    repo.branch("feature", "0003_theirs.up.sql")
    clone = Repo.__new__(Repo)
    clone.path = tmp_path / "c"
    clone.git("fetch", "-q")
    clone.git("branch", "-q", "feature", "origin/feature")
    clone.git("checkout", "-q", "-b", "mine")
    clone.commit("0003_mine.up.sql")
    (found,) = clone.said("origin/main")
    assert found.name == ON_BRANCH and "feature" in found.message


def test_a_detached_head_and_a_worktree(repo: Repo, tmp_path: Path) -> None:
    repo.branch("feature", "0003_theirs.up.sql")
    repo.git("checkout", "-q", "--detach")
    repo.commit("0003_mine.up.sql")
    assert names(repo.said()) == [ON_BRANCH]
    repo.git("worktree", "add", "-q", str(tmp_path / "w"), "HEAD")
    assert names(said(tmp_path / "w")) == [ON_BRANCH]


def test_a_shallow_clone_says_what_it_cannot_see(repo: Repo, tmp_path: Path) -> None:
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    repo.git("checkout", "-q", "main")
    repo.commit("0003_theirs.up.sql")
    clone = tmp_path / "c"
    repo.git("clone", "-q", "--depth", "1", "--no-single-branch", "-b", "mine", repo.path.as_uri(), str(clone))
    found = said(clone, base="origin/main")
    assert names(found) == ["branches-not-compared", ON_BASE]
    assert "shallow" in next(f for f in found if f.name == "branches-not-compared").message


SHALLOW = {
    "depth 1 of the branch": ("git clone -q --depth 1 --branch mine {url} {to}", {}),
    "actions/checkout": (
        "git init -q {to} && cd {to} && git remote add origin {url}"
        " && git fetch -q --depth 1 origin +refs/pull/1/merge:refs/remotes/pull/1/merge && git checkout -q refs/remotes/pull/1/merge",
        {"GITHUB_BASE_REF": "main", "CI": "true"},
    ),
    "GitLab": (
        "git clone -q --depth 1 --single-branch --branch mine {url} {to} && cd {to} && git checkout -q --detach",
        {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI": "true"},
    ),
}


@pytest.mark.parametrize("kind", SHALLOW)
def test_a_clone_of_ci_says_the_command_that_mends_it(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    repo.git("update-ref", "refs/pull/1/merge", "HEAD")
    repo.git("checkout", "-q", "main")
    repo.commit("0003_theirs.up.sql")
    command, environment = SHALLOW[kind]
    for name in ("CI", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clone = tmp_path / "c"
    subprocess.run(command.format(url=repo.path.as_uri(), to=clone), shell=True, check=True, capture_output=True)
    (found,) = said(clone, base="origin/main")
    assert (found.name, found.severity) == ("branches-not-compared", Severity.WARNING)
    mended = found.help.partition(", or name it")[0]
    assert "--unshallow" in mended
    subprocess.run(mended, shell=True, check=True, cwd=clone, capture_output=True)
    assert names(said(clone, base="origin/main")) == [ON_BASE]


def test_a_checkout_whose_git_directory_lies_elsewhere(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI: a bare repository and a work tree next to it, joined by the environment."""
    repo.branch("feature", "0003_theirs.up.sql")
    repo.commit("0003_mine.up.sql")
    bare, tree = tmp_path / "bare.git", tmp_path / "tree"
    tree.mkdir()
    repo.git("clone", "-q", "--bare", str(repo.path), str(bare))
    repo.git("--git-dir", str(bare), "--work-tree", str(tree), "checkout", "-q", "-f", "main")
    assert said(tree) == [], "no repository here, no branches to compare"
    monkeypatch.setenv("GIT_DIR", str(bare))
    monkeypatch.setenv("GIT_WORK_TREE", str(tree))
    assert names(said(tree)) == [ON_BRANCH]


def test_a_missing_base_is_said(repo: Repo) -> None:
    (found,) = repo.said("origin/develop")
    assert found.name == "branches-not-compared" and "origin/develop" in found.message


def test_without_git_it_says_so(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = repo.said()
    assert found.name == "branches-not-compared" and "git is not installed" in found.message


def test_an_empty_repository_and_none(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "r")
    (repo.path / "m").mkdir()
    (repo.path / "m/0001_a.up.sql").write_text("SELECT 1;\n")
    assert repo.said() == []
    (tmp_path / "plain/m").mkdir(parents=True)
    (tmp_path / "plain/m/0001_a.up.sql").write_text("SELECT 1;\n")
    assert said(tmp_path / "plain") == []


def test_odd_file_names_survive(repo: Repo) -> None:
    repo.branch("feature", "0003_naïve name.up.sql", '0004_"q"\tt.up.sql')
    repo.commit("0003_mine.up.sql", "0004_mine.up.sql")
    assert [f.slot for f in repo.said()] == ["0003", "0004"]


def test_what_the_base_has_is_known_from_a_subfolder(repo: Repo) -> None:
    """git's plumbing looks only below the working directory unless told otherwise."""
    view = table_of(repo.path).git
    assert view is not None and view.base_files == {"0001_a.up.sql", "0002_b.up.sql"} and len(view.own) == 2


def test_one_of_ours_renumbered_on_a_branch_is_no_conflict(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "feature")
    repo.commit("0003_x.up.sql", text="SELECT 1;\n")
    repo.git("checkout", "-q", "main")
    repo.commit("0004_x.up.sql", text="SELECT 1;\n")
    repo.commit("0003_new.up.sql")
    assert repo.said() == []


@pytest.mark.parametrize(("applied", "moves"), [("mine", "0003_theirs"), ("theirs", "0003_mine")])
def test_what_an_environment_has_applied_stays(repo: Repo, applied: str, moves: str) -> None:
    repo.branch("feature", "0003_theirs.up.sql")
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    rows = [{"version": v, "name": n} for v, n in ((1, "a"), (2, "b"), (3, applied))]
    (found,) = [f for f in repo.said(ledger=rows) if f.name == ON_BRANCH]
    assert f"{moves} has to move" in found.help and f"0003_{applied} is applied" in found.help
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "feature")
    repo.git("checkout", "-q", "mine")
    (found,) = [f for f in repo.said(ledger=rows) if f.name == ON_BASE]
    assert f"move {moves}" in found.help


def test_a_base_that_moved_is_seen_at_the_next_run(repo: Repo) -> None:
    """Green at the pull request, red at the deploy: also where the base was rewritten."""
    repo.commit()
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    assert repo.said() == []
    repo.git("checkout", "-q", "main")
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "rewritten")
    repo.commit("0003_theirs.up.sql")
    repo.git("checkout", "-q", "mine")
    assert names(repo.said()) == [ON_BASE]


def test_a_deleted_branch_is_forgotten_with_its_last_name(repo: Repo, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    repo.git("remote", "add", "origin", str(tmp_path / "bare"))
    repo.branch("feature", "0003_theirs.up.sql")
    repo.git("push", "-q", "origin", "feature")
    repo.commit("0003_mine.up.sql")
    repo.git("branch", "-q", "-D", "feature")
    assert names(repo.said()) == [ON_BRANCH], "the remote-tracking branch is still there"
    repo.git("push", "-q", "origin", "--delete", "feature")
    repo.git("fetch", "-q", "--prune", "origin")
    assert repo.said() == []


def test_migrations_in_a_submodule_have_its_branches(repo: Repo, tmp_path: Path) -> None:
    repo.branch("feature", "0003_theirs.up.sql")
    outer = Repo(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.path), "db")
    outer.commit()
    inner = Repo.__new__(Repo)
    inner.path = outer.path / "db"
    inner.commit("0003_mine.up.sql")
    (found,) = said(outer.path, folder="db/m", base="origin/main")
    assert found.name == ON_BRANCH and found.at.source.path == "db/m/0003_mine.up.sql"


def test_in_the_middle_of_a_rebase(repo: Repo) -> None:
    """HEAD is detached, and the branch of that name still has the old number."""
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql", text="SELECT 1;\n")
    repo.git("checkout", "-q", "main")
    repo.commit("0003_mine.up.sql", text="SELECT 2;\n")
    repo.git("checkout", "-q", "mine")
    with pytest.raises(AssertionError):
        repo.git("rebase", "-q", "main")
    repo.git("checkout", "-q", "--ours", "m/0003_mine.up.sql")
    (repo.path / "m/0004_mine.up.sql").write_text("SELECT 1;\n")
    assert repo.said() == []
    repo.git("rebase", "--abort")


def test_a_pull_request_s_merge_commit(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Actions check out a merge of base and branch, detached: the branch's own remote copy is no other branch."""
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    repo.git("checkout", "-q", "main")
    repo.commit("0004_theirs.up.sql")
    clone = Repo.__new__(Repo)
    clone.path = tmp_path / "c"
    repo.git("clone", "-q", ".", str(clone.path))
    repo.git("checkout", "-q", "mine")
    repo.commit("0005_later.up.sql")
    clone.git("fetch", "-q")
    clone.git("checkout", "-q", "--detach", "origin/main")
    clone.git("merge", "-q", "--no-edit", "origin/mine~1")
    clone.git("mv", "m/0003_mine.up.sql", "m/0005_mine.up.sql")
    assert names(clone.said("origin/main")) == ["slot-gap", ON_BRANCH]
    monkeypatch.setenv("GITHUB_HEAD_REF", "mine")
    assert names(clone.said("origin/main")) == ["slot-gap"]


def test_names_that_differ_in_case_alone(repo: Repo) -> None:
    """On Windows and macOS a merge would leave one of the two; here both claim the slot."""
    repo.branch("feature", "0003_Users.up.sql")
    repo.commit("0003_users.up.sql")
    assert names(repo.said()) == [ON_BRANCH]
    repo.git("merge", "-q", "--no-edit", "feature")
    assert names(repo.said()) == ["case-collision", TWICE]


def test_a_branch_on_top_of_ours_claims_nothing_of_ours(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_mine.up.sql")
    repo.branch("stacked", "0004_next.up.sql", start="mine")
    assert repo.said() == []
    repo.commit("0004_other.up.sql")
    assert names(repo.said()) == [ON_BRANCH]


def test_a_clone_without_blobs_is_enough(repo: Repo, tmp_path: Path) -> None:
    """Names and hashes of trees tell: a partial clone fetches nothing for it."""
    repo.branch("feature", "0003_theirs.up.sql")
    repo.commit("0003_mine.up.sql")
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "c"
    repo.git("clone", "-q", "--filter=blob:none", repo.path.as_uri(), str(clone))
    repo.git("config", "uploadpack.allowFilter", "false")
    assert names(said(clone, base="origin/main")) == [ON_BRANCH]


def test_code_on_a_branch_claims_its_slot(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit("1_a.sql", text="-- +goose Up\nSELECT 1;\n-- +goose Down\n")
    repo.branch("feature", "2_b.go")
    repo.commit("2_mine.sql", text="-- +goose Up\nSELECT 2;\n-- +goose Down\n")
    (found,) = repo.said()
    assert found.name == ON_BRANCH and "2_b on feature" in found.message


def test_a_new_slot_below_what_golang_migrate_has_applied(repo: Repo) -> None:
    """Its ledger is one row: that a lower slot was never deployed is known from the base branch, which has not got
    it."""
    repo.commit("0005_e.up.sql")
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0003_late.up.sql", "0006_next.up.sql")
    found = [f for f in repo.said(ledger=[{"version": 5, "dirty": False}]) if f.rule == "S104"]
    assert [f.slot for f in found] == ["0003"] and "golang-migrate will pass it over in silence" in found[0].message
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "mine")
    assert not [f for f in repo.said(ledger=[{"version": 5, "dirty": False}]) if f.rule == "S104"], (
        "it may have been deployed by now"
    )
