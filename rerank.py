"""Which continuation of a prompt is best? That which both models of a pair find likely, each in its direction.

    python rerank.py --pair pairs/en-books --prompt "She opened the door."
    python rerank.py --pair USER/NAME --prompt "She opened the door and" --candidates lines.txt --backward_weight 0.5
    python rerank.py --pair pairs/en-books --prompt "She opened the door." --end "He laughed." --max_new_tokens 20
    python rerank.py --pair USER/NAME --prompts lines.txt --num_return_sequences 32 --output ranked.jsonl

The forward model samples candidates y of a prompt x, or they are given, one a line. They are ranked by
log P→(y | x) + λ log P←(x | y), in nats: how likely the candidate is after the prompt, and the prompt before the
candidate. With --end, both models write what may stand between, and the order is by
log P→(y z | x) + λ log P←(x y | z) for an end z.

Prints a table, best first. With --output, writes one JSON object for each prompt, with its candidates best first,
whole or not at all, and beside it OUTPUT.request.json, what it was made with; the same command again goes on where it
was interrupted.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import math
from dataclasses import dataclass, field, fields

from aot.base.cli import at_least, command, parse_arguments, without_effect
from aot.measure.prompts import ModelArguments, Prompts, SamplingArguments, as_text, read_lines, read_prompts


@dataclass
class RankingArguments(Prompts):
    """What is ranked, and how."""

    prompt: str = field(default="", metadata={"help": "The beginning, which a candidate goes on from."})
    end: str | None = field(default=None, metadata={"help": "What comes after the candidates. Default: nothing."})
    candidates: str | None = field(
        default=None,
        metadata={"help": "A file with one candidate a line, or -, for every prompt. Default: the models' own."},
    )
    backward_weight: float = field(default=1.0, metadata={"help": "λ, the weight of what the backward model says."})
    length_penalty: float = field(
        default=0.0,
        metadata={
            "help": "As in GenerationConfig: each sum is divided by its number of tokens to this power. 0: sums; 1: "
            "means, for candidates that differ in length."
        },
    )
    batch_size: int = field(default=16, metadata={"help": "Candidates that are scored at once."})

    def __post_init__(self):
        super().__post_init__()
        at_least(self, backward_weight=0)
        if not (math.isfinite(self.backward_weight) and math.isfinite(self.length_penalty)):
            raise ValueError("--backward_weight and --length_penalty must be finite")


@dataclass
class CandidateArguments(SamplingArguments):
    """How candidates are sampled, as in GenerationConfig. The defaults sample from the models as they are."""

    max_new_tokens: int = field(default=24, metadata={"help": "Tokens of a candidate at most; with --end, exactly."})
    num_return_sequences: int = field(default=16, metadata={"help": "Candidates of each model that writes any."})


def read_candidates(path: str) -> list[str]:
    """The candidates of the user; SystemExit where one is empty."""
    lines = read_lines(path, "--candidates", "candidate")
    if "" in lines:
        raise SystemExit(f"--candidates {path}: line {lines.index('') + 1:,} is empty; one stands on each line")
    return lines


def main(argv: list[str] | None = None) -> None:
    which, what, how = parse_arguments(ModelArguments, RankingArguments, CandidateArguments, doc=__doc__, argv=argv)
    if what.prompts == what.candidates == "-":
        raise SystemExit("--prompts - and --candidates -: only one of them can be read from stdin")
    prompts = read_prompts(what)
    if "" in prompts:
        where = f"line {prompts.index('') + 1:,} of --prompts is" if what.prompts else "--prompt is not given, or"
        raise SystemExit(f"{where} empty; give the beginning that a candidate goes on from")
    if what.end:
        as_text(what.end, "--end")
    candidates = read_candidates(what.candidates) if what.candidates else None
    if what.candidates:
        without_effect(how.given, {each.name: "on candidates that are given" for each in fields(how)})
    else:
        how.say_unused()
        if what.end:
            without_effect(how.given, {"min_new_tokens": "with --end: all candidates have --max_new_tokens"})
    from aot.measure.rankings import rank_all  # here, since --help need not wait for torch

    rank_all(prompts, candidates, which, what, how)


if __name__ == "__main__":
    command(main)
