"""Does an arrow of time emerge where those who choose the updates of a language all read in one direction?

    python -m experiments.emergence

A linear language begins as the identity. In each generation Alice proposes to flip one entry: of A (she thinks
forward), of its inverse (backward), or of either, by a coin. Bob adopts what he can learn. Carol, who reads from the
other end, has to follow.

- exact, budget: Bob adopts what changes at most --budget entries of his matrix.
- exact, rules: and what leaves him no rule of more than --longest ones. Losses are those of a learner who knows rules
  of so many ones, in the order of reading.
- learned: a pair of small transformers; Bob adopts what he has learned in --steps steps.

Writes results/NAME.csv, and runs/NAME/ARM-SEED.json for each learned pair: run again, it does those that are missing.
Seconds for the exact forms, and half a minute or so on a core for each 1,000 steps of the learned one.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import read_json, replacing, write_json
from aot.base.folders import differences
from aot.base.machine import COMMIT, cores
from aot.base.progress import Bar
from aot.sources.updates import BACKWARD, EITHER, FORWARD, MOST, draw, losses, pack, unpack, walk
from aot.statistics.fits import mean_and_margin
from aot.train.generations import Lives, live

ARMS = {  # who thinks, and who learns, in which direction
    "forward": (FORWARD, FORWARD),
    "backward": (BACKWARD, BACKWARD),
    "none": (EITHER, EITHER),
    "selection": (EITHER, FORWARD),  # Alice prefers nothing, Bob still learns forward
}
LEARNED = ("forward", "backward", "none")
# ∂, that of exact learners of the same language, and of such as know no bit of the word that they are reading
ARROWS = ["aot", "aot_exact", "aot_other_word"]
MEASURED = ["adopted", "ones_A", "ones_inverse", "forward", "backward", *ARROWS]
COLUMNS = ["form", "bits", "arm", "seed", "generation", *MEASURED, "low", "high", "commit"]


@dataclass
class EmergenceArguments:
    name: str = field(default="emergence", metadata={"help": "Of the table and the folder of runs."})
    exact_bits: int = field(default=64, metadata={"help": "m of the exact forms, up to 64."})
    exact_generations: int = field(default=16384, metadata={"help": "Generations of the exact forms."})
    exact_seeds: int = field(default=20, metadata={"help": "Seeds of the exact forms."})
    budget: int = field(default=3, metadata={"help": "Entries that an exact Bob learns in a generation."})
    longest: int = field(default=3, metadata={"help": "Ones of the longest rule that an exact learner knows."})
    bits: int = field(default=10, metadata={"help": "m of the learned form, and of an exact one beside it."})
    generations: int = field(default=16, metadata={"help": "Generations of the learned form."})
    seeds: int = field(default=3, metadata={"help": "Seeds of the learned form."})
    first_steps: int = field(default=250, metadata={"help": "Steps in which a pair learns the identity."})
    steps: int = field(default=150, metadata={"help": "Steps that a learner has for an update."})
    batch: int = field(default=32, metadata={"help": "Lines of a step."})
    held_out: int = field(default=128, metadata={"help": "Lines held out, of the 2^m that there are."})
    rate: float = field(default=3e-3, metadata={"help": "Learning rate."})
    layers: int = field(default=2, metadata={"help": "Layers of a model."})
    width: int = field(default=64, metadata={"help": "Width of a model, a multiple of 4."})
    runs: str = field(default="runs", metadata={"help": "Where the folder NAME of learned pairs goes."})
    results: str = field(default="results", metadata={"help": "Where the table goes."})

    def __post_init__(self):
        at_least(self, exact_bits=2, exact_generations=1, exact_seeds=2, budget=1, longest=1, bits=2, generations=1)
        at_least(self, seeds=2, first_steps=1, steps=1, batch=1, held_out=1, layers=1, width=4)
        if self.exact_bits > MOST or self.bits > 20:
            raise ValueError(f"--exact_bits can be up to {MOST}, and --bits, whose words are listed, up to 20")
        if self.held_out >= 2**self.bits:
            raise ValueError(f"--held_out {self.held_out}: there are {2**self.bits} lines of --bits {self.bits}")
        if not self.rate > 0:
            raise ValueError(f"--rate {self.rate}: must be above 0")
        if self.width % 4:
            raise ValueError(f"--width {self.width}: must be a multiple of 4, which is how many heads there are")

    @property
    def lives(self) -> Lives:
        """What the learned form needs."""
        return Lives(**{name: getattr(self, name) for name in Lives.__dataclass_fields__})


def arrow(nats: np.ndarray) -> np.ndarray:
    """∂ [...] of losses [2, ...], forward and backward."""
    return 2 * (nats[1] - nats[0]) / (nats[1] + nats[0])


def seed_of(arm: str, seed: int) -> int:
    """Other random numbers for each arm: with the same, backward would be forward read from the end, bit for bit."""
    return 1000 * list(ARMS).index(arm) + seed


def row(language: np.ndarray, longest: int, **known) -> dict:
    """A row of the table: what is `known`, and what exact learners of its language [2, m] lose."""
    nats, ones = losses(language, longest), unpack(language).sum((1, 2))
    of_exact, other = arrow(nats).tolist()
    found = {"forward": nats[0, 0], "backward": nats[1, 0], "ones_A": ones[0], "ones_inverse": ones[1]} | known
    aot = arrow(np.array([found["forward"], found["backward"]]))
    return found | {"aot": aot, "aot_exact": of_exact, "aot_other_word": other}


def exact(args: EmergenceArguments, form: str, arm: str, bits: int, at: np.ndarray) -> Iterable[dict]:
    """Rows of all seeds of an exact form, after `at` [n] generations."""
    most = args.longest if form == "rules" else bits
    for seed in range(1, args.exact_seeds + 1):
        drawn = draw(np.random.default_rng(seed_of(arm, seed)), at[-1], bits)
        start = pack(np.eye(bits, dtype=np.uint8))
        languages, adopted = walk(start, *ARMS[arm], *drawn, args.budget, most, at)
        for language, generation, so_far in zip(languages, at, adopted, strict=True):
            own = {"form": form, "bits": bits, "arm": arm, "seed": seed, "generation": generation, "adopted": so_far}
            yield row(language, args.longest, **own, commit=COMMIT)


def learned(args: EmergenceArguments, which: tuple[str, int]) -> list[dict]:
    """Rows of a learned pair, which is trained unless its file is there; SystemExit where that is of another one."""
    arm, seed = which
    path, request = Path(args.runs, args.name, f"{arm}-{seed}.json"), asdict(args.lives) | {"seed": seed_of(arm, seed)}
    if (found := read_json(path, f"delete {path} and run again")) is None:
        torch.set_num_threads(1)
        with Bar(live(args.lives, *ARMS[arm], request["seed"]), total=args.generations + 1, desc=path.stem) as bar:
            found = {"request": request, "generations": [*bar], "commit": COMMIT}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, found)
    if other := differences(request, found["request"]):
        raise SystemExit(f"{path}: was made with other flags ({other[0]}); choose another --name, or delete it")
    rows = []
    for each in found["generations"]:
        own = each | {"form": "learned", "bits": args.bits, "arm": arm, "seed": seed, "commit": found["commit"]}
        rows.append(row(np.array(own.pop("language"), np.uint64), args.longest, **own))
    return rows


def means(table: pd.DataFrame) -> pd.DataFrame:
    """The mean over seeds of each generation, and the 0.95 interval of ∂ by t over them."""
    rows = []
    for key, group in table.groupby(["form", "bits", "arm", "generation"], sort=False):
        aot, margin = mean_and_margin(group["aot"].to_numpy())
        of_all = dict(zip(("form", "bits", "arm", "generation"), key, strict=True)) | {"seed": "mean"}
        interval = {"low": aot - margin, "high": aot + margin, "commit": group["commit"].iloc[0]}
        rows.append(of_all | group[MEASURED].mean().to_dict() | interval)
    return pd.DataFrame(rows)


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(EmergenceArguments, doc=__doc__, argv=argv)
    pairs = [*product(LEARNED, range(1, args.seeds + 1))]
    of_pair = partial(learned, args)
    if (processes := min(cores(), len(pairs))) > 1:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            rows = [each for rows in pool.map(of_pair, pairs) for each in rows]
    else:
        rows = [each for pair in pairs for each in of_pair(pair)]
    last = np.log2(args.exact_generations)
    middle = np.arange(min(4, last), min(11, last), 0.5)  # where much happens
    at = np.round(2 ** np.concatenate([np.arange(last), middle])).astype(int)
    at = np.unique([0, *at, args.exact_generations])
    few = np.arange(args.generations + 1)
    walks = [(form, arm, args.exact_bits, at) for form in ("budget", "rules") for arm in ARMS]
    walks += [("rules", arm, args.bits, few) for arm in LEARNED]
    for each in Bar(walks, desc="exact", unit="arm"):
        rows += exact(args, *each)
    seeds = pd.DataFrame(rows)
    table = pd.concat([means(seeds), seeds.drop(columns="commit")]).reindex(columns=COLUMNS)
    path = Path(args.results, f"{args.name}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial_path:
        table.to_csv(partial_path, index=False, float_format="%.5g")
    print(f"{path}: {len(pairs)} learned pairs, {args.exact_seeds} seeds of each exact form")


if __name__ == "__main__":
    command(main)
