"""The command line that all scripts share: flags, or one YAML or JSON file with the same names."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from transformers import HfArgumentParser

from aot.collector import collect_as_usual


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the line breaks of the module docstring and shows defaults."""


class Parser(HfArgumentParser):
    """Exits with one line on a wrong flag."""

    def error(self, message):
        raise SystemExit(f"{message}; see --help")

    def _check_value(self, action, value):
        if action.choices and value not in action.choices:
            self.error(f"--{action.dest} is {value!r}, must be one of {', '.join(action.choices)}")


def flags_of(path: Path) -> list[str]:
    """The content of a YAML or JSON file as a command line, so that it is read and checked like one."""
    read = json.loads if path.suffix == ".json" else yaml.safe_load
    try:
        content = read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SystemExit(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise SystemExit(f"{path}: does not consist of `flag: value`")
    flags = []
    for name, value in content.items():
        if value is not None:
            values = value if isinstance(value, list) else [value]
            flags += [f"--{name}", *(json.dumps(each) if isinstance(each, dict) else str(each) for each in values)]
    return flags


def spelled_out(argv: list[str] | None = None) -> list[str]:
    """The flags of `argv` (default: the command line), those of a file written out."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) == 1 and Path(argv[0]).suffix in (".yaml", ".yml", ".json"):
        return flags_of(Path(argv[0]))
    return argv


def command(main: Callable[[], None]) -> None:
    """Run a script whose outputs are whole or can be gone on with; Ctrl-C ends it with one line and status 130."""
    collect_as_usual()
    try:
        main()
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from what it has saved, if anything", file=sys.stderr)
        sys.exit(130)  # 128 + SIGINT, so that no shell script goes on as if this was done


def parse_arguments(*dataclasses, doc: str, argv: list[str] | None = None) -> tuple:
    """One instance of each dataclass, from `argv` (default: the command line); exits with one line on a wrong flag."""
    argv = spelled_out(argv)
    parser = Parser(
        dataclasses,
        description=doc,
        usage="%(prog)s --flag value ... | FILE.yaml | FILE.json, see --help",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    try:
        *parsed, unknown = parser.parse_args_into_dataclasses(
            argv, return_remaining_strings=True, look_for_args_file=False
        )
    except ValueError as error:
        raise SystemExit(" ".join(str(error).split())) from error
    if unknown:
        parser.error(f"{' '.join(unknown)}: unknown")
    return tuple(parsed)
