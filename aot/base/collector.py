"""Python's garbage collector, kept away from what is imported: half a million objects, none of them garbage.

Scripts import this first, and so start in less time: the collector looks less often while they import the rest. Once
all is there, `collect_as_usual` has it leave that alone for good, which it would look through time and again.
"""

import gc
import sys

AS_USUAL = gc.get_threshold()  # how many objects are made, by default, before the collector looks at the new ones


def collect_as_usual() -> None:
    """Have the collector leave alone what there is by now, and look at what comes as often as by default."""
    gc.freeze()
    gc.set_threshold(*AS_USUAL)


if "numpy" not in sys.modules:  # else this was not imported first, and most of the rest is there
    gc.set_threshold(50_000, *AS_USUAL[1:])
