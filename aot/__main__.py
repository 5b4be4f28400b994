"""The scripts as one command, for where this is installed: `aot measure ...` is `python compute_aot.py ...`."""

import difflib
import os
import sys
from pathlib import Path

from aot import __version__
from aot.base.places import COMMANDS, PACKAGE, ROOT

USAGE = f"""usage: aot COMMAND --flag value ...

{chr(10).join(f"    {name:<10} {what}" for name, (_, _, what) in COMMANDS.items())}
    path       where the script of a command is: accelerate launch $(aot path train) --data data/en

aot COMMAND --help: its flags, and complete commands. aot --version: {__version__}."""


def script(name: str) -> Path:
    """The file of a command; SystemExit with the name that was meant where there is none of this one."""
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        raise SystemExit(f"aot {name}: no such command; {f'did you mean {near[0]}? ' if near else ''}See aot --help")
    return ROOT / COMMANDS[name][0]


def main() -> None:
    name, *argv = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        return print(USAGE)
    if name == "--version":
        return print(f"aot {__version__}")
    if name == "path":
        return print(script(argv[0]) if argv else script("train").parent)
    # the script takes the place of this process: signals, status and what it forks are as if it had been called itself
    command = [sys.executable, str(script(name)), *argv, *COMMANDS[name][1]]  # a file of flags comes first
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
