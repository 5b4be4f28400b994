"""Make a data folder from a rule whose entropy is known exactly: what an instrument is calibrated with.

    python make_synthetic.py --name linear --bits 10 --ones 10 --train_lines 100000
    python make_synthetic.py --source primes --digits 4 --product least --train_lines 700000
    python make_synthetic.py --source reversible --symbols 16 --length 16 --train_lines 100000
    python make_synthetic.py --source relaxing --strength 4 --train_lines 20000

Sources: `linear` languages over F₂, `primes` and their products, and controls without an arrow, which are independent
tokens (`iid`), Markov chains in detailed balance (`reversible`) and not (`irreversible`), and `palindromes`. A word
and its effect (`cause`), two effects of a hidden cause (`confounded`), and particles out of equilibrium (`driven`,
`ratchet`, `relaxing`). Their definitions stand in aot/sources/.

Writes data/NAME/{tokenizer files, train.bin, validation.bin, meta.json} as tokenize_lang.py does: one character per
token, one line per document, all lines of one length. `meta.json` has the entropy in nats per document, token and
character, and of each position given those that a direction read before. Train with `--context` = tokens per line.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import shlex
import shutil
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Literal

import numpy as np

from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import sync, write_json, writing
from aot.base.folders import alone, differences
from aot.base.machine import provenance
from aot.base.messages import then
from aot.base.progress import Bar
from aot.sources import FIRST, Source
from aot.sources.causes import CauseArguments, cause, confounded
from aot.sources.controls import ControlArguments, iid, irreversible, palindromes, reversible
from aot.sources.heat import HeatArguments, driven, ratchet, relaxing
from aot.sources.linear import LinearArguments, linear
from aot.sources.primes import PrimesArguments, primes
from aot.tokens.data_folder import check_name, read_meta, stream_dtype
from aot.tokens.streams import describe_streams
from aot.tokens.tokenizers import char_tokenizer, save_tokenizer
from aot.tokens.windows import EOS_ID

SOURCES = {
    "linear": (linear, LinearArguments),
    "primes": (primes, PrimesArguments),
    "iid": (iid, ControlArguments),
    "reversible": (reversible, ControlArguments),
    "irreversible": (irreversible, ControlArguments),
    "palindromes": (palindromes, ControlArguments),
    "cause": (cause, CauseArguments),
    "confounded": (confounded, CauseArguments),
    "driven": (driven, HeatArguments),
    "ratchet": (ratchet, HeatArguments),
    "relaxing": (relaxing, HeatArguments),
}
FLAGS = tuple(dict.fromkeys(flags for _, flags in SOURCES.values()))  # a group of them for each kind of source


@dataclass
class SyntheticArguments:
    source: Literal[*SOURCES] = field(
        default="linear", metadata={"help": "What the lines come from; each has flags of its own."}
    )
    name: str | None = field(default=None, metadata={"help": "Name of the data folder. Default: the source."})
    output_dir: str = field(default="data", metadata={"help": "Where the data folder is made."})
    train_lines: int = field(default=1_000_000, metadata={"help": "Lines to train on."})
    validation_lines: int = field(default=2_000, metadata={"help": "Lines held out."})
    seed: int = field(default=0, metadata={"help": "Of all that is drawn: the rule, and the lines."})

    def __post_init__(self):
        self.name = self.source if self.name is None else self.name
        at_least(self, train_lines=1, validation_lines=0, seed=0)
        check_name(self.name)


def own_flags(source: str, groups: list):
    """The flags of `source` among those of all sources; SystemExit where another one was set."""
    for group in groups:
        for flag in fields(group) if type(group) is not SOURCES[source][1] else ():
            default = flag.default if flag.default_factory is MISSING else flag.default_factory()
            if getattr(group, flag.name) != default:
                raise SystemExit(f"--{flag.name} is for {group._argument_group_name}, and this is {source}")
    return next(group for group in groups if type(group) is SOURCES[source][1])


def write_lines(source: Source, counts: dict[str, int], folder: Path, dtype: np.dtype) -> dict[str, dict[str, int]]:
    """Write the stream of each split, `counts` lines long; gives what `meta.json` says of them."""
    widths = np.array([0] * FIRST + [len(character.encode()) for character in source.alphabet])  # bytes of each id
    splits, begin = {}, 0
    with Bar(desc=folder.stem, total=sum(counts.values()), unit="line", unit_scale=True) as bar:
        for split, count in counts.items():
            seen = np.zeros(len(widths), np.int64)
            with (folder / f"{split}.bin").open("wb") as file:
                for ids in source.lines(begin, count):
                    ids.astype(dtype).tofile(file)
                    seen += np.bincount(ids.ravel(), minlength=len(seen))
                    bar.update(len(ids))
            begin += count
            characters = int(seen[FIRST:].sum())  # the end of a line is a token, but no character
            sizes = {"tokens": int(seen.sum()), "bytes": int(seen @ widths), "characters": characters}
            splits[split] = {"documents": int(seen[EOS_ID]), **sizes}
    return splits


def make(folder: Path, arguments: dict, source: Source, counts: dict[str, int]) -> None:
    """Write the data folder, whole or not at all."""
    tokenizer = char_tokenizer(source.alphabet)
    dtype = stream_dtype(len(tokenizer))
    tokens, entropy = len(source.entropy["forward"]), float(source.entropy["forward"].sum())
    partial = folder.with_name(f"{folder.name}.partial")
    if (partial / "survey.json").exists():
        raise SystemExit(f"{partial}: tokenize_lang.py is at work there, or was stopped; choose another --name")
    shutil.rmtree(partial, ignore_errors=True)
    with writing(folder):
        save_tokenizer(tokenizer, partial)
        splits = write_lines(source, counts, partial, dtype)
        meta = {
            **describe_streams(partial, folder.name, "char", tokenizer, dtype, splits),
            "arguments": arguments,
            "tokens_per_document": tokens,
            "entropy_per_document": entropy,  # all in nats, and by position in text order
            "entropy_per_token": entropy / tokens,
            "entropy_per_character": entropy / (tokens - 1),
            "entropy_by_position": {direction: nats.tolist() for direction, nats in source.entropy.items()},
            **source.facts,
            **provenance(),
        }
        write_json(partial / "meta.json", meta)
        sync(partial)
        partial.rename(folder)
    print(f"{folder}: {counts['train']:,} lines to train on, {counts['validation']:,} held out")
    if ones := source.facts.get("ones"):
        print(f"A has {ones['matrix']} ones, its inverse {ones['inverse']}", end="; ")
    print(f"{entropy:.4f} nats a line, {entropy / tokens:.4f} a token")
    flags = f"--context {tokens} --size micro --learning_rate 1e-3 --per_device_train_batch_size 32"
    then("To train a pair on it", f"python run_clm_reverse.py --data {shlex.quote(str(folder))} {flags}")


def main(argv: list[str] | None = None) -> None:
    args, *flags = parse_arguments(SyntheticArguments, *FLAGS, doc=__doc__, argv=argv)
    flags = own_flags(args.source, flags)
    counts = {"train": args.train_lines, "validation": args.validation_lines}
    given = {key: value for key, value in (asdict(args) | asdict(flags)).items() if key != "output_dir"}
    if base := given.get("update_of"):
        given["base_sha256"] = read_meta(base)["data_sha256"]
    several = given.pop("matrices", 1)
    for number in range(1, several + 1):
        name, seed = (args.name, args.seed) if several == 1 else (f"{args.name}-{number}", [args.seed, number])
        folder, arguments = Path(args.output_dir, name), {**given, "name": name, "seed": seed}
        with alone(folder, beside=True):
            if folder.exists():
                if differ := "; ".join(differences(read_meta(folder)["arguments"], arguments)):
                    raise SystemExit(f"{folder}: has other arguments (there / now): {differ}. Delete it first.")
                print(f"{folder}: finished before, with the same arguments")
            else:
                source = SOURCES[args.source][0](flags, counts, np.random.default_rng(seed))
                make(folder, arguments, source, counts)


if __name__ == "__main__":
    command(main)
