"""What a run folder says of where its numbers come from."""

import importlib
import shutil
import subprocess

import numpy as np
import pytest
from conftest import one_line

from aot.base.folders import alone
from aot.base.machine import commit, versions
from aot.train.runs import checkpoints


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


def test_a_lock_beside_leaves_nothing(tmp_path):
    with alone(tmp_path / "a" / "b" / "whole", beside=True):
        assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [".whole.lock"]
    assert not (tmp_path / "a" / "b").exists()
    (tmp_path / "there").mkdir()
    with alone(tmp_path / "there" / "whole", beside=True):
        (tmp_path / "there" / "whole").touch()
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["whole"]


def writers(data, pair, text, folder) -> dict[str, tuple]:
    """What each script that makes something is told, and what it makes."""
    return {
        "tokenize_lang": (f"--source {text} --output_dir {folder} --name new --vocab_size 300", "new"),
        "make_synthetic": (f"--bits 4 --ones 2 --train_lines 40 --output_dir {folder} --name new", "new"),
        "generate": (f"--pair {pair} --prompt a --max_new_tokens 1 --output {folder}/new.jsonl", "new.jsonl"),
        "compute_aot": (f"--prequential {pair} --output_dir {folder}/new", "new"),
    }


@pytest.mark.parametrize("script", ["tokenize_lang", "make_synthetic", "generate", "compute_aot"])
def test_two_processes_do_not_write_in_one_place(script, data, pair, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"a document number {number}" for number in range(200)))
    flags, made = writers(data, pair, text, tmp_path / "made")[script]
    main = importlib.import_module(script).main
    with alone(tmp_path / "made" / made, beside=True), pytest.raises(SystemExit) as stopped:
        main(flags.split())
    assert one_line(stopped) and f"{tmp_path}/made/{made}: another process is at work" in stopped.value.code
    assert not (tmp_path / "made").exists()
    main(flags.split())
    assert (tmp_path / "made" / made).exists() and not [*(tmp_path / "made").glob(".*")]


def test_only_folders_of_a_step_are_checkpoints(tmp_path):
    for name in ("10", "9", "10-copy", "", "1e3", "٣"):
        (tmp_path / f"checkpoint-{name}").mkdir()
    (tmp_path / "checkpoint-11").touch()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-10", "checkpoint-9"]
