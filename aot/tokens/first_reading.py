"""The first reading of the sources: the split, and a tokenizer that has seen nothing of what is held out."""

import shutil
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from aot.base.files import sync, write_json, writing
from aot.base.folders import differences
from aot.tokens.arguments import WHERE_AND_HOW, TokenizeArguments, reading
from aot.tokens.clusters import read_all
from aot.tokens.splitting import Survey, hold_out, identity, position, survey
from aot.tokens.streams import hashes_of, prepare
from aot.tokens.tokenizers import (
    byte_tokenizer,
    char_tokenizer,
    encode,
    load_tokenizer,
    save_tokenizer,
    train_bpe,
    train_symmetric_bpe,
)

BPE = {"bpe": train_bpe, "symmetric_bpe": train_symmetric_bpe}
MEASURED_BYTES = 4_000_000  # text on which tokens per byte are measured for --validation_tokens


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
        ids = encode([*map(prepared, measured)], tokenizer.backend_tokenizer, tokenizer.eos_token_id)
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
