"""The command line that all scripts share: flags, or one YAML or JSON file with the same names."""

import argparse
import sys
from pathlib import Path

from transformers import HfArgumentParser


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the line breaks of the module docstring and shows defaults."""


def parse_arguments(*dataclasses, doc: str, argv: list[str] | None = None) -> tuple:
    """One instance of each dataclass, from `argv` (default: the command line); exits with one line on a wrong flag."""
    argv = sys.argv[1:] if argv is None else argv
    parser = HfArgumentParser(
        dataclasses,
        description=doc,
        usage="%(prog)s --flag value ... | FILE.yaml | FILE.json, see --help",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    if len(argv) == 1 and Path(argv[0]).suffix in (".yaml", ".yml", ".json"):
        read = parser.parse_json_file if argv[0].endswith(".json") else parser.parse_yaml_file
        try:
            return read(argv[0])
        except (OSError, ValueError) as error:
            raise SystemExit(f"{argv[0]}: {error}") from error
    return parser.parse_args_into_dataclasses(argv)
