"""Step 1: the text of one language, or any other sequence data, as a data folder to train on.

    python tokenize_lang.py --source corpora/en.txt --name en --language en --validation_fraction 0.1
    python tokenize_lang.py --source https://data.statmt.org/cc-100/fr.txt.xz --name fr --validation_tokens 64000000
    python tokenize_lang.py --source src/ --documents file --level byte --name code

Sources are text, JSON lines, CSV or Parquet files (.gz, .xz, .bz2, .zst too), folders or URLs of these, or ids of Hub
data sets; they are streamed, never held as a whole. The first reading counts the documents, splits them by a hash of
their text and trains the tokenizer on the train part only; the second one encodes. Run the same command again after an
interruption: the second reading continues where it stopped, and the result is the same byte for byte.

Writes data/NAME/{tokenizer files, train.bin, validation.bin, meta.json}, whole or not at all: flat streams of token
ids, one `<|endoftext|>` (id 0) after each document, and their counts, hashes and origin. Until then it is at work in
data/NAME.partial/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import shutil
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Literal

import numpy as np
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from aot.base.cli import Grow, at_least, command, parse_arguments, without_effect
from aot.base.files import check_hash, file_sha256, read_json, sync, write_json, writing
from aot.base.folders import alone, differences
from aot.base.machine import provenance, versions
from aot.base.messages import count
from aot.tokens.clusters import FLAG_HELP, read_all
from aot.tokens.data_folder import check_name, read_meta, stream_dtype
from aot.tokens.splitting import Splitting, Survey, hold_out, identity, position, survey
from aot.tokens.streams import (
    CLUSTERS,
    describe_streams,
    encode_chunk,
    hashes_of,
    prepare,
    processes_for,
    write_clusters,
    write_streams,
)
from aot.tokens.text import describe, kind_of, list_sources
from aot.tokens.tokenizers import (
    byte_tokenizer,
    char_tokenizer,
    encode,
    load_tokenizer,
    save_tokenizer,
    take_all_as_text,
    tokenizer_sha256,
    train_bpe,
    train_symmetric_bpe,
)
from aot.tokens.windows import EOS_ID

WHERE_AND_HOW = ("output_dir", "preprocessing_num_workers")  # arguments that do not change what is made
WHY = {
    "train": "which also stand in clusters that are held out",
    "validation": "more than --validation_documents_per_cluster",
}
BPE = {"bpe": train_bpe, "symmetric_bpe": train_symmetric_bpe}
LEAST_VOCABULARY = {
    "bpe": (257, "256 bytes and <|endoftext|>"),
    "symmetric_bpe": (512, "256 bytes, <|endoftext|> and the characters of the text"),
}
MOST = {  # what would end the process without a word, or the machine
    "vocab_size": 2**24,
    "preprocessing_num_workers": 1024,
    **dict.fromkeys(("tokenizer_sample_bytes", "max_document_bytes", "document_length", "validation_tokens"), 2**62),
}
MEASURED_BYTES = 4_000_000  # text on which tokens per byte are measured for --validation_tokens


@dataclass
class TokenizeArguments:
    source: list[str] = field(
        metadata={"help": "Files, folders, URLs or Hub data set ids; one data set of them all.", "action": Grow}
    )
    name: str = field(metadata={"help": "Name of the data folder."})
    output_dir: str = field(default="data", metadata={"help": "Where the data folder is made."})
    language: str | None = field(default=None, metadata={"help": "Language tag to record, such as fr."})
    documents: Literal["paragraph", "line", "file", "fasta"] = field(
        default="paragraph",
        metadata={
            "help": "What a document of a text file is: the lines up to a blank one (as in CC100), a line, the whole "
            "file, of any kind, or a FASTA record without its header. In JSON lines, CSV, Parquet, on the Hub: a row."
        },
    )
    document_length: int | None = field(
        default=None,
        metadata={
            "help": "Cut what is longer into documents of so many characters, or bytes with --level byte --documents "
            "file: for sequences without an end, such as genomes and binaries."
        },
    )
    column: str = field(default="text", metadata={"help": "Column of JSON lines, CSV, Parquet and Hub data sets."})
    config: str | None = field(default=None, metadata={"help": "Configuration of a Hub data set."})
    split: str = field(default="train", metadata={"help": "Split of a Hub data set; it is split anew here."})
    level: Literal["bpe", "symmetric_bpe", "char", "byte"] = field(
        default="bpe",
        metadata={
            "help": "Tokens: byte-level BPE of GPT-2's kind, which joins a space to the word after it; a BPE that has "
            "no such preference, and gives the reversed tokens of a reversed text; characters (those not in the train "
            "part are <|unk|>); or bytes, which with --documents file need not be UTF-8."
        },
    )
    vocab_size: int = field(default=50257, metadata={"help": "Vocabulary of the BPE, with <|endoftext|>."})
    tokenizer_sample_bytes: int = field(
        default=200_000_000, metadata={"help": "Train documents, drawn by hash, to train the BPE on; held in memory."}
    )
    tokenizer: str | None = field(
        default=None, metadata={"help": "Reuse the tokenizer of this folder or Hub id (its end of text must be id 0)."}
    )
    reverse_text: bool = field(
        default=False,
        metadata={
            "help": "Reverse each document by grapheme cluster before tokenizer training and encoding: the control "
            "for the direction in which the BPE merges. The split stays that of the text as it was."
        },
    )
    validation_fraction: float = field(default=0.01, metadata={"help": "Share of the documents held out."})
    clusters: str | None = field(
        default=None,
        metadata={"help": f"{FLAG_HELP} Held out whole, and taken for samples when ∂ of the data folder is measured."},
    )
    validation_clusters: int | None = field(
        default=None, metadata={"help": "Hold out so many clusters instead of --validation_fraction, at most half."}
    )
    validation_documents_per_cluster: int | None = field(
        default=None,
        metadata={
            "help": "Of each cluster that is held out keep so many documents, its last one and others at even "
            "distances before it, and leave out the rest: many books, at the cost of a few."
        },
    )
    validation_tokens: int | None = field(
        default=None,
        metadata={
            "help": "Hold out about this many tokens instead: approximate, because documents stay whole and bytes "
            "per token are measured on a sample. At most half of the text."
        },
    )
    seed: int = field(default=0, metadata={"help": "Of the hash that splits and samples documents."})
    errors: Literal["strict", "replace"] = field(
        default="strict", metadata={"help": "What to do about invalid UTF-8: stop, or put U+FFFD in its place."}
    )
    max_document_bytes: int = field(default=20_000_000, metadata={"help": "A longer document is an error."})
    preprocessing_num_workers: int | None = field(
        default=None,
        metadata={
            "help": "Processes that encode, one of which alone uses threads; the result is the same. By default one "
            "for each core, where there are more than two and the text has 100 MB, but for plain bytes."
        },
    )

    def __post_init__(self):
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"--validation_fraction is {self.validation_fraction}, must lie between 0 and 1")
        if self.level == "byte" and self.tokenizer is not None:
            raise ValueError("--level byte has one tokenizer, which needs no --tokenizer")
        check_name(self.name)
        least, what = LEAST_VOCABULARY.get(self.level, (0, ""))
        if self.tokenizer is None and self.vocab_size < least:
            raise ValueError(f"--vocab_size is {self.vocab_size}, must be at least {least}: {what}")
        for name, most in MOST.items():
            if getattr(self, name) is not None and getattr(self, name) > most:
                raise ValueError(f"--{name} is {getattr(self, name)}, must be at most {most}")
        if None not in (self.validation_tokens, self.validation_clusters):
            raise ValueError("give one of --validation_tokens and --validation_clusters")
        for name in ("validation_clusters", "validation_documents_per_cluster"):
            if getattr(self, name) is not None and self.clusters is None:
                raise ValueError(f"--{name}: needs --clusters, which says what belongs together")
        sizes = ("tokenizer_sample_bytes", "max_document_bytes", "validation_tokens", "document_length")
        numbers = ("validation_clusters", "validation_documents_per_cluster", "preprocessing_num_workers")
        at_least(self, **dict.fromkeys((*sizes, *numbers), 1))


def reading(args: TokenizeArguments) -> dict:
    """The arguments that say how sources are read."""
    names = ("documents", "document_length", "column", "config", "split", "errors", "max_document_bytes")
    raw = args.level == "byte" and not args.reverse_text
    return {"raw": raw, "clusters": args.clusters, **{name: getattr(args, name) for name in names}}


def cut_and_tokenizer(found: Survey, args: TokenizeArguments) -> tuple[float, PreTrainedTokenizerBase, dict | None]:
    """The cut, a tokenizer that has seen nothing of validation, and the size of the sample it was trained on, if any.

    Documents whose position is below the cut are validation.
    """
    prepared = partial(prepare, level=args.level, reverse=args.reverse_text)
    share = (args.validation_fraction, args.validation_tokens, args.validation_clusters, args.seed)
    held_out = partial(hold_out, found, *share)
    if args.level == "byte":
        return held_out((found.bytes + found.documents) / found.bytes), byte_tokenizer(), None
    if args.level == "char" and args.tokenizer is None:
        cut = held_out((found.characters + found.documents) / found.bytes)
        return cut, char_tokenizer(sorted(each for each, highest in found.highest.items() if highest >= cut)), None

    def of_copies(document: bytes) -> float:
        return found.repeated.get(identity(document), 1.0) if found.repeated else 1.0

    if args.validation_tokens is None:
        cut = held_out(1.0)
    else:
        # This cut needs the tokenizer, which must not see validation: train it above the cut for 16 bytes a token,
        # more than text reaches, or for half of the text; what lies between the two cuts joins the train part.
        cut = found.cut_at(min(16 * args.validation_tokens, found.bytes / 2))
    sample = [document for where, document in found.sample if min(where, of_copies(document)) >= cut]
    if not sample:
        raise ValueError("no train document to sample: give more text, or a larger --tokenizer_sample_bytes")
    if args.tokenizer:
        tokenizer, size = load_tokenizer(args.tokenizer), None
    else:
        tokenizer = BPE[args.level](map(prepared, sample), args.vocab_size)
        size = {"documents": len(sample), "bytes": sum(map(len, sample))}
        if len(tokenizer) < args.vocab_size:
            print(f"The text gives a vocabulary of {len(tokenizer):,}, not {args.vocab_size:,}.", file=sys.stderr)
    if args.validation_tokens is not None:
        measured = sample[: np.searchsorted(np.cumsum([len(document) for document in sample]), MEASURED_BYTES) + 1]
        ids = encode([*map(prepared, measured)], tokenizer.backend_tokenizer, EOS_ID)
        cut = min(cut, held_out(len(ids) / sum(map(len, measured))))
    return cut, tokenizer, size


def first_reading(args: TokenizeArguments, sources: list[str], made_from: dict, unfinished: Path) -> None:
    """Split the documents and make the tokenizer; leave in `unfinished` what the second reading needs of them."""
    sizes = [known.get("bytes") for known in made_from["inputs"]]
    total = None if None in sizes else sum(sizes)
    trains_bpe = args.level in BPE and args.tokenizer is None
    sample_bytes = args.tokenizer_sample_bytes if trains_bpe else args.max_document_bytes
    with tqdm(desc="read", total=total, unit="B", unit_scale=True, mininterval=1) as bar:
        documents = read_all(sources, made_from["inputs"], bar, **reading(args))
        found = survey(documents, args.seed, sample_bytes, characters=args.level == "char")
    if not found.documents:
        raise ValueError(f"{', '.join(args.source)}: no document in it, it is empty or has white space only")
    cut, tokenizer, sample = cut_and_tokenizer(found, args)
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run killed before its survey was written
    with writing(unfinished / args.name):
        save_tokenizer(tokenizer, unfinished / args.name)
        sync(unfinished / args.name)
    totals = {"documents": found.documents, "bytes": found.bytes, "cut": cut, "tokenizer_sample": sample}
    if args.clusters:
        below = {name: n for name, n in found.clusters.items() if position(name.encode(), args.seed) < cut}
        totals |= {"clusters": below, "repeated": [same for same, lowest in found.repeated.items() if lowest < cut]}
    totals["tokenizer_files"] = hashes_of(unfinished / args.name)
    write_json(unfinished / "survey.json", {"made_from": made_from, **totals})


def refuse_others(folder: Path, there: dict, now: dict) -> None:
    """SystemExit unless both are made from the same; how a source is spelled does not matter."""

    defaults = {each.name: each.default for each in fields(TokenizeArguments)}  # of flags that are newer than a folder

    def recipe(made_from):
        inputs = {f"input {number}": known for number, known in enumerate(made_from.get("inputs", []), start=1)}
        others = {key: made_from.get(key) for key in ("reused_tokenizer_sha256", "clusters_sha256")}
        spelled = ("source", "clusters") if others["clusters_sha256"] else ("source",)
        arguments = {key: value for key, value in made_from["arguments"].items() if key not in WHERE_AND_HOW}
        return defaults | dict.fromkeys(WHERE_AND_HOW) | arguments | dict.fromkeys(spelled) | inputs | others

    if differ := differences(recipe(there), recipe(now)):
        raise SystemExit(
            f"{folder}: made from other inputs or arguments (there / now): {'; '.join(differ)}. "
            "Choose another --name, or delete the folder."
        )


def unused(args: TokenizeArguments, kinds: set[str]) -> dict[str, str]:
    """The flags that have no effect on sources of these kinds, and why."""
    flags, of_bpe = {}, ("vocab_size", "tokenizer_sample_bytes")
    if args.tokenizer or args.level not in BPE:
        flags |= dict.fromkeys(of_bpe, "with --tokenizer" if args.tokenizer else f"with --level {args.level}")
    if args.documents == "file" or kinds == {"text"}:
        flags["column"] = "on text, which has no columns"
    if "hub" not in kinds:
        flags |= dict.fromkeys(("config", "split"), "on what is not on the Hub")
    if "text" not in kinds and args.documents != "file":
        flags["documents"] = "on rows, each of which is a document"
    return flags


def run(args: TokenizeArguments) -> None:
    """Make the data folder, or the rest of it; ValueError for a source that cannot be used."""
    final = Path(args.output_dir, args.name)
    unfinished = final.with_name(f"{args.name}.partial")
    folder = unfinished / args.name
    sources = list_sources(args.source, args.documents)
    without_effect(args.given, unused(args, {kind_of(source) for source in sources}))
    made_from = {
        "arguments": {key: value for key, value in asdict(args).items() if key not in WHERE_AND_HOW},
        "inputs": [describe(source, args.config, args.split) for source in sources],
        "reused_tokenizer_sha256": args.tokenizer and tokenizer_sha256(load_tokenizer(args.tokenizer)),
        **({"clusters_sha256": file_sha256(args.clusters)} if Path(args.clusters or "").is_file() else {}),
    }
    if final.exists():
        refuse_others(final, read_meta(final), made_from)
        shutil.rmtree(unfinished, ignore_errors=True)
        print(f"{final}: finished before, from the same inputs and arguments")
        return

    surveyed = read_json(unfinished / "survey.json")
    if surveyed is None:
        first_reading(args, sources, made_from, unfinished)
        surveyed = read_json(unfinished / "survey.json")
    else:
        refuse_others(unfinished, surveyed["made_from"], made_from)
        for file, sha256 in surveyed.get("tokenizer_files", {}).items():
            check_hash(folder / file, sha256, f"delete {unfinished} and start again")
        print(f"{unfinished}: continues", file=sys.stderr)

    tokenizer = load_tokenizer(folder)
    dtype = stream_dtype(len(tokenizer))
    documents = read_all(sources, made_from["inputs"], tqdm(disable=True), **reading(args))
    form = {"level": args.level, "reverse": args.reverse_text}
    backend = tokenizer.backend_tokenizer
    take_all_as_text(backend)  # here, before several threads use it
    most, repeated = args.validation_documents_per_cluster, set(surveyed.get("repeated", ()))
    splitting = Splitting(surveyed["cut"], args.seed, surveyed.get("clusters", {}), most, repeated)
    encode_it = partial(encode_chunk, tokenizer=backend, prepared=partial(prepare, **form), dtype=dtype)
    processes = args.preprocessing_num_workers or processes_for(surveyed["bytes"], **form)
    progress = unfinished / "progress.json"
    kept = splitting.keep(documents)
    counts = write_streams(kept, encode_it, folder, progress, dtype, surveyed["bytes"], processes)
    read = (*counts.values(), *splitting.left_out.values())
    if any(sum(each[what] for each in read) != surveyed[what] for what in ("documents", "bytes")):
        raise ValueError(f"{', '.join(args.source)}: changed between two readings; delete {unfinished}, start again")

    meta = {
        **describe_streams(folder, args.name, args.level, tokenizer, dtype, counts),
        "language": args.language,
        **made_from,
        "tokenizer_sample": surveyed["tokenizer_sample"],
        **({"left_out": splitting.left_out} if args.clusters else {}),
        "versions": versions("tokenizers", "transformers", "datasets", "numpy"),
        "commit": provenance()["commit"],
    }
    if args.clusters:
        write_clusters(folder, splitting.runs)
        for split, runs in splitting.runs.items():
            meta["splits"][split]["clusters"] = len({name for name, _ in runs})
            meta["splits"][split]["clusters_sha256"] = file_sha256(folder / CLUSTERS.format(split))
    write_json(folder / "meta.json", meta)
    sync(folder)
    folder.rename(final)
    shutil.rmtree(unfinished)
    print_counts(meta["splits"])
    for split, left in splitting.left_out.items():
        print(f"left out: {count(left['documents'], 'document')} of {split}, {left['bytes']:,} bytes, {WHY[split]}")
    print(final)


def print_counts(splits: dict) -> None:
    """A row for each split."""
    clustered = any("clusters" in each for each in splits.values())
    heads = f"{'':12}{'clusters':>10}" if clustered else f"{'':12}"
    print(f"{heads}{'documents':>14}{'tokens':>16}{'bytes':>16}{'characters':>16}{'bytes/token':>13}")
    for name, each in splits.items():
        numbers = f"{each['clusters']:10,}" if clustered else ""
        numbers += f"{each['documents']:14,}{each['tokens']:16,}{each['bytes']:16,}{each['characters']:16,}"
        print(f"{name:12}{numbers}{each['bytes'] / max(1, each['tokens']):13.3f}")


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(TokenizeArguments, doc=__doc__, argv=argv)
    try:
        with alone(Path(args.output_dir, args.name), beside=True):
            run(args)
    except (ValueError, OSError) as error:
        raise SystemExit(f"tokenize_lang.py: {' '.join(str(error).split())}") from error


if __name__ == "__main__":
    command(main)
