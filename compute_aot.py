"""Measure the arrow of time ∂ of a text with a forward and a backward model.

    python compute_aot.py --pair runs/en-micro-T256-seed42 --data data/en
    python compute_aot.py --pair runs/en-seed1 runs/en-seed2 runs/en-seed3 --data data/en     # seeds of one pair
    cat letter.txt | python compute_aot.py --pair USER/NAME --text -                           # a pair on the Hub
    python compute_aot.py --pair runs/en-micro-T256-seed42 --data data/en --where                  # and where it sits
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

import hashlib
import shlex
import shutil
from dataclasses import dataclass, field, fields

from aot.base.cli import command, parse_arguments, without_effect
from aot.base.folders import alone
from aot.base.messages import then
from aot.measure.inputs import PairArguments, TextArguments, encode_text, load_pairs
from aot.measure.prequential import prequential
from aot.measure.reports import finished_report, print_report
from aot.measure.scores import measure
from aot.measure.where import print_where, with_where
from aot.quick.inputs import QuickArguments
from aot.quick.measuring import quick
from aot.tokens.data_folder import read_meta
from aot.tokens.text import kind_of, short_name
from aot.tokens.tokenizers import pair_tokenizers
from aot.train.models import check_context, find_device
from aot.train.pairs import and_more, recipe_of, trained_context, weights_identity

NOT_OF_TEXT = {  # flags that say how a text of another kind is read
    "data": ("documents", "column", "errors", "max_document_bytes", "dataset_config", "clusters"),
    "text": ("split", "dataset_config"),
}


@dataclass
class ScoreArguments:
    """How it is scored and where the result goes."""

    context: int | None = field(
        default=None, metadata={"aliases": ["--block_size"], "help": "Tokens per window. Default: as trained."}
    )
    stride: int | None = field(
        default=None,
        metadata={
            "help": "Tokens from one window to the next. Default: the context, each token in one window. Half of it "
            "gives each token at least half a window to read before it, in either direction, at twice the cost."
        },
    )
    by_text: bool = field(
        default=False, metadata={"help": "Compare nats per document of models whose tokenizers or training differ."}
    )
    reverse_text: bool = field(
        default=False,
        metadata={
            "help": "The backward model was trained on text whose characters were reversed, and reads them left to "
            "right, as of tokenize_lang.py --reverse_text. Implies --by_text."
        },
    )
    confidence: float = field(default=0.95, metadata={"help": "Coverage of the interval."})
    batch_size: str = field(default="auto", metadata={"help": "Windows at once, halved when memory runs out."})
    device: str | None = field(default=None, metadata={"help": "cpu, cuda, cuda:1, ... Default: a GPU, if any."})
    output_dir: str | None = field(default=None, metadata={"help": "Default: scores/PAIR-on-TEXT."})

    def __post_init__(self):
        if not 0 < self.confidence < 1:
            raise ValueError(f"--confidence {self.confidence}: must lie between 0 and 1, such as 0.95")
        if self.batch_size != "auto" and not (self.batch_size.isdecimal() and int(self.batch_size)):
            raise ValueError(f"--batch_size {self.batch_size}: must be auto or a number from 1")
        self.device = find_device(self.device)
        self.by_text |= self.reverse_text

    def reads(self, direction: str) -> str:
        """The direction in which the model of a direction reads its text."""
        return "forward" if self.reverse_text else direction


def check_windows(how: ScoreArguments, configs: dict) -> None:
    """Fill in the context and stride that were not given; SystemExit where no model can read such windows."""
    if how.context is None:
        how.context = min(map(trained_context, configs.values()))
    if how.stride is None:
        how.stride = how.context
    if not 1 <= how.stride <= how.context:
        raise SystemExit(f"--context {how.context} --stride {how.stride}: need context ≥ 1 and 1 ≤ stride ≤ context")
    for config in configs.values():
        check_context(config, how.context)


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
    if all(Path(each).is_dir() for each in (*which.pair, *which.forward, *which.backward)):
        without_effect(which.given, {"revision": "on folders of this machine"})
    if fast.where and (which.prequential or how.by_text):
        raise SystemExit("--where: takes tokens that a pair shares, not --prequential, --by_text or --reverse_text")
    if which.prequential:
        models, texts = (which.pair, which.forward, which.backward), (what.data, what.text, what.dataset)
        if any((*models, *texts, which.pickled_weights, how.reverse_text)):
            raise SystemExit("give --prequential without models and text: it takes what training has logged")
        which.pair = which.prequential
        return prequential(*load_pairs(which, how), how.confidence, how.output_dir)
    if fast.quick and sum(map(bool, (what.data, what.text, what.dataset))) == 1:
        quick(what, fast, how.confidence, how.output_dir)
        return None if fast.where or fast.destroy or fast.keep or how.output_dir else where_next(argv)
    if sum(map(bool, (what.data, what.text, what.dataset))) != 1 or (how.by_text and what.data):
        raise SystemExit(
            "give one of --data, --text and --dataset; with --by_text or --reverse_text, which encode anew, not --data"
        )
    pairs, configs = load_pairs(which, how)
    tokenizers = pair_tokenizers(configs, which.revision, comparable=not how.by_text)
    check_windows(how, configs)
    turned = {pairs[0]["backward"]} if how.reverse_text else set()
    text, name = encode_text(what, tokenizers, turned, how), what.data or what.dataset or what.text[0]
    request = {
        "pairs": pairs,
        "weights": {path: weights_identity(path, config) for path, config in configs.items()},
        "text": name,
        "text_sha256": {path: hashlib.sha256(ids).hexdigest() for path, ids in text.ids.items()},
        **{name: getattr(how, name) for name in ("context", "stride", "by_text", "confidence")},
        **({"reverse_text": True} if how.reverse_text else {}),
        **({} if text.clusters is None else {"clusters_sha256": hashlib.sha256(text.clusters).hexdigest()}),
    }
    # of the data that all were trained on, the report says whether they have learned anything
    home = {read_meta(what.data)["data_sha256"]} if what.data else set()
    unchecked = {} if {recipe_of(each).get("data_sha256") for each in configs.values()} == home else configs
    models = Path([*which.pair, *which.forward][0]).name + and_more(pairs)
    folder = Path(how.output_dir or f"scores/{models}-on-{short_name(name)}")
    unfinished = folder.with_name(folder.name + ".partial")
    if not folder.exists():
        with alone(unfinished):
            if not folder.exists():  # another process may just have finished it
                measure(text, request, tokenizers, unchecked, folder, unfinished, which, how)
    report = finished_report(folder / "aot.json", request)
    shutil.rmtree(unfinished, ignore_errors=True)
    if fast.where:
        report = with_where(folder, report, tokenizers[pairs[0]["forward"]])
    print_report(report, folder)
    if fast.where:
        print_where(report)
    elif not how.by_text:
        where_next(argv)


if __name__ == "__main__":
    command(main)
