"""What glibc's malloc is told, where it is this process's."""

import ctypes
import os
import sys

OF_MALLOC = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")  # what a user tells, or exchanges, malloc with
# A server's memory should not grow: M_ARENA_MAX, since each thread would have pages of its own, and M_MMAP_THRESHOLD,
# as blocks above it go back to the system.
GIVE_BACK = {-8: 2, -3: 2**22}


def tell_malloc(parameters: dict[int, int]) -> bool:
    """Set `parameters` of mallopt(3); False on other systems, or where the user has told malloc something."""
    if sys.platform != "linux" or any(name.startswith(OF_MALLOC) for name in os.environ):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    return all(libc.mallopt(parameter, value) for parameter, value in parameters.items())
