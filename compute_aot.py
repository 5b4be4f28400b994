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
import itertools
import re
import shutil
import zipfile
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from aot.base.cli import Grow, at_least, command, parse_arguments, without_effect
from aot.base.files import file_sha256, read_json, sync, write_json, writing
from aot.base.folders import alone, differences
from aot.base.machine import provenance
from aot.base.messages import count
from aot.measure.checks import COUNTED, check_models, unigram_loss
from aot.measure.prequential import prequential
from aot.measure.reports import LOSSES, finished_report
from aot.measure.scoring import document_totals, loss_by_read, make_room, score_as_fits
from aot.measure.where import print_where, with_where
from aot.quick.measuring import QuickArguments, quick
from aot.statistics.samples import arrow_over, samples_of
from aot.tokens.clusters import FLAG_HELP, read_clustered
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import chunks, load_stream, read_clusters
from aot.tokens.text import kind_of, reverse_graphemes, short_name
from aot.tokens.tokenizers import encode, pair_tokenizers, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS, document_starts, parts
from aot.train.models import check_context, find_device, load_model
from aot.train.pairs import and_more, locate_pair, pair_configs, recipe_of, trained_context, weights_identity
from metrics.arrow_of_time.gap import arrow_from_totals

BARS = 40  # tokens that sentence.png shows at most, as many as can be labelled
SENTENCE_END = re.compile(r"""[.!?…。\n]["'“”‘’«»‹›」』)]*\Z""")


NOT_OF_TEXT = {  # flags that say how a text of another kind is read
    "data": ("documents", "column", "errors", "max_document_bytes", "dataset_config", "clusters"),
    "text": ("split", "dataset_config"),
}


@dataclass
class PairArguments:
    """Which models."""

    pair: list[str] = field(
        default_factory=list,
        metadata={
            "help": "A run folder with forward/ and backward/, or NAME for NAME-forward and NAME-backward, folders or "
            "Hub ids. Several are taken as training seeds of one pair.",
            "action": Grow,
        },
    )
    forward: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Instead of --pair: a forward model of any origin, or one for each of several seeds.",
            "action": Grow,
        },
    )
    backward: list[str] = field(
        default_factory=list,
        metadata={"help": "Instead of --pair: the backward models, in the same order.", "action": Grow},
    )
    prequential: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Instead of models and a text: run folders, seeds of one pair. The losses of their first epoch "
            "are code lengths of the training text.",
            "action": Grow,
        },
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of the Hub ids."})
    pickled_weights: bool = field(
        default=False, metadata={"help": "Read pytorch_model.bin where there are no safetensors: its tensors alone."}
    )

    def load(self, path: str) -> PreTrainedModel:
        """One of the models."""
        return load_model(path, self.revision, pickled=self.pickled_weights)


@dataclass
class TextArguments:
    """Which text: one of --data, --text or --dataset."""

    data: str | None = field(default=None, metadata={"help": "Data folder, whose --split is scored."})
    split: str = field(default="validation", metadata={"help": "Split of the data folder, or of the Hub data set."})
    text: list[str] = field(
        default_factory=list,
        metadata={"help": "Text: files, folders, URLs as for tokenize_lang.py, or - for stdin.", "action": Grow},
    )
    dataset: str | None = field(default=None, metadata={"help": "Data set on the Hub."})
    dataset_config: str | None = field(default=None, metadata={"help": "Its configuration, such as a language."})
    column: str = field(default="text", metadata={"help": "Column with the text, in rows of a file or on the Hub."})
    documents: Literal["paragraph", "line", "file", "fasta"] = field(
        default="paragraph",
        metadata={"help": "What a document of --text is, the unit of the interval: separated by blank lines, ..."},
    )
    clusters: str | None = field(default=None, metadata={"help": FLAG_HELP})
    errors: Literal["strict", "replace"] = field(
        default="strict", metadata={"help": "What to do about invalid UTF-8: stop, or put U+FFFD in its place."}
    )
    max_document_bytes: int = field(default=20_000_000, metadata={"help": "A longer document is an error."})

    def __post_init__(self):
        at_least(self, max_document_bytes=1)

    @property
    def sources(self) -> list[str]:
        """What is read if there is no --data."""
        return [self.dataset] if self.dataset else self.text

    def reading(self) -> dict:
        """How the documents of --text and --dataset are read, as `aot.tokens.text.read_documents` takes it."""
        names = ("column", "split", "errors", "max_document_bytes")
        return {"config": self.dataset_config} | {name: getattr(self, name) for name in names}


@dataclass
class ScoreArguments:
    """How it is scored and where the result goes."""

    context: int | None = field(default=None, metadata={"help": "Tokens per window. Default: as trained."})
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


def load_pairs(args: PairArguments, how: ScoreArguments) -> tuple[list[dict[str, str]], dict]:
    """Path of each model of each pair by direction, and all configurations by path; SystemExit unless true pairs."""
    explicit = (args.forward, args.backward)
    if bool(args.pair) == any(explicit) or any(explicit) != all(explicit):
        raise SystemExit(
            "give either --pair NAME [NAME ...], or both --forward MODEL and --backward MODEL, or --quick, which "
            "needs no model"
        )
    if len(args.forward) != len(args.backward):
        raise SystemExit(f"--forward names {len(args.forward)} and --backward {len(args.backward)}: a seed has both")
    pairs = [locate_pair(name) for name in args.pair]
    pairs += [dict(zip(DIRECTIONS, pair, strict=True)) for pair in zip(*explicit, strict=True)]
    if how.by_text and len(pairs) > 1:
        raise SystemExit("--by_text and --reverse_text compare one pair at a time")
    configs = pair_configs(pairs, args.revision, not args.pair, comparable=not how.by_text, reads=how.reads)
    for pair in pairs:
        if pair["forward"] == pair["backward"]:
            raise SystemExit(f"{pair['forward']}: stands for both directions; a pair is two models")
    return pairs, configs


@dataclass
class Encoded:
    """A text of D documents as the models read it; by path of the model, since with --by_text their tokens differ."""

    ids: dict[str, np.ndarray]  # [n]
    starts: dict[str, np.ndarray]  # [D], position of the first token of each document
    units: np.ndarray  # [D], tokens of each document, or bytes with --by_text
    clusters: np.ndarray | None  # [D], number of the cluster of each document, if these are what the interval counts
    bytes: int
    train: np.ndarray | None  # [m], the beginning of what its data folder has to train on, if it is held out from that


def encode_text(args: TextArguments, tokenizers: dict[str, PreTrainedTokenizerBase], turned: set, how) -> Encoded:
    """What is scored, as each of the tokenizers gives it; equal ones, such as those of seeds, share it.

    Models whose path is in `turned` get each document with its characters reversed.
    """
    kinds = {path: (tokenizer_sha256(each), each.eos_token_id, path in turned) for path, each in tokenizers.items()}
    different = {kinds[path]: each for path, each in tokenizers.items()}
    train = None
    if args.data:
        encoded = dict.fromkeys(different, load_stream(args.data, args.split, next(iter(different.values()))))
        meta, clusters = read_meta(args.data), read_clusters(args.data, args.split)
        length, text_bytes = meta.get("tokens_per_document"), meta["splits"][args.split]["bytes"]
        if args.split == "validation" and meta["splits"].get("train", {}).get("tokens"):
            train = open_stream(args.data, "train")[:COUNTED]
    else:
        rows, bytes_each, clusters, length = {kind: [] for kind in different}, [], [], None
        for chunk in chunks(read_clustered(args.sources, args.documents, args.clusters, **args.reading())):
            texts, of_texts = zip(*chunk, strict=True)
            bytes_each += [len(text.encode()) for text in texts]
            clusters += of_texts if args.clusters else ()
            for kind, each in different.items():
                turned_or_not = [*map(reverse_graphemes, texts)] if kind[-1] else [*texts]
                rows[kind].append(encode(turned_or_not, each.backend_tokenizer, each.eos_token_id))
        encoded = {kind: np.concatenate(rows.pop(kind)) for kind in different}
        bytes_each, text_bytes = np.array(bytes_each), sum(bytes_each)
    begin = {kind: document_starts(encoded[kind], each.eos_token_id, length) for kind, each in different.items()}
    ids, starts = ({path: of[kind] for path, kind in kinds.items()} for of in (encoded, begin))
    first = next(iter(ids))
    units = bytes_each if how.by_text else np.diff(starts[first], append=len(ids[first]))
    return Encoded(ids, starts, units, samples_of(clusters, len(units)), text_bytes, train)


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


def score_model(path: str, ids: np.ndarray, losses: np.memmap, direction: str, bos: int, which, how) -> None:
    """Put the loss in nats of each token of `ids` [n] into `losses` [n]."""
    model = which.load(path).to(how.device)
    score_as_fits(model, ids, how.reads(direction), how.context, how.stride, how.batch_size, bos, losses)
    for part in parts(len(ids)):
        if not (finite := np.isfinite(losses[part])).all():
            at = part.start + finite.argmin()
            raise SystemExit(f"{path}: gives token {at:,} (id {ids[at]}) a loss of {losses[at]}; no ∂ follows")


def score_once(scored: Path, request: dict, path: str, ids: np.ndarray, losses: np.memmap, *how) -> None:
    """Put the losses of a model into `losses` [n], a mapped file, unless `scored` says that they are there."""
    if not (done := read_json(scored)):
        score_model(path, ids, losses, *how)
        with writing(scored):
            losses.flush()
            write_json(scored.with_name("request.json"), request)
            write_json(scored, {"sha256": hashlib.sha256(losses).hexdigest()})
    elif done.get("sha256") != hashlib.sha256(losses).hexdigest():
        raise SystemExit(f"{losses.filename}: is not as it was scored; delete {scored.parent} and measure again")


def open_losses(path: Path) -> np.memmap:
    """Losses [K, n] that `make_room` has made room for, to be written; SystemExit where they cannot be."""
    try:
        return np.load(path, mmap_mode="r+")
    except (OSError, ValueError, EOFError) as error:
        raise SystemExit(f"{path}: is damaged ({error}); delete {path.parent} and measure again") from error


@dataclass
class Sums:
    """What the report and the figures need of the losses of K models of one direction."""

    documents: list = field(default_factory=list)  # [K, D], nats of each document
    read: list = field(default_factory=list)  # [K, 2, T], tokens and nats by how many tokens were read before
    position: list = field(default_factory=list)  # [K, 2, T], the same by position in windows counted forward


def score_pairs(text: Encoded, request: dict, tokenizers: dict, files: dict, which, how) -> dict[str, Sums]:
    """Put the losses [K, n] of all models into `files`; give their sums. Both by direction."""
    first, folder = request["pairs"][0], files["forward"].parent
    sums = {direction: Sums() for direction in DIRECTIONS}
    try:
        if not all(file.exists() for file in (folder / "request.json", *files.values())):
            make_room({files[name]: (len(request["pairs"]), len(text.ids[path])) for name, path in first.items()})
        for number, pair in enumerate(request["pairs"]):
            for direction, path in pair.items():
                losses, own = open_losses(files[direction])[number], sums[direction]
                reading = direction, tokenizers[path].bos_token_id, which, how
                score_once(folder / f"{direction}-{number}.json", request, path, text.ids[path], losses, *reading)
                own.documents.append(document_totals(losses, text.starts[path]))
                own.read.append(loss_by_read(losses, how.context, how.stride, how.reads(direction)))
                own.position.append(loss_by_read(losses, how.context, how.stride, "forward"))
    finally:
        if not (folder / "request.json").exists():  # no model is done, so there is nothing to go on with
            for file in files.values():
                file.unlink(missing_ok=True)
    return sums


def control(totals: np.ndarray, units: np.ndarray) -> float | None:
    """A/A control: root mean square ∂ of two seeds of one direction, `totals` [K, D] nats; None with one seed."""
    between = [arrow_from_totals(*two, units)["aot"] for two in itertools.combinations(totals, 2)]
    return float(np.sqrt(np.mean(np.square(between)))) if between else None


def draw_sentence(path: Path, ids: np.ndarray, tokenizer: PreTrainedTokenizerBase, files: dict[str, Path]) -> None:
    """The first document [n], with its losses from `files`; of a long one, as many sentences as there are bars for."""
    from aot.show import figures

    ends = (n for n in range(BARS, 0, -1) if SENTENCE_END.search(tokenizer.decode(ids[:n])))
    end = len(ids) if len(ids) <= BARS else next(ends, BARS)
    losses = {direction: np.load(file, mmap_mode="r")[:, :end].mean(0) for direction, file in files.items()}
    figures.plot_sentence(path, [tokenizer.decode([token]) for token in ids[:end]], losses, whole=end == len(ids))


def draw(folder: Path, report: dict, sums: dict[str, Sums]) -> None:
    """The figures of sums, of the means over seeds."""
    from aot.show import figures  # matplotlib takes a second, which --help need not wait for

    def mean(what: str) -> dict[str, np.ndarray]:
        return {direction: np.mean(getattr(own, what), 0) for direction, own in sums.items()}

    context, stride, by_text = (report["request"][key] for key in ("context", "stride", "by_text"))
    same_windows = stride == context and not by_text
    figures.plot_by_position(folder / "by_position.png", mean("read"), mean("position") if same_windows else None)
    figures.plot_documents(folder / "documents.png", *mean("documents").values(), report)


def measure(
    text: Encoded, request: dict, tokenizers: dict, unchecked: dict, folder: Path, unfinished: Path, which, how
) -> None:
    """Score the text with all models, and make `folder`, whole, of what follows; until then all is in `unfinished`.

    The `unchecked` models, configurations by path, are first seen to read the text.
    """
    unigram = {
        direction: unigram_loss(text.ids[path], len(tokenizers[path]), text.train)
        for direction, path in request["pairs"][0].items()
    }
    before = read_json(unfinished / "request.json")  # which is there from when the first model was scored
    if differ := differences(before or request, request):
        raise SystemExit(
            f"{unfinished}: holds the start of other scores (there / now): {'; '.join(differ)}. "
            "Delete it, or choose another --output_dir."
        )
    if unchecked and not before:
        check_models(request["pairs"], unchecked, tokenizers, text.ids, unigram, which, how)
    files = {direction: unfinished / f"{direction}.npy" for direction in DIRECTIONS}
    sums = score_pairs(text, request, tokenizers, files, which, how)
    totals = {direction: own.documents for direction, own in sums.items()}
    per_unit = {direction: len(text.ids[path]) / text.units.sum() for direction, path in request["pairs"][0].items()}
    counting = [unigram[direction] * per_unit[direction] for direction in DIRECTIONS]
    report = {
        **arrow_over(text.clusters, totals["forward"], totals["backward"], text.units, how.confidence, counting),
        "unit": "byte" if how.by_text else "token",
        "bytes": text.bytes,
        "bits_per_byte": {name: np.mean(loss, 0).sum() / np.log(2) / text.bytes for name, loss in totals.items()},
        "control": {name: control(loss, text.units) for name, loss in totals.items()},
        "request": request,
        **provenance(),
    }
    saved = {} if text.clusters is None else {"clusters": text.clusters}
    saved |= {f"{direction}_per_document": loss for direction, loss in totals.items()}
    for direction, path in request["pairs"][0].items():
        own = f"{direction}_" if how.by_text else ""  # there each model has tokens of its own
        saved |= {f"{own}ids": text.ids[path], f"{own}document_starts": text.starts[path]}
    whole = unfinished / folder.name
    with writing(whole):
        whole.mkdir(exist_ok=True)
        draw(whole, report, sums)
        if not how.by_text:
            draw_sentence(whole / "sentence.png", text.ids[path][: text.units[0]], tokenizers[path], files)
        np.savez(whole / LOSSES, **saved)
        with zipfile.ZipFile(whole / LOSSES, "a") as archive:  # an .npz file is .npy files in a .zip file
            for file in files.values():
                with file.open("rb") as losses, archive.open(file.name, "w", force_zip64=True) as member:
                    shutil.copyfileobj(losses, member, 2**20)  # without its time, so that the same losses are one file
        write_json(whole / "aot.json", report | {"sha256": {LOSSES: file_sha256(whole / LOSSES)}})
        sync(whole)
    whole.rename(folder)


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    low, high, samples = report["low"], report["high"], report.get("samples", "documents")
    interval = "no interval" if low is None else f"{report['confidence']:.4g} interval {low:+.3%} to {high:+.3%}"
    rows = [
        ("", "forward →", "backward ←"),
        (f"nats per {report['unit']}", f"{report['forward']:.4f}", f"{report['backward']:.4f}"),
        ("counting tokens", *(f"{each:.4f}" for each in report["unigram"])),
        ("bits per byte", *(f"{report['bits_per_byte'][direction]:.4f}" for direction in DIRECTIONS)),
        ("Δ = ℓ← − ℓ→", f"{report['delta']:+.4f}", f"nats per {report['unit']}"),
        ("r = ℓ←/ℓ→ − 1", f"{report['ratio']:+.3%}", "as in the tables of the paper"),
        ("∂", f"{report['aot']:+.3%}", interval),
        ("scored", f"{report['tokens']:,.0f}", f"{report['unit']}s in {count(report['documents'], samples[:-1])}"),
        ("training seeds", f"{report['seeds']}", ", ".join(f"{aot:+.3%}" for aot in report["per_seed"])),
    ]
    if report["documents_forward_easier"] is not None:
        rows.append((f"{samples}, ∂ > 0", f"{report['documents_forward_easier']:.1%}", "of those that are no ties"))
    if report["seeds"] > 1:
        apart = " and ".join(f"{report['control'][direction]:.3%} ({direction})" for direction in DIRECTIONS)
        rows.append(("A/A control", "", f"two seeds of one direction are {apart} apart"))
    print("\n".join(f"{name:<18}{first:>12}  {second}".rstrip() for name, first, second in rows))
    names = ("aot.json", LOSSES, "by_position.png", "documents.png", "sentence.png", "where.csv", "where.png")
    print(f"\n{report['verdict']}\n{folder}/: {' '.join(name for name in names if (folder / name).exists())}")


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
        return quick(what, fast, how.confidence, how.output_dir)
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


if __name__ == "__main__":
    command(main)
