"""What a run folder says of where its numbers come from."""

import shutil
import subprocess

import numpy as np
import pytest

from aot.runs import commit, versions


def git(folder, *arguments: str) -> str:
    someone = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
    run = subprocess.run(["git", *someone, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_commit_is_dirty_where_code_changed_and_not_where_a_result_did(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) is None
    for name in ("code.py", "README.md", "results/table.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one\n")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "all")
    head = git(tmp_path, "rev-parse", "--short", "HEAD")
    (tmp_path / "README.md").write_text("two\n")
    (tmp_path / "results" / "table.csv").write_text("two\n")
    assert commit(tmp_path) == head
    (tmp_path / "code.py").write_text("two\n")
    assert commit(tmp_path) == f"{head}-dirty"


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) is None


def test_what_is_not_installed_has_no_version():
    found = versions("numpy", "no-such-package")
    assert found["numpy"] == np.__version__ and found["no-such-package"] is None and found["python"]
