"""Locks under which torch compiles extensions, such as those of DeepSpeed, the first time that they are needed.

The process that compiles makes a file `lock`, and removes it when it is done; others wait until it is gone (FileBaton
of torch/utils/file_baton.py). A process that is killed removes nothing, and all later ones would wait for ever.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from torch.utils.cpp_extension import get_default_build_root

PATIENCE = 300  # seconds for a lock that nobody here holds: the one that compiles may be on another machine


def locks() -> list[Path]:
    """Those that are there."""
    if own := os.environ.get("TORCH_EXTENSIONS_DIR"):
        return [*Path(own).glob("*/lock")]
    return [*Path(get_default_build_root()).glob("*/*/lock")]  # a folder for each version of Python and kind of device


def is_held(lock: Path) -> bool:
    """Whether a process of this machine has the file open, as the one that compiles has."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if any(file.path == str(lock.resolve()) for file in process.open_files()):
                return True
    return False


def wait_for_builds(patience: float = PATIENCE) -> None:
    """Return when no extension is being compiled; the locks of processes that were killed are removed, which is said.

    A lock that no process of this machine holds is left behind when it is `patience` seconds old.
    """
    told = set()
    while there := locks():
        for lock in there:
            with suppress(FileNotFoundError):  # somebody else has removed it
                held = is_held(lock)  # before its age, so that it is still the same when it is removed
                if held or time.time() - lock.stat().st_mtime < patience:
                    if lock not in told:
                        print(f"{lock}: waiting for the process that compiles there", file=sys.stderr)
                        told.add(lock)
                else:
                    try:
                        lock.unlink()
                    except PermissionError as error:
                        raise SystemExit(
                            f"{lock}: left behind by a process that was killed, and not yours to remove; set "
                            "TORCH_EXTENSIONS_DIR to a folder of your own"
                        ) from error
                    print(f"{lock}: removed, left behind by a process that was killed", file=sys.stderr)
        time.sleep(1)
