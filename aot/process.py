"""What a process is told before torch starts, so scripts import this first: it costs nothing and saves much on CPUs.

- glibc keeps pages that it has once got. Training frees and gets the same large blocks at each step, which the kernel
  would hand over zeroed page by page each time.
- Threads of OpenMP sleep where they wait for each other. By default they spin, and where another program wants their
  core, each waits for one that the system has taken off it.

What the user has set, in the environment, stays. On other systems than Linux nothing is done.
"""

import ctypes
import os
import sys

KEEP_PAGES = {-4: 0, -1: 2**31 - 1, -2: 2**26}  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD of mallopt(3)
OF_MALLOC = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")  # what a user tells, or exchanges, malloc with
OF_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def keep_pages() -> bool:
    """Have glibc keep its pages; False where it is not this process's malloc, or the user has told it something."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version") or any(name.startswith(OF_MALLOC) for name in os.environ):
        return False
    return all(libc.mallopt(parameter, value) for parameter, value in KEEP_PAGES.items())


def sleep_while_waiting() -> bool:
    """Have threads of OpenMP sleep while they wait; False where it is too late, or the user has said how they wait."""
    if "torch" in sys.modules or any(name in os.environ for name in OF_WAITING):
        return False
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    return True


if sys.platform == "linux":
    keep_pages()
    sleep_while_waiting()
