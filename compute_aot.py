"""Measure the arrow of time ∂ of a text with a forward and a backward model.

    python compute_aot.py --pair runs/en-micro-T256-seed42 --data data/en
    python compute_aot.py --pair runs/en-seed1 runs/en-seed2 runs/en-seed3 --data data/en     # seeds of one pair
    cat letter.txt | python compute_aot.py --pair USER/NAME --text -                           # a pair on the Hub
    python compute_aot.py --pair runs/en-micro-T256-seed42 --data data/en --where                  # and where it sits
    python compute_aot.py --pair runs/en --permuted runs/en/permuted --data data/en            # and without any order
    python compute_aot.py --prequential runs/en-micro-T256-seed42                              # of its training alone
    python compute_aot.py --quick --text letter.txt                                            # no model, in seconds

Every token is scored exactly once in each direction. A model that cannot read a sample of the text, or that is not
known to be of its direction and finds the other one easier, is refused before that. Prints ∂ with its interval and
writes to OUTPUT_DIR: `aot.json` (all numbers), `losses.npz` (the loss of each token in nats, in text order, and of
each document) and figures: `by_position.png`, `documents.png` and `sentence.png`; with --where, which can be asked for
later, `where.csv` and `where.png` too. ∂ > 0: forward is easier. ∂ < 0: backward is easier.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.process  # isort: skip  # noqa: F401  before torch

import shlex
from dataclasses import fields

from aot.base.cli import command, parse_arguments, without_effect
from aot.base.messages import then
from aot.measure.arguments import PairArguments, ScoreArguments, TextArguments
from aot.quick.arguments import QuickArguments
from aot.tokens.text import kind_of

NOT_OF_TEXT = {  # flags that say how a text of another kind is read
    "data": ("documents", "column", "errors", "max_document_bytes", "dataset_config", "clusters"),
    "text": ("split", "dataset_config"),
}


def check_flags(quick: bool, what: TextArguments) -> None:
    """SystemExit for flags without an effect: of models with --quick, of --quick without it, of other texts."""
    given = what.given
    of_models = {each.name for kind in (PairArguments, ScoreArguments) for each in fields(kind)}
    of_quick = {each.name for each in fields(QuickArguments)}
    none = of_models - {"confidence", "output_dir"} if quick else of_quick - {"where"}
    without = dict.fromkeys(none, "with --quick" if quick else "without --quick")
    for text in given & set(NOT_OF_TEXT):
        without |= dict.fromkeys(NOT_OF_TEXT[text], f"with --{text}")
    for name in sorted(given & set(without)):
        raise SystemExit(f"--{name}: has no effect {without[name]}; see --help")


def where_next(argv: list[str] | None) -> None:
    """Print the command that shows where in the same text ∂ sits."""
    given = sys.argv[1:] if argv is None else argv
    if "-" not in given:  # which has been read
        then("To see where in the text it sits", f"python compute_aot.py {shlex.join(given)} --where")


def main(argv: list[str] | None = None) -> None:
    kinds = PairArguments, TextArguments, ScoreArguments, QuickArguments
    which, what, how, fast = parse_arguments(*kinds, doc=__doc__, argv=argv)
    check_flags(fast.quick, what)
    if what.text and {kind_of(each) for each in what.text} == {"text"}:
        without_effect(what.given, {"column": "on text, which has no columns"})
    models = (*which.pair, *which.forward, *which.backward, *which.permuted)
    if all(Path(each).is_dir() for each in models):
        without_effect(which.given, {"revision": "on folders of this machine"})
    if fast.where and (which.prequential or how.by_text):
        raise SystemExit("--where: takes tokens that a pair shares, not --prequential, --by_text or --reverse_text")
    if which.prequential:
        if any((*models, what.data, what.text, what.dataset, which.pickled_weights, how.reverse_text)):
            raise SystemExit("give --prequential without models and text: it takes what training has logged")
        from aot.measure.inputs import load_pairs  # takes seconds, which --help need not wait for
        from aot.measure.prequential import prequential

        which.pair = which.prequential
        return prequential(*load_pairs(which, how), how.confidence, how.output_dir)
    if fast.quick and sum(map(bool, (what.data, what.text, what.dataset))) == 1:
        from aot.quick.measuring import quick

        quick(what, fast, how.confidence, how.output_dir)
        return None if fast.where or fast.destroy or fast.keep or how.output_dir else where_next(argv)
    if sum(map(bool, (what.data, what.text, what.dataset))) != 1 or (how.by_text and what.data):
        raise SystemExit(
            "give one of --data, --text and --dataset; with --by_text or --reverse_text, which encode anew, not --data"
        )
    from aot.measure.measuring import measure_text

    measure_text(which, what, how, fast.where)
    if not fast.where and not how.by_text:
        where_next(argv)


if __name__ == "__main__":
    command(main)
