"""What a result was made with: commit, versions and device; and how many cores there are."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aot.base.places import INSTALLED, ROOT


def commit(root: Path) -> str | None:
    """Commit of a checkout, "-dirty" behind it where its code is another; None where there is no checkout.

    Pages, tables and pictures are no code: or the first row of a table made all others dirty.
    """
    if not shutil.which("git"):
        return None
    git = {"cwd": root, "capture_output": True, "text": True}
    name = subprocess.run(["git", "describe", "--always"], **git).stdout.strip()
    code = [".", ":!results", ":!docs", ":!*.md"]
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", *code], **git).returncode == 1
    return f"{name}-dirty" if changed else name or None


# read when the code is, so that a long run does not end with a later one
COMMIT = None if INSTALLED else commit(ROOT)


def provenance() -> dict:
    """Commit, versions and device: what explains a number, but does not have to be equal to continue a run."""
    import torch  # takes a second, which --help need not wait for

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {
        "commit": COMMIT,
        "device": device,
        "versions": versions("torch", "transformers", "accelerate", "numpy"),
    }


def versions(*packages: str) -> dict[str, str | None]:
    """The versions of Python and of packages, None for one that is not installed, and so was not used."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
