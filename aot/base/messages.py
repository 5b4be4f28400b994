"""What is said to people: notices, errors in one line, and how things are counted."""

import re
import shutil
import sys
import textwrap
from functools import cache

from aot.base.places import as_called_here


@cache
def once(text: str) -> None:
    """Print something that more than one part of a command would say."""
    print(text, flush=True)


def paragraph(text: str) -> str:
    """A text of whole sentences, with line breaks between words where a terminal would make some within them."""
    return textwrap.fill(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text


def then(purpose: str, command: str) -> None:
    """Print the command that comes next, as it is called here."""
    print(f"{purpose}:\n    {as_called_here(command)}", flush=True)


@cache
def notice(text: str) -> None:
    """Say something about the command that its result does not show, once."""
    print(text, file=sys.stderr)


def brief(message: str, most: int = 400) -> str:
    """A message in at most so many characters: its beginning says where, and its end what to do."""
    half = (most - 3) // 2
    return message if len(message) <= most else f"{message[:half]} … {message[-half:]}"


def in_words(error: Exception) -> str:
    """What a script did not foresee, in one line."""
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return brief(f"out of memory{f' ({said})' * bool(said)}; choose smaller sizes")
    if isinstance(error, OSError) and error.filename:
        return brief(f"{error.filename}: {error.strerror}")
    return f"{brief(f'{type(error).__name__}: {said}', 300)} (AOT_TRACEBACK=1 shows where)"


def shortened(value) -> str:
    """A value for a message; of a hash, the digits that tell it from others."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b", r"\1…", str(value))


def count(number: int, what: str) -> str:
    """So many of what is named in the singular, for a message."""
    return f"{number:,} {what}{'s' * (number != 1)}"
