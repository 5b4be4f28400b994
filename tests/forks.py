"""A script as a process of its own that need not import: a fork of this one, which has imported it all."""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from aot.base.cli import command


def start(folder: Path, child: Callable[[], int]) -> int:
    """Fork, in a process group of its own, whose exit status is what `child` returns; gives its id."""
    if pid := os.fork():
        with suppress(OSError):  # it has done so itself
            os.setpgid(pid, pid)
        return pid
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        tqdm.set_lock(threading.RLock())  # forks share the usual one, locked for ever if its holder is killed
        status = child()
    except SystemExit as told:
        status = told.code if isinstance(told.code, int) else 1
    except BaseException:
        traceback.print_exc()
    with suppress(BaseException):
        sys.stdout.flush()
    os._exit(status)


def run_script(script: ModuleType, argv: list[str]) -> int:
    """Run a script as `python script.py ARGV` would, in a fork; its exit status."""
    sys.argv = [f"{script.__name__}.py", *argv]
    try:
        command(script.main)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return 1 if isinstance(ended.code, str) else ended.code or 0
    return 0


def wait(pid: int, seconds: float, until: Callable[[], bool] = lambda: False) -> int | None:
    """Exit status of a process (-N: ended by signal N), None if it still runs after a time or when `until()` holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return None


def end_all(pid: int) -> None:
    """End a process and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
