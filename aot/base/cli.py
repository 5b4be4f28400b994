"""The command line that all scripts share: flags, or one YAML or JSON file with the same names; and how they end."""

import argparse
import io
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from transformers import HfArgumentParser

from aot import __version__
from aot.base.collector import collect_as_usual
from aot.base.messages import brief, in_words, notice


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the line breaks of the module docstring and shows defaults."""


class Store(argparse.Action):
    """Keeps what a flag is given. Given again, the last counts, which is said."""

    def together(self, before, values):
        """What counts of two values; a notice where one of them does not."""
        if values != before:
            now, then = (" ".join(map(str, each if isinstance(each, list) else [each])) for each in (values, before))
            notice(f"{self.option_strings[0]} is given twice: {now} counts, not {then}")
        return values

    def __call__(self, parser, namespace, values, option_string=None):
        each = values if isinstance(values, list) else [values]
        if values != self.default and "" in each:
            parser.error(f"{option_string} is empty; is a variable not set?")
        for value in each:
            if isinstance(value, float) and math.isnan(value):  # which is neither below nor above anything
                parser.error(f"{option_string} {value}: is no number")
            if isinstance(value, int) and abs(value) >= 2**63:  # more than any library counts to
                parser.error(f"{option_string} {value}: is too large")
        if self.dest in parser.given:
            values = self.together(parser.given[self.dest], values)
        parser.given[self.dest] = values
        setattr(namespace, self.dest, values)


class Grow(Store):
    """A list that grows with each time that its flag is given: `metadata={"action": Grow}` of inputs."""

    def together(self, before, values):
        return before + values


class Off(Store):
    """What `--no_FLAG` does."""

    def __init__(self, *args, **how):
        super().__init__(*args, nargs=0, **how)

    def __call__(self, parser, namespace, values, option_string=None):
        super().__call__(parser, namespace, False, option_string)


class Parser(HfArgumentParser):
    """Exits with one line on a wrong flag."""

    def add_argument(self, *names, **how):
        action = how.pop("action", Store)
        return super().add_argument(*names, action=Off if action == "store_false" else action, **how)

    def parse_known_args(self, args=None, namespace=None):
        self.given = {}
        return super().parse_known_args(args, namespace)

    def error(self, message):
        raise SystemExit(f"{message}; see --help")

    def _check_value(self, action, value):
        if action.choices and value not in action.choices:
            self.error(f"--{action.dest} is {value!r}, must be one of {', '.join(action.choices)}")


def at_least(arguments, **least: float) -> None:
    """ValueError where a value of `arguments` is below the `least` of its name; None is no value."""
    for name, bound in least.items():
        if (value := getattr(arguments, name)) is not None and not value >= bound:
            raise ValueError(f"--{name} {value}: must be at least {bound}")


def without_effect(given: set[str], reasons: dict[str, str]) -> None:
    """Say of each flag `given` that has none here why: `reasons` by its name."""
    for name in sorted(given & reasons.keys()):
        notice(f"--{name} has no effect {reasons[name]}")


def written_in_yaml(text: str) -> list[tuple[str, object]]:
    """Names and values of a mapping in YAML, scalars as they are written, so that `no` is no boolean and 010 no 8.

    ValueError where it is no mapping.
    """
    document = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(document, yaml.MappingNode):
        raise ValueError("does not consist of `flag: value`")
    return [(name.value, as_written(value)) for name, value in document.value]


def as_written(node: yaml.Node):
    """The value of a node of YAML: a string, None, a list of such, or what YAML makes of a mapping."""
    if isinstance(node, yaml.MappingNode):
        return yaml.safe_load(yaml.serialize(node))
    if isinstance(node, yaml.SequenceNode):
        return [as_written(each) for each in node.value]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def written_in_json(text: str) -> list[tuple[str, object]]:
    """Names and values of an object in JSON. ValueError where it is none."""
    pairs = json.loads(text, object_pairs_hook=list)
    if not (text.lstrip().startswith("{") and isinstance(pairs, list)):
        raise ValueError("does not consist of `flag: value`")
    content = json.loads(text)
    return [(name, content[name]) for name, _ in pairs]


def flags_of(path: Path) -> list[str]:
    """The content of a YAML or JSON file as a command line, so that it is read and checked like one."""
    read = written_in_json if path.suffix == ".json" else written_in_yaml
    try:
        content = read(path.read_text(encoding="utf-8"))
        names = [name for name, _ in content]
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise ValueError(f"has {', '.join(twice)} twice; which one counts?")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise SystemExit(f"{path}: {' '.join(str(error).split())}") from error
    flags = []
    for name, value in content:
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


class Output(io.FileIO):
    """Where a script prints to, which remembers why it could not: argparse, for one, keeps it to itself."""

    lost = None

    def write(self, printed):
        try:
            return super().write(printed)
        except OSError as error:
            self.lost = error
            raise

    @classmethod
    def of_this_process(cls) -> "Output":
        """Take the place of what is behind `sys.stdout`, which then writes \\u2202 where the terminal has no ∂."""
        if sys.stdout is None:  # what Python makes of one that was closed
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        output, before = cls(1, "w", closefd=False), sys.stdout
        if before is sys.__stdout__:
            before.flush()
            how = {"encoding": before.encoding, "errors": "backslashreplace", "line_buffering": before.line_buffering}
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(output), **how, write_through=before.write_through)
        return output

    def end(self) -> None:
        """SystemExit where something could not be printed: with 141 if its reader has gone, as any command of Unix."""
        if self.lost:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what Python prints when it ends
            gone = isinstance(self.lost, BrokenPipeError)
            raise SystemExit(141 if gone else f"cannot write what it prints: {self.lost}") from self.lost


def command(main: Callable[[], None]) -> None:
    """Run a script whose outputs are whole or can be gone on with. However it ends, it says why in one line.

    Ctrl-C ends it with status 130.
    """
    collect_as_usual()
    output = Output.of_this_process()
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from what it has saved, if anything", file=sys.stderr)
        sys.exit(130)  # 128 + SIGINT, so that no shell script goes on as if this was done
    except SystemExit as ended:
        output.end()
        raise SystemExit(brief(ended.code) if isinstance(ended.code, str) else ended.code) from ended
    except Exception as error:
        output.end()
        if os.environ.get("AOT_TRACEBACK"):
            raise
        raise SystemExit(in_words(error)) from error
    output.end()


def parse_arguments(*dataclasses, doc: str, argv: list[str] | None = None) -> tuple:
    """One instance of each dataclass, from `argv` (default: the command line); exits with one line on a wrong flag.

    Each has the names of all flags that were given, default values among them, as `given`.
    """
    argv = spelled_out(argv)
    parser = Parser(
        dataclasses,
        description=doc,
        usage="%(prog)s --flag value ... | FILE.yaml | FILE.json, see --help",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s of arrow-of-time {__version__}")
    try:
        *parsed, unknown = parser.parse_args_into_dataclasses(
            argv, return_remaining_strings=True, look_for_args_file=False
        )
    except ValueError as error:
        raise SystemExit(" ".join(str(error).split())) from error
    if unknown:
        parser.error(f"{' '.join(unknown)}: unknown")
    for each in parsed:
        each.given = set(parser.given)
    return tuple(parsed)
