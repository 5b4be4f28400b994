"""The first reading of the sources: the split, and a tokenizer that has seen nothing of what is held out."""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from aot.base.files import sync, write_json, writing
from aot.base.folders import differences
from aot.base.progress import Bar
from aot.tokens.arguments import WHERE_AND_HOW, TokenizeArguments
from aot.tokens.inputs import Beginning, Sources, to_hold_out, to_train_on
from aot.tokens.splitting import BUCKETS, Survey, hold_out, identity, position, survey
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
PILOT_BYTES = 20_000_000  # the same for --max_tokens, of the beginning of the text
SPARE = 1.05  # squared, how much more text is read than --max_tokens should take


def cut_and_tokenizer(found: Survey, args: TokenizeArguments) -> tuple[float, PreTrainedTokenizerBase, dict | None]:
    """The cut, a tokenizer that has seen nothing of validation, and the size of the sample it was trained on, if any.

    Documents whose position is below the cut are validation.
    """
    prepared = partial(prepare, level=args.level, reverse=args.reverse_text)
    share = (args.validation_fraction, args.validation_tokens, args.validation_clusters, args.seed)
    held_out = (lambda _: 0.0) if args.own_validation else partial(hold_out, found, *share)
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


def bytes_per_token(documents: Iterable[bytes], args: TokenizeArguments) -> float:
    """How long tokens of `documents` are, in the mean: of the tokenizer that is given, or of one trained on them."""
    prepared = partial(prepare, level=args.level, reverse=args.reverse_text)
    sample = list(documents)
    if args.level not in BPE and args.tokenizer is None:  # a token for each byte or character, and one for the end
        tokens = sum(len(prepared(document)) + 1 for document in sample)
    else:
        train = BPE.get(args.level)
        made = load_tokenizer(args.tokenizer) if args.tokenizer else train(map(prepared, sample), args.vocab_size)
        tokens = len(encode([*map(prepared, sample)], made.backend_tokenizer, made.eos_token_id))
    return sum(map(len, sample)) / max(1, tokens)


def survey_held_out(args: TokenizeArguments, sources: Sources, made_from: dict) -> tuple[Survey, set[str]]:
    """What is given to be held out, and the identities of its documents; ValueError where there is none."""
    identities = set()

    def noted() -> Iterator[tuple[bytes, str | None]]:
        for document, cluster in to_hold_out(args, sources, made_from, Bar(disable=True)):
            identities.add(identity(document))
            yield document, cluster

    found = survey(noted(), args.seed, sample_bytes=0)
    if not found.documents:
        raise ValueError(f"{', '.join(sources.held_out)}: no document to hold out in it")
    return found, identities


def survey_to_train_on(
    args: TokenizeArguments, sources: Sources, made_from: dict, held_out: set[str]
) -> tuple[Survey, Beginning, tuple[float, PreTrainedTokenizerBase, dict | None]]:
    """What --source has, how far it is read, and what cut_and_tokenizer makes of it."""
    sizes = [known.get("bytes") for known in made_from["inputs"]]
    total = None if None in sizes else sum(sizes)
    trains_bpe = args.level in BPE and args.tokenizer is None
    sample_bytes = args.tokenizer_sample_bytes if trains_bpe else args.max_document_bytes

    def read(most_bytes: float | None, use: Callable):
        beginning = Beginning(args.max_documents, most_bytes)
        with Bar(desc="read", total=total, unit="B", unit_scale=True) as bar:
            return beginning, use(beginning.of(to_train_on(args, sources, made_from, bar, beginning.begin)))

    enough, most_bytes = 0, None
    if args.max_tokens is not None:
        _, size = read(PILOT_BYTES, lambda documents: bytes_per_token((each for each, _ in documents), args))
        enough = SPARE * args.max_tokens * size
        share = 1 if args.own_validation or args.validation_tokens else 1 - args.validation_fraction
        most_bytes = SPARE * (enough + (args.validation_tokens or 0) * size) / share
    about = {"characters": args.level == "char", "held_out": held_out}
    while True:
        beginning, found = read(most_bytes, lambda documents: survey(documents, args.seed, sample_bytes, **about))
        if not found.documents:
            empty = "no document in it, it is empty or has white space only"
            what = "nothing in it that is not held out" if found.copies["documents"] else empty
            raise ValueError(f"{', '.join(args.source)}: {what}")
        made = cut_and_tokenizer(found, args)
        to_train = found.bytes_in[int(made[0] * BUCKETS) :].sum()
        if not beginning.cut or beginning.documents == args.max_documents or to_train >= enough:
            return found, beginning, made
        most_bytes *= SPARE * enough / max(1, int(to_train))  # clusters that are held out can be large


def first_reading(args: TokenizeArguments, sources: Sources, made_from: dict, unfinished: Path) -> None:
    """Split the documents and make the tokenizer; leave in `unfinished` what the second reading needs of them."""
    own, held_out = survey_held_out(args, sources, made_from) if sources.held_out else (None, set())
    found, beginning, (cut, tokenizer, sample) = survey_to_train_on(args, sources, made_from, held_out)
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run killed before its survey was written
    with writing(unfinished / args.name):
        save_tokenizer(tokenizer, unfinished / args.name)
        sync(unfinished / args.name)
    sizes = {what: getattr(beginning, what) + (getattr(own, what) if own else 0) for what in ("documents", "bytes")}
    totals = {**sizes, "cut": cut, "tokenizer_sample": sample, "read": beginning.description()}
    if own:
        totals |= {"clusters": own.clusters, "repeated": [*found.repeated]}
    elif args.clusters:
        below = {name: n for name, n in found.clusters.items() if position(name.encode(), args.seed) < cut}
        totals |= {"clusters": below, "repeated": [same for same, lowest in found.repeated.items() if lowest < cut]}
    totals["tokenizer_files"] = hashes_of(unfinished / args.name)
    write_json(unfinished / "survey.json", {"made_from": made_from, **totals})


def refuse_others(folder: Path, there: dict, now: dict) -> None:
    """SystemExit unless both are made from the same; how a source is spelled does not matter."""

    # of flags that are newer than a folder
    defaults = {each.name: each.default for each in fields(TokenizeArguments) if each.default is not MISSING}

    def recipe(made_from):
        inputs = {
            f"{kind} {number}": known
            for kind, those in (("input", "inputs"), ("validation input", "validation_inputs"))
            for number, known in enumerate(made_from.get(those, []), start=1)
        }
        others = {key: made_from.get(key) for key in ("reused_tokenizer_sha256", "clusters_sha256")}
        spelled = ("source", "validation_source", *(("clusters",) if others["clusters_sha256"] else ()))
        arguments = {key: value for key, value in made_from["arguments"].items() if key not in WHERE_AND_HOW}
        return defaults | dict.fromkeys(WHERE_AND_HOW) | arguments | dict.fromkeys(spelled) | inputs | others

    if differ := differences(recipe(there), recipe(now)):
        raise SystemExit(
            f"{folder}: made from other inputs or arguments (there / now): {'; '.join(differ)}. "
            "Choose another name for it, or delete the folder."
        )
