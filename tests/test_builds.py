"""A compilation is waited for, and one that was killed is not."""

import subprocess
import sys
import time
from collections.abc import Callable
from threading import Thread

import pytest
from conftest import left_behind, one_line
from torch.utils.file_baton import FileBaton

from aot.train.builds import wait_for_builds


def begin(function: Callable, *arguments) -> Thread:
    """A thread that calls it, and that keeps nobody from ending; it is seen to take its time."""
    thread = Thread(target=function, args=arguments, daemon=True)
    thread.start()
    thread.join(1)
    assert thread.is_alive()
    return thread


def ends(thread: Thread) -> bool:
    thread.join(60)
    return not thread.is_alive()


@pytest.fixture
def builds(tmp_path, monkeypatch):
    """The folder of all extensions, which is empty."""
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    return tmp_path


def test_nothing_is_waited_for_where_nothing_is_compiled(builds, capsys):
    wait_for_builds()
    (builds / "finished").mkdir()
    wait_for_builds()
    assert capsys.readouterr().err == ""


def test_the_lock_of_a_killed_process_is_removed_and_this_is_said(builds, capsys):
    lock = left_behind(builds)
    torch_waits = begin(FileBaton(str(lock)).wait)
    wait_for_builds()
    assert ends(torch_waits)
    assert not lock.exists()
    assert capsys.readouterr().err == f"{lock}: removed, left behind by a process that was killed\n"


def test_the_folder_of_the_user_is_looked_into(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCH_EXTENSIONS_DIR", raising=False)
    monkeypatch.setattr("torch._appdirs.user_cache_dir", lambda **_: str(tmp_path))
    (tmp_path / "py311_cpu").mkdir()
    lock = left_behind(tmp_path / "py311_cpu")
    wait_for_builds()
    assert not lock.exists()


def test_a_lock_of_somebody_else_is_one_line(builds, monkeypatch):
    left_behind(builds)

    def forbidden(path):
        raise PermissionError(path)

    monkeypatch.setattr("pathlib.Path.unlink", forbidden)
    with pytest.raises(SystemExit, match="not yours to remove; set TORCH_EXTENSIONS_DIR") as stopped:
        wait_for_builds()
    assert one_line(stopped)


def test_a_lock_that_may_be_held_elsewhere_is_given_time(builds, capsys):
    lock = left_behind(builds)
    lock.touch()
    begin = time.time()
    wait_for_builds(patience=1.5)
    assert time.time() - begin > 1.4 and not lock.exists()
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"{lock}: waiting for the process that compiles there" and second.startswith(f"{lock}: removed")


def test_a_process_that_compiles_is_waited_for_as_long_as_it_takes(builds, capsys):
    lock = builds / "slow" / "lock"
    lock.parent.mkdir()
    compiles = (
        "import sys; from torch.utils.file_baton import FileBaton; baton = FileBaton(sys.argv[1]);"
        "print(baton.try_acquire(), flush=True); sys.stdin.read(); baton.release()"
    )
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", compiles, lock], **streams)
    assert process.stdout.readline() == "True\n"
    waits = begin(wait_for_builds, 0)
    assert lock.exists()
    process.communicate()
    assert ends(waits)
    assert capsys.readouterr().err == f"{lock}: waiting for the process that compiles there\n"
