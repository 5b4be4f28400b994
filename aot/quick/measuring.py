"""∂ in seconds, without a model: `compute_aot.py --quick`, from a text to its profile, tables and figures."""

import hashlib
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from aot.base.cli import at_least
from aot.base.files import sync, write_json, writing
from aot.base.folders import alone
from aot.base.machine import provenance
from aot.base.messages import count
from aot.measure.prequential import settled
from aot.measure.reports import finished_report
from aot.quick.mixing import PROFILE, SLOTS, Learner
from aot.quick.profiles import (
    Documents,
    Text,
    best_of,
    curve_of,
    in_text_order,
    part_to_show,
    prepare,
    profile,
    read_both_ways,
)
from aot.statistics.claims import name_easier
from aot.tokens.clusters import read_clustered
from aot.tokens.data_folder import read_meta
from aot.tokens.streams import load_stream, read_clusters
from aot.tokens.text import short_name
from aot.tokens.tokenizers import data_tokenizer
from aot.tokens.transforms import DESTROY, EXPECTED, KEEP
from aot.tokens.windows import DIRECTIONS, document_starts, orient
from metrics.arrow_of_time.gap import verdict

AS_IT_IS = "as it is"
WHERE = ("6", "12", "6+words")  # learners of the table of --where


@dataclass
class QuickArguments:
    """--quick: ∂ in seconds, of learners by context mixing that read the text once in each direction."""

    quick: bool = field(default=False, metadata={"help": "No models: a profile of ∂ over learners of the text."})
    learners: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Longest context of each learner, in symbols, and what else it has: words (contexts of words), "
            "match (the last place with the same 6 symbols), adjust (of the mixed chance). Default: "
            f"{' '.join(each.name for each in PROFILE)}."
        },
    )
    level: Literal["char", "byte", "token"] | None = field(
        default=None, metadata={"help": "What is predicted. Default: characters, but of a data folder its tokens."}
    )
    document_length: int | None = field(
        default=None, metadata={"help": "Cut what is longer into documents of so many characters, or bytes."}
    )
    max_symbols: int | None = field(
        default=None,
        metadata={
            "help": "Read documents in the order of a hash until there are so many symbols. With --after, so many are "
            "read of that split, and then all of the text."
        },
    )
    order_seed: int = field(default=0, metadata={"help": "Of the hash that puts documents in order."})
    after: str | None = field(
        default=None, metadata={"help": "Split of the data folder to read first, without counting it, such as train."}
    )
    destroy: Literal[DESTROY] | None = field(
        default=None, metadata={"help": "First destroy one kind of order: a control for where the arrow is."}
    )
    keep: Literal[KEEP] | None = field(
        default=None, metadata={"help": "First replace each word by one symbol, for its frequency or its length."}
    )
    where: bool = field(
        default=False,
        metadata={
            "help": "A table over all of --destroy and --keep instead. With models: also what each kind of token adds "
            "to ∂, by word, sentence, document, context and frequency."
        },
    )
    null: bool = field(default=True, metadata={"help": "Read the text again with half of its documents turned round."})
    per_symbol: bool = field(default=False, metadata={"help": "Keep the loss of each symbol in losses.npz."})

    def __post_init__(self):
        at_least(self, document_length=1, max_symbols=1, order_seed=0)
        if sum(map(bool, (self.destroy, self.keep, self.where))) > 1:
            raise ValueError("give one of --destroy, --keep and --where")
        if self.where and self.per_symbol:
            raise ValueError("--per_symbol: has no effect with --where, which keeps no losses")
        names = self.learners or (WHERE if self.where else [each.name for each in PROFILE])
        self.learners = [Learner.parse(each).name for each in names]
        if len(set(self.learners)) < len(self.learners):
            raise ValueError(f"--learners {' '.join(names)}: give each once")


def read_data(args, how: QuickArguments) -> Documents:
    """Those of a split of a data folder, as tokens or as characters, after those of the split to learn from.

    SystemExit where both are the same, so that documents would count that had been learned from.
    """
    if how.after == args.split:
        raise SystemExit(f"--after {how.after}: is the split that counts, --split; give another one to read first")
    meta, tokenizer = read_meta(args.data), data_tokenizer(args.data)
    content, clusters, counted = [], [], []
    for split in [how.after] * bool(how.after) + [args.split]:
        ids = np.asarray(load_stream(args.data, split, tokenizer))
        starts = document_starts(ids, tokenizer.eos_token_id, meta.get("tokens_per_document"))
        rows = [each[each != tokenizer.eos_token_id] for each in np.split(ids, starts[1:])]
        of_rows = read_clusters(args.data, split) or [None] * len(rows)
        rows = tokenizer.batch_decode(rows) if how.level == "char" else rows
        content += [each for each in rows if len(each)]
        clusters += [name for each, name in zip(rows, of_rows, strict=False) if len(each)]
        counted += [split == args.split] * (len(content) - len(counted))
    if not any(counted):
        raise SystemExit(f"{args.data}: has no document with a token in split {args.split!r}")
    clusters = None if None in clusters else clusters
    if how.level == "char":
        return Documents(content, clusters, np.array(counted))
    names = {int(each): tokenizer.decode([each]) for each in np.unique(np.concatenate(content))}
    return Documents(content, clusters, np.array(counted), meta["splits"][args.split]["bytes"], names)


def read_text(args, how: QuickArguments) -> Documents:
    """Those of files, URLs, standard input or a data set on the Hub, as characters or as bytes."""
    settings = args.reading() | {"document_length": how.document_length, "raw": how.level == "byte"}
    rows = list(read_clustered(args.sources, args.documents, args.clusters, **settings))
    content, clusters = ([row[part] for row in rows] for part in (0, 1))
    if how.level == "byte":
        content = [each if isinstance(each, bytes) else each.encode() for each in content]
    return Documents(content, clusters if args.clusters else None, np.ones(len(content), bool))


def read_documents(args, how: QuickArguments) -> Documents:
    """Documents of --data, --text or --dataset; SystemExit where flags do not go together."""
    if not args.data:
        if how.level == "token" or how.after:
            raise SystemExit("--level token and --after need a data folder, --data")
        documents = read_text(args, how)
    elif how.level == "byte" or how.document_length:
        raise SystemExit("--level byte and --document_length need the text itself, --text or --dataset")
    else:
        documents = read_data(args, how)
    if (how.destroy or how.keep or how.where) and not isinstance(documents.content[0], str):
        raise SystemExit("--destroy, --keep and --where change words: they need characters, --level char")
    return documents


def size_of(text: Text) -> dict:
    """What is counted of a text."""
    return {
        "unit": text.unit,
        "symbols": int(text.symbols.lengths[text.counted].sum()),
        "different": len(text.symbols.counts),
        "read": int(text.counted.sum()),
        "bytes": text.bytes,
    }


def headline(row: dict, samples: str) -> dict:
    """What a report says first: the numbers of one row, and what they may claim."""
    numbers = {key: value for key, value in row.items() if key not in ("null", "bits", "easier", "text")}
    return {**numbers, "samples": samples, "verdict": verdict(row, samples)}


def measure(text: Text, how: QuickArguments, confidence: float) -> tuple[dict, dict[str, np.ndarray], dict]:
    """The report of a text; arrays to keep of it; what the coloured text shows, [m] each."""
    part, keep = part_to_show(text)
    if how.per_symbol:
        keep = dict.fromkeys(DIRECTIONS, slice(len(text.symbols.ids)))
    learners = [*map(Learner.parse, how.learners)]
    null = how.null and 0 < text.half.sum() < len(text.half)  # or it would be the text itself, or its mirror image
    nats, kept = read_both_ways(text, learners, null, keep)
    if how.per_symbol:
        kept = {each: in_text_order(text, kept[each], each) for each in DIRECTIONS}
    rows = profile(text, learners, nats, confidence)
    best = best_of(rows)
    followed = [each for each in dict.fromkeys(["6", best["learner"]]) if each in how.learners]
    totals = {each: [nats[way][how.learners.index(each)] for way in DIRECTIONS] for each in followed}
    report = {
        **headline(best, text.samples),
        **size_of(text),
        "profile": rows,
        "curves": {each: curve_of(text, *both, confidence) for each, both in totals.items()},
    }
    arrays = {f"{way}_per_document": each for way, each in nats.items()}
    arrays |= {"order": text.order, "counted": text.counted, "clusters": text.clusters}
    arrays |= {"document_starts": text.symbols.starts, "learners": np.array(how.learners)}
    if how.per_symbol:
        arrays |= {"values": text.symbols.values[text.symbols.ids], **kept}
    losses = {way: (each[:, part] if how.per_symbol else orient(each, way)) for way, each in kept.items()}
    names = [text.name(int(each)) for each in text.symbols.values[text.symbols.ids[part]]]
    return report, arrays, {"names": names, **{way: each[rows.index(best)] for way, each in losses.items()}}


def where(documents: Documents, how: QuickArguments, confidence: float) -> dict:
    """The report of a text as it is and after each of --destroy and --keep."""
    learners, rows, sizes = [*map(Learner.parse, how.learners)], [], []
    for name in (None, *DESTROY, *KEEP):
        try:
            text = prepare(documents, how.order_seed, how.max_symbols, name)
        except ValueError as error:
            if name is None:
                raise
            print(f"{name}: left out, {error}", file=sys.stderr)  # as of words without anything between them
            continue
        sizes.append(size_of(text))
        nats, _ = read_both_ways(text, learners, null=False)
        rows += [{"text": name or AS_IT_IS, **row} for row in profile(text, learners, nats, confidence)]
    name_easier(rows)
    best = best_of([row for row in rows if row["text"] == AS_IT_IS])
    return {**headline(best, documents.samples), **sizes[0], "where": rows}


def save(folder: Path, report: dict, arrays: dict[str, np.ndarray], shown: dict) -> None:
    """Write all that `folder`, which is new, is to hold."""
    from aot.show import quick_figures  # matplotlib takes a second, which --help need not wait for

    with writing(folder):
        folder.mkdir()
        if "where" in report:
            quick_figures.plot_where(folder / "where.png", report)
        else:
            quick_figures.plot_profile(folder / "profile.png", report)
            quick_figures.plot_amount(folder / "amount.png", report)
            quick_figures.write_coloured(folder / "text.html", shown, report)
            np.savez(folder / "losses.npz", **arrays)
        write_json(folder / "aot.json", report)
        sync(folder)


def interval(row: dict) -> str:
    """The interval of a row as people read it."""
    return "no interval" if row["low"] is None else f"{row['low']:+z.3%} to {row['high']:+z.3%}"


def print_profile(report: dict) -> None:
    """A row for each learner, and what they say together."""
    rows, unit = report["profile"], report["unit"]
    of = f" of {count(report['documents'], 'cluster')}" if report["samples"] == "clusters" else ""
    different = f"{report['different']:,} different"
    print(f"{count(report['symbols'], unit)} ({different}) in {count(report['read'], 'document')}{of},")
    print("read once in each direction\n")
    width = max(len(each) for each in ("longest", *(row["learner"] for row in rows))) + 2
    null = any(row["null"] for row in rows)
    print(f"{'longest':{width}}{f'bits per {unit}':^24}".rstrip())
    heads = f"{'context':{width}}{'forward →':>11}{'backward ←':>13}{'∂':>10}  {report['confidence']:.4g} interval"
    print(f"{heads:<{width + 62}}{'easier':<16}{'∂ of the null' * null}".rstrip())
    for row in rows:
        line = f"{row['learner']:{width}}{row['bits']['forward']:11.4f}{row['bits']['backward']:13.4f}"
        line += f"{row['aot']:+z10.3%}  {interval(row):<26}{row['easier']:<16}"
        print((line + (f"{row['null']['aot']:+z.3%}, {interval(row['null'])}" if row["null"] else "")).rstrip())
    signs = {row["easier"] for row in rows} & {*DIRECTIONS}
    print(f"\n{report['learner']} compresses best. {report['verdict']}")
    if len(signs) > 1:
        print("Learners do not agree here: ∂ belongs to the learner as well as to the text.")
    if report["request"]["null"] and not null:
        print("There is no null: of so few different documents, the hash turns round all or none.")
    for name, curve in report["curves"].items():
        at = settled(curve)
        sign = "not settled by all of the text" if at is None else f"settled from {curve[at]['symbols']:,} {unit}s on"
        print(f"The sign of {name} is {sign}.")


def print_where(report: dict) -> None:
    """A table for each learner, a row for each text, and what the texts are."""
    symbols, documents = count(report["symbols"], report["unit"]), count(report["read"], "document")
    print(f"{symbols} in {documents}, read once for each row")
    for learner in dict.fromkeys(row["learner"] for row in report["where"]):
        rows = [row for row in report["where"] if row["learner"] == learner]
        heading = f"bits per {report['unit']}"
        print(f"\n{learner:<18}{heading:^24}{'bits per 1,000':>15}")
        print(f"{'':<18}{'forward →':>11}{'backward ←':>13}{'← minus →':>15}{'∂':>10}  interval{'':<18}easier")
        for row in rows:
            bits = [row["bits"][each] for each in DIRECTIONS]
            line = f"{row['text']:<18}{bits[0]:11.4f}{bits[1]:13.4f}{1000 * (bits[1] - bits[0]):+15.2f}"
            print(f"{line}{row['aot']:+z10.3%}  {interval(row):<26}{row['easier']}")
    print()
    for name in (*DESTROY, *KEEP):
        print(f"{name}: {EXPECTED[name]}")


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    (print_where if "where" in report else print_profile)(report)
    names = ("aot.json", "losses.npz", "profile.png", "amount.png", "text.html", "where.png")
    print(f"{folder}/: {' '.join(name for name in names if (folder / name).exists())}")


def request_of(documents: Documents, name: str, how: QuickArguments, confidence: float) -> dict:
    """What is asked for, to tell whether a folder answers it."""
    digest = hashlib.sha256()
    for number, each in enumerate(documents.content):
        content = each if isinstance(each, bytes) else each.encode() if isinstance(each, str) else each.tobytes()
        cluster = documents.clusters[number] if documents.clusters else None
        digest.update(f"{len(content)} {documents.counted[number]} {cluster}\n".encode() + content)
    settings = {key: value for key, value in asdict(how).items() if key not in ("quick", "document_length")}
    return {"text": name, "text_sha256": digest.hexdigest(), **settings, "slots": SLOTS, "confidence": confidence}


def quick(args, how: QuickArguments, confidence: float, output_dir: str | None) -> None:
    """Report and figures of the text of `args`."""
    documents, name = read_documents(args, how), args.data or args.dataset or args.text[0]
    change = how.destroy or how.keep
    ending = "-where" if how.where else f"-{change}" if change else ""
    folder = Path(output_dir or f"scores/{short_name(name)}-quick{ending}")
    request = request_of(documents, name, how, confidence)
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.partial")
        with alone(unfinished):
            try:
                if how.where:
                    report, arrays, shown = where(documents, how, confidence), {}, {}
                else:
                    text = prepare(documents, how.order_seed, how.max_symbols, change)
                    report, arrays, shown = measure(text, how, confidence)
            except ValueError as error:
                raise SystemExit(f"{name}: {error}") from error
            whole = unfinished / folder.name
            shutil.rmtree(whole, ignore_errors=True)
            save(whole, {**report, "request": request, **provenance()}, arrays, shown)
            if not folder.exists():  # another process may just have finished it
                whole.rename(folder)
        shutil.rmtree(unfinished, ignore_errors=True)
    print_report(finished_report(folder / "aot.json", request), folder)
