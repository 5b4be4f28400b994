"""The command line that all scripts share: flags, or one YAML or JSON file with the same names; and how they end."""

import argparse
import difflib
import io
import itertools
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from transformers import HfArgumentParser

from aot import __version__
from aot.base.collector import collect_as_usual
from aot.base.messages import brief, in_words, notice
from aot.base.places import INSTALLED, as_called_here
from aot.base.recipes import spelled_out

OF_RUN_CLM = {  # flags of the run_clm example that are others here, or of another script
    "train_file": "tokenize_lang.py --source FILE makes a data folder of a text, and --data takes it",
    "validation_file": "tokenize_lang.py --validation_source FILE holds it out in the data folder, which --data takes",
    "validation_split_percentage": "it is --validation_fraction of tokenize_lang.py",
    "dataset_name": "tokenize_lang.py --source ID makes a data folder of a Hub data set, and --data takes it",
    "dataset_config_name": "it is --config of tokenize_lang.py",
    "tokenizer_name": "it is --tokenizer of tokenize_lang.py",
    "config_name": "--model_type, --size and --config_overrides make a new model",
    "max_train_samples": "tokenize_lang.py --max_documents reads no more, and --max_steps says how much is trained",
    "max_eval_samples": "all that is held out is scored; hold out less with tokenize_lang.py --validation_tokens",
    "streaming": "sources are streamed always",
    "trust_remote_code": "no code of a repository is run",
    "torch_dtype": "weights are float32, and --bf16 or --fp16 says what is computed in",
    "dtype": "weights are float32, and --bf16 or --fp16 says what is computed in",
    "attn_implementation": "--arithmetic chooses it: the fastest exact one, or that of transformers",
    "token": "log in with `hf auth login`, or set HF_TOKEN",
    "cache_dir": "set HF_HOME",
}


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
        names = dict.fromkeys([*names, *(name.replace("_", "-") for name in names if name.startswith("--"))])
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


def refuse_unknown(argv: list[str], parser: Parser) -> None:
    """SystemExit for the first flag that there is not, with what it is here or which one was meant.

    argparse would first miss the flags that are required, such as the one that was mistyped.
    """
    known = parser._option_string_actions
    flags = [number for number, word in enumerate(argv) if word.startswith("--") and word != "--"]
    for number, after in itertools.pairwise([*flags, len(argv)]):
        flag = argv[number].partition("=")[0]
        if flag not in known:
            name = flag.removeprefix("--").replace("-", "_")
            hint, near = OF_RUN_CLM.get(name, ""), difflib.get_close_matches(flag, known, 1, cutoff=0.75)
            here = ".py" in hint or known.keys() >= set(re.findall(r"--\w+", hint))
            said = f" here: {hint}" if hint and here else f"; did you mean {near[0]}?" if near else "; see --help"
            raise SystemExit(f"{' '.join(argv[number:after])}: unknown{said}")


def hide(parser: Parser, dataclasses: tuple, shown: bool) -> int:
    """How many flags are taken over from transformers as they are; --help leaves them out unless they are `shown`."""
    taken_over = set()
    for each in dataclasses:
        bases = [base for base in each.__mro__ if base.__module__.startswith("transformers")]
        own = {name for base in each.__mro__ if base not in bases for name in getattr(base, "__annotations__", ())}
        taken_over |= {name for base in bases for name in base.__annotations__} - own - getattr(each, "USUAL", set())
    actions = [action for action in parser._actions if action.dest in taken_over]
    for action in actions:
        action.help = action.help if shown else argparse.SUPPRESS
    return len({action.dest for action in actions})


def parse_arguments(*dataclasses, doc: str, argv: list[str] | None = None) -> tuple:
    """One instance of each dataclass, from `argv` (default: the command line); exits with one line on a wrong flag.

    Each has the names of all flags that were given, default values among them, as `given`.
    """
    argv = spelled_out(argv, *dataclasses)
    parser = Parser(
        dataclasses,
        prog=as_called_here(f"python {Path(sys.argv[0]).name}") if INSTALLED else None,
        description=as_called_here(doc),
        usage="%(prog)s [FILE.yaml | FILE.json] --flag value ...",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    hidden = hide(parser, dataclasses, shown=bool({"--help_all", "--help-all"} & {*argv}))
    if hidden:
        parser.add_argument("--help_all", action="help", help=f"Show this and {hidden} more flags, of transformers.")
    if "--version" not in parser._option_string_actions:  # which may be that of something else
        parser.add_argument("--version", action="version", version=f"%(prog)s of arrow-of-time {__version__}")
    refuse_unknown(argv, parser)
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
