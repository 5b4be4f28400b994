"""What a process is told before torch starts: scripts import this first, because it makes them faster on CPUs.

- glibc keeps pages that it has once got. Training frees and gets the same large blocks at each step, which the kernel
  would hand over zeroed page by page each time.
- Threads of OpenMP wait for each other for some microseconds, and then sleep. By default they go on for milliseconds,
  in which, where other programs want the cores, they hold up the very thread that they wait for. To sleep at once
  (OMP_WAIT_POLICY=PASSIVE) makes training much slower on a quiet machine.

What the user has set, in the environment, stays. On other systems than Linux nothing is done.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import os
import sys

from aot.base.malloc import tell_malloc

KEEP_PAGES = {-4: 0, -1: 2**31 - 1, -2: 2**26}  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD of mallopt(3)
SPINS = "1000"  # of libgomp, before a thread sleeps; by default 300,000
OF_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def keep_pages() -> bool:
    """Have glibc keep its pages; False where it is not this process's malloc, or the user has told it something."""
    return tell_malloc(KEEP_PAGES)


def wait_shortly() -> bool:
    """Have waiting threads of OpenMP sleep soon; False where it is too late, or the user has said how they wait."""
    if "torch" in sys.modules or any(name in os.environ for name in OF_WAITING):
        return False
    os.environ["GOMP_SPINCOUNT"] = SPINS
    return True


if sys.platform == "linux":
    keep_pages()
    wait_shortly()
