"""Measure the arrow of time ∂ of a text with a forward and a backward model.

    python compute_aot.py --pair runs/en-micro-T256-seed42 --data data/en
    python compute_aot.py --pair runs/en-seed1 runs/en-seed2 runs/en-seed3 --data data/en     # seeds of one pair
    cat letter.txt | python compute_aot.py --pair USER/NAME --text -                           # a pair on the Hub
    python compute_aot.py --prequential runs/en-micro-T256-seed42                              # of its training alone

Every token is scored exactly once in each direction. Prints ∂ with its interval and writes to OUTPUT_DIR: `aot.json`
(all numbers), `losses.npz` (the loss of each token in nats, in text order) and figures: `by_position.png`,
`documents.png` and `sentence.png`. ∂ > 0: forward is easier. ∂ < 0: backward is easier.
"""

import aot.process  # isort: skip  # noqa: F401  before torch

import hashlib
import itertools
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from accelerate.utils import find_executable_batch_size
from transformers import PreTrainedTokenizerBase

from aot.cli import command, parse_arguments
from aot.data import DIRECTIONS, document_starts, open_stream, read_meta
from aot.models import check_context, find_device, load_model
from aot.pairs import locate_pair, pair_configs, trained_context, weights_identity
from aot.prequential import prequential
from aot.runs import alone, differences, finished_report, provenance, read_json, sync, write_json, writing
from aot.scoring import automatic_batch_size, score, tokens_read
from aot.text import list_sources, read_documents
from aot.tokenizers import encode, pair_tokenizers, tokenizer_sha256
from metrics.arrow_of_time.gap import arrow_from_totals


@dataclass
class PairArguments:
    """Which models."""

    pair: list[str] = field(
        default_factory=list,
        metadata={
            "help": "A run folder with forward/ and backward/, or NAME for NAME-forward and NAME-backward, folders or "
            "Hub ids. Several are taken as training seeds of one pair."
        },
    )
    forward: str | None = field(default=None, metadata={"help": "Instead of --pair: the forward model."})
    backward: str | None = field(default=None, metadata={"help": "Instead of --pair: the backward model."})
    prequential: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Instead of models and a text: run folders, seeds of one pair. The losses of their first epoch "
            "are code lengths of the training text."
        },
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of the Hub ids."})


@dataclass
class TextArguments:
    """Which text: one of --data, --text or --dataset."""

    data: str | None = field(default=None, metadata={"help": "Data folder, whose --split is scored."})
    split: str = field(default="validation", metadata={"help": "Split of the data folder, or of the Hub data set."})
    text: list[str] = field(
        default_factory=list, metadata={"help": "Text: files, folders, URLs as for tokenize_lang.py, or - for stdin."}
    )
    dataset: str | None = field(default=None, metadata={"help": "Data set on the Hub."})
    dataset_config: str | None = field(default=None, metadata={"help": "Its configuration, such as a language."})
    column: str = field(default="text", metadata={"help": "Column with the text, in .jsonl, .parquet and on the Hub."})
    documents: Literal["paragraph", "line", "file", "fasta"] = field(
        default="paragraph",
        metadata={"help": "What a document of --text is, the unit of the interval: separated by blank lines, ..."},
    )
    errors: Literal["strict", "replace"] = field(
        default="strict", metadata={"help": "What to do about invalid UTF-8: stop, or put U+FFFD in its place."}
    )


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
    confidence: float = field(default=0.95, metadata={"help": "Coverage of the interval."})
    sentence: str | None = field(
        default=None, metadata={"help": "Short text for sentence.png. Default: the first words of the text."}
    )
    batch_size: str = field(default="auto", metadata={"help": "Windows at once, halved when memory runs out."})
    device: str | None = field(default=None, metadata={"help": "cpu, cuda, cuda:1, ... Default: a GPU, if any."})
    output_dir: str | None = field(default=None, metadata={"help": "Default: scores/PAIR-on-TEXT."})

    def __post_init__(self):
        if not 0 < self.confidence < 1:
            raise ValueError(f"--confidence {self.confidence}: must lie between 0 and 1, such as 0.95")
        if self.batch_size != "auto" and not (self.batch_size.isdecimal() and int(self.batch_size)):
            raise ValueError(f"--batch_size {self.batch_size}: must be auto or a number from 1")
        self.device = find_device(self.device)


def load_pairs(args: PairArguments, by_text: bool) -> tuple[list[dict[str, str]], dict]:
    """Path of each model of each pair by direction, and all configurations by path; SystemExit unless true pairs."""
    explicit = (args.forward, args.backward)
    if bool(args.pair) == any(explicit) or any(explicit) != all(explicit):
        raise SystemExit("give either --pair NAME [NAME ...], or both --forward MODEL and --backward MODEL")
    pairs = [locate_pair(name) for name in args.pair] or [dict(zip(DIRECTIONS, explicit, strict=True))]
    if by_text and len(pairs) > 1:
        raise SystemExit("--by_text compares one pair at a time")
    return pairs, pair_configs(pairs, args.revision, trusted=not args.pair, comparable=not by_text)


def read_texts(args: TextArguments) -> list[str]:
    """All documents of --text or --dataset; SystemExit, in one line, when they cannot be read or there are none."""
    sources = [args.dataset] if args.dataset else args.text
    settings = {"documents": args.documents, "column": args.column, "config": args.dataset_config, "split": args.split}
    try:
        files = sources if sources == ["-"] else list_sources(sources, args.documents)
        texts = [text for file in files for text in read_documents(file, errors=args.errors, **settings)]
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    if not texts:
        raise SystemExit(f"{' '.join(sources)}: no text in it, nothing to score")
    return texts


def load_stream(data: str, split: str, tokenizer: PreTrainedTokenizerBase) -> np.ndarray:
    """Token ids [n] of a split of a data folder; SystemExit if it was made with another tokenizer, or is empty."""
    meta = read_meta(data)
    if meta["tokenizer_sha256"] != tokenizer_sha256(tokenizer):
        raise SystemExit(f"{data}: has another tokenizer than the models; give the text itself with --text")
    if not meta["splits"].get(split, {}).get("tokens"):
        raise SystemExit(f"{data}: has nothing in split {split!r}; there are {', '.join(meta['splits'])}")
    return open_stream(data, split)


@dataclass
class Encoded:
    """A text of D documents as the models read it; by path of the model, since with --by_text their tokens differ."""

    ids: dict[str, np.ndarray]  # [n]
    starts: dict[str, np.ndarray]  # [D], position of the first token of each document
    sentence: dict[str, np.ndarray]  # [t], what sentence.png shows
    units: np.ndarray  # [D], tokens of each document, or bytes with --by_text
    bytes: int


def encode_text(args: TextArguments, tokenizers: dict[str, PreTrainedTokenizerBase], how) -> Encoded:
    """What is scored, as each of the tokenizers gives it."""
    if args.data:
        ids = dict.fromkeys(tokenizers, load_stream(args.data, args.split, next(iter(tokenizers.values()))))
        meta = read_meta(args.data)
        length, text_bytes = meta.get("tokens_per_document"), meta["splits"][args.split]["bytes"]
    else:
        texts, length = read_texts(args), None
        ids = {path: encode(texts, each.backend_tokenizer, each.eos_token_id) for path, each in tokenizers.items()}
        bytes_each = np.array([len(text.encode()) for text in texts])
        text_bytes = int(bytes_each.sum())
    starts = {path: document_starts(ids[path], each.eos_token_id, length) for path, each in tokenizers.items()}
    sentence = {path: all_of_it[:24] for path, all_of_it in ids.items()}  # as many bars as can be labelled
    if how.sentence:
        for path, each in tokenizers.items():
            sentence[path] = encode([how.sentence], each.backend_tokenizer, each.eos_token_id)[:-1]
    first = next(iter(ids))
    units = bytes_each if how.by_text else np.diff(starts[first], append=len(ids[first]))
    return Encoded(ids, starts, sentence, units, text_bytes)


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


def score_model(path: str, streams: list[np.ndarray], direction: str, bos: int, revision, how) -> list[np.ndarray]:
    """Loss [n] in nats of each token of each stream [n]; the batch is halved until it fits in memory."""
    model = load_model(path, revision).to(how.device)
    start = automatic_batch_size(model, how.context) if how.batch_size == "auto" else int(how.batch_size)

    @find_executable_batch_size(starting_batch_size=start)
    def in_batches_of(batch_size):
        return [score(model, ids, direction, how.context, how.stride, batch_size, bos) for ids in streams]

    losses = in_batches_of()
    for ids, loss in zip(streams, losses, strict=True):
        if not np.isfinite(loss).all():
            first = np.isfinite(loss).argmin()
            raise SystemExit(f"{path}: gives token {first:,} (id {ids[first]}) a loss of {loss[first]}; no ∂ follows")
    return losses


def score_once(scored: Path, request: dict, *model_and_text) -> list[np.ndarray]:
    """What `score_model` gives, kept in the file `scored` with its request: there if interrupted after this model."""
    if not scored.exists():
        losses = score_model(*model_and_text)
        with writing(scored):
            scored.parent.mkdir(parents=True, exist_ok=True)
            write_json(scored.with_name("request.json"), request)
            np.savez(scored.with_name("next.npz"), *losses)
            sync(scored.parent)
            scored.with_name("next.npz").rename(scored)
    return list(np.load(scored).values())


def control(totals: np.ndarray, units: np.ndarray) -> float | None:
    """A/A control: root mean square ∂ of two seeds of one direction, `totals` [K, D] nats; None with one seed."""
    between = [arrow_from_totals(*two, units)["aot"] for two in itertools.combinations(totals, 2)]
    return float(np.sqrt(np.mean(np.square(between)))) if between else None


def draw(folder: Path, report: dict, losses: dict, totals: dict, tokens: list[str], bars: dict) -> None:
    """All figures; by direction, over K seeds: losses [K, n], document totals [K, D], losses of a sentence [K, t]."""
    from aot import figures  # matplotlib takes a second, which --help need not wait for

    losses, totals, bars = ({name: np.mean(y[name], 0, float) for name in DIRECTIONS} for y in (losses, totals, bars))
    context, stride, by_text = (report["request"][key] for key in ("context", "stride", "by_text"))
    read = {name: tokens_read(len(loss), context, stride, name) for name, loss in losses.items()}
    figures.plot_by_position(folder / "by_position.png", losses, read, same_windows=stride == context and not by_text)
    figures.plot_documents(folder / "documents.png", totals["forward"], totals["backward"], report)
    if not by_text:
        figures.plot_sentence(folder / "sentence.png", tokens, bars)


def measure(text: Encoded, request: dict, tokenizers: dict, folder: Path, unfinished: Path, revision, how) -> None:
    """Score the text with all models, and make `folder`, whole, of what follows; until then all is in `unfinished`."""
    before = read_json(unfinished / "request.json") or request
    if differ := differences(before, request):
        raise SystemExit(
            f"{unfinished}: holds the start of other scores (there / now): {'; '.join(differ)}. "
            "Delete it, or choose another --output_dir."
        )
    losses, totals, bars = ({direction: [] for direction in DIRECTIONS} for _ in range(3))
    for number, pair in enumerate(request["pairs"]):
        for direction, path in pair.items():
            scored = unfinished / f"{direction}-{number}.npz"
            reading = [text.ids[path], text.sentence[path]], direction, tokenizers[path].bos_token_id
            of_text, of_sentence = score_once(scored, request, path, *reading, revision, how)
            losses[direction].append(of_text)
            totals[direction].append(np.add.reduceat(of_text.astype(np.float64), text.starts[path]))
            bars[direction].append(of_sentence)
    report = {
        **arrow_from_totals(totals["forward"], totals["backward"], text.units, how.confidence),
        "unit": "byte" if how.by_text else "token",
        "bytes": text.bytes,
        "bits_per_byte": {name: np.mean(loss, 0).sum() / np.log(2) / text.bytes for name, loss in totals.items()},
        "control": {name: control(loss, text.units) for name, loss in totals.items()},
        "request": request,
        **provenance(),
    }
    encoded = {}
    for direction, path in request["pairs"][0].items():
        own = f"{direction}_" if how.by_text else ""  # there each model has tokens of its own
        encoded |= {f"{own}ids": text.ids[path], f"{own}document_starts": text.starts[path]}
    whole = unfinished / folder.name
    with writing(whole):
        whole.mkdir(exist_ok=True)
        draw(whole, report, losses, totals, [tokenizers[path].decode([token]) for token in text.sentence[path]], bars)
        np.savez(whole / "losses.npz", **encoded, **losses)
        write_json(whole / "aot.json", report)
        sync(whole)
    whole.rename(folder)


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    low, high = report["low"], report["high"]
    interval = "no interval" if low is None else f"{report['confidence']:.4g} interval {low:+.3%} to {high:+.3%}"
    rows = [
        ("", "forward →", "backward ←"),
        (f"nats per {report['unit']}", f"{report['forward']:.4f}", f"{report['backward']:.4f}"),
        ("bits per byte", *(f"{report['bits_per_byte'][direction]:.4f}" for direction in DIRECTIONS)),
        ("Δ = ℓ← − ℓ→", f"{report['delta']:+.4f}", f"nats per {report['unit']}"),
        ("r = ℓ←/ℓ→ − 1", f"{report['ratio']:+.3%}", "as in the tables of the paper"),
        ("∂", f"{report['aot']:+.3%}", interval),
        ("scored", f"{report['tokens']:,.0f}", f"{report['unit']}s in {report['documents']:,} documents"),
        ("training seeds", f"{report['seeds']}", ", ".join(f"{aot:+.3%}" for aot in report["per_seed"])),
    ]
    if report["sign_test_p"] is not None:
        share = f"{report['documents_forward_easier']:.1%}"
        rows.append(("documents, ∂ > 0", share, f"sign test p = {report['sign_test_p']:.2g}"))
    if report["seeds"] > 1:
        apart = " and ".join(f"{report['control'][direction]:.3%} ({direction})" for direction in DIRECTIONS)
        rows.append(("A/A control", "", f"two seeds of one direction are {apart} apart"))
    print("\n".join(f"{name:<18}{first:>12}  {second}".rstrip() for name, first, second in rows))
    names = ("aot.json", "losses.npz", "by_position.png", "documents.png", "sentence.png")
    print(f"\n{report['verdict']}\n{folder}/: {' '.join(name for name in names if (folder / name).exists())}")


def main(argv: list[str] | None = None) -> None:
    which, what, how = parse_arguments(PairArguments, TextArguments, ScoreArguments, doc=__doc__, argv=argv)
    if which.prequential:
        if any((which.pair, which.forward, which.backward, what.data, what.text, what.dataset)):
            raise SystemExit("give --prequential without models and text: it takes what training has logged")
        which.pair = which.prequential
        return prequential(*load_pairs(which, how.by_text), how.confidence, how.output_dir)
    if sum(map(bool, (what.data, what.text, what.dataset))) != 1 or (how.by_text and what.data):
        raise SystemExit("give one of --data, --text and --dataset; with --by_text, which encodes anew, not --data")
    pairs, configs = load_pairs(which, how.by_text)
    tokenizers = pair_tokenizers(configs, which.revision, comparable=not how.by_text)
    check_windows(how, configs)
    text, name = encode_text(what, tokenizers, how), what.data or what.dataset or what.text[0]
    request = {
        "pairs": pairs,
        "weights": {path: weights_identity(path, config) for path, config in configs.items()},
        "text": name,
        "text_sha256": {path: hashlib.sha256(ids).hexdigest() for path, ids in text.ids.items()},
        **{name: getattr(how, name) for name in ("context", "stride", "by_text", "confidence", "sentence")},
    }
    models = which.pair[0] if which.pair else which.forward
    folder = Path(how.output_dir or f"scores/{Path(models).name}-on-{Path(name).name}")
    unfinished = folder.with_name(folder.name + ".partial")
    if not folder.exists():
        with alone(unfinished):
            if not folder.exists():  # another process may just have finished it
                measure(text, request, tokenizers, folder, unfinished, which.revision, how)
    report = finished_report(folder / "aot.json", request)
    shutil.rmtree(unfinished, ignore_errors=True)
    print_report(report, folder)


if __name__ == "__main__":
    command(main)
