"""Progress of long work: a bar on a terminal, a whole line every half minute where there is none."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from tqdm import tqdm

SECONDS = 30  # between two lines, where there is no terminal
LINE = "{desc}: {percentage:.0f}%, {n_fmt} of {total_fmt}, {elapsed} gone, {remaining} left, {rate_fmt}"
QUIET = ContextVar("whether bars are shown to nobody, in this thread", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """No bars of what is done in it by this thread: who waits for the work of a server does not see its terminal."""
    before = QUIET.set(True)
    try:
        yield
    finally:
        QUIET.reset(before)


class Bar(tqdm):
    """tqdm, but without carriage returns where standard error is no terminal; work of a second or less shows none."""

    def __init__(self, *args, **how):
        self.on_terminal = sys.stderr.isatty()
        how = {"delay": 1, "mininterval": 0.5, "dynamic_ncols": True, "disable": QUIET.get()} | how
        if not self.on_terminal:
            how |= {"delay": SECONDS, "mininterval": SECONDS, "maxinterval": SECONDS, "bar_format": LINE}
        super().__init__(*args, **how)

    def status_printer(self, file):
        """What writes a line in the place of the one before; on its own line where nothing can be taken back."""
        return super().status_printer(file) if self.on_terminal else lambda line: line and print(line, file=file)

    def close(self):
        if not self.on_terminal:
            self.delay = math.inf  # no last line, and no empty one after it
        super().close()


def say(line: str) -> None:
    """Print a line, above the bars where there are any on the terminal."""
    on_terminal = sys.stderr.isatty()
    with tqdm.external_write_mode() if on_terminal else nullcontext():
        print(f"\r\x1b[K{line}" if on_terminal and sys.stdout.isatty() else line, flush=True)
