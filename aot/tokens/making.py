"""A data folder from its sources, in two readings: the same call goes on where it stopped."""

import itertools
import shutil
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from aot.base.cli import without_effect
from aot.base.files import check_hash, file_sha256, read_json, sync, write_json
from aot.base.folders import alone
from aot.base.machine import provenance, versions
from aot.base.progress import Bar
from aot.tokens.ahead import processes_for
from aot.tokens.arguments import OWN, WHERE_AND_HOW, TokenizeArguments
from aot.tokens.clusters import first_runs
from aot.tokens.data_folder import read_meta, stream_dtype
from aot.tokens.first_reading import BPE, first_reading, refuse_others
from aot.tokens.inputs import describe_all, sources_of, to_hold_out, to_train_on
from aot.tokens.splitting import Splitting
from aot.tokens.streams import BEYOND, CLUSTERS, describe_streams, encode_chunk, prepare, write_clusters, write_streams
from aot.tokens.summary import print_counts, print_left_out, print_limits
from aot.tokens.text import kind_of
from aot.tokens.tokenizers import load_tokenizer, take_all_as_text, tokenizer_sha256, vocabulary_size


def unused(args: TokenizeArguments, kinds: set[str]) -> dict[str, str]:
    """The flags that have no effect on sources of these kinds, and why."""
    flags, of_bpe = {}, ("vocab_size", "tokenizer_sample_bytes")
    if args.tokenizer or args.level not in BPE:
        flags |= dict.fromkeys(of_bpe, "with --tokenizer" if args.tokenizer else f"with --level {args.level}")
    if args.documents == "file" or kinds == {"text"}:
        flags["column"] = "on text, which has no columns"
    if "hub" not in kinds:
        flags |= dict.fromkeys(("config", "split", "validation_split"), "on what is not on the Hub")
    if "text" not in kinds and args.documents != "file":
        flags["documents"] = "on rows, each of which is a document"
    return flags


def make_data_folder(args: TokenizeArguments) -> dict:
    """Make the data folder, or the rest of it, and give its meta.json; SystemExit for a source that cannot be used."""
    try:
        with alone(Path(args.output_dir, args.name), beside=True):
            return make(args)
    except (ValueError, OSError) as error:
        raise SystemExit(" ".join(str(error).split())) from error


def make(args: TokenizeArguments) -> dict:
    """As `make_data_folder`, but ValueError."""
    final = Path(args.output_dir, args.name)
    unfinished = final.with_name(f"{args.name}.partial")
    folder = unfinished / args.name
    if args.own_validation and "validation_fraction" in args.given:
        raise ValueError(f"--validation_fraction: {OWN}")
    sources = sources_of(args)
    without_effect(args.given, unused(args, {kind_of(source) for each in sources for source in each}))
    made_from = {
        "arguments": {key: value for key, value in asdict(args).items() if key not in WHERE_AND_HOW},
        **describe_all(args, sources),
        "reused_tokenizer_sha256": args.tokenizer and tokenizer_sha256(load_tokenizer(args.tokenizer)),
        **({"clusters_sha256": file_sha256(args.clusters)} if Path(args.clusters or "").is_file() else {}),
    }
    if final.exists():
        refuse_others(final, read_meta(final), made_from)
        shutil.rmtree(unfinished, ignore_errors=True)
        print(f"{final}: finished before, from the same inputs and arguments")
        return read_meta(final)

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
    dtype = stream_dtype(vocabulary_size(tokenizer))
    form = {"level": args.level, "reverse": args.reverse_text}
    backend, eos = tokenizer.backend_tokenizer, tokenizer.eos_token_id
    take_all_as_text(backend)  # here, before several threads use it
    most, repeated = args.validation_documents_per_cluster, set(surveyed.get("repeated", ()))
    splitting = Splitting(surveyed["cut"], args.seed, surveyed.get("clusters", {}), most, repeated)
    encode_it = partial(encode_chunk, tokenizer=backend, eos=eos, prepared=partial(prepare, **form), dtype=dtype)
    processes = args.preprocessing_num_workers or processes_for(surveyed["bytes"], **form)
    progress = unfinished / "progress.json"
    every = args, sources, made_from, Bar(disable=True)
    first = to_train_on(*every)
    if (reach := surveyed["read"])["cut"]:
        first = itertools.islice(first, reach["documents"])
    kept = splitting.keep(first, "train" if sources.held_out else None)
    if sources.held_out:
        kept = itertools.chain(splitting.keep(to_hold_out(*every), "validation"), kept)
    counts = write_streams(kept, encode_it, folder, progress, dtype, surveyed["bytes"], processes, args.max_tokens)
    read = (*counts.values(), *splitting.left_out.values())
    if any(sum(each[what] for each in read) != surveyed[what] for what in ("documents", "bytes")):
        raise ValueError(f"{', '.join(args.source)}: changed between two readings; delete {unfinished}, start again")
    beyond = counts.pop(BEYOND)
    if not counts["train"]["documents"]:
        raise ValueError(f"--max_tokens {args.max_tokens:,}: the first document to train on has more; give more")
    left_out = splitting.left_out | ({BEYOND: beyond} if beyond["documents"] else {})

    meta = {
        **describe_streams(folder, args.name, args.level, tokenizer, dtype, counts),
        "language": args.language,
        **made_from,
        "tokenizer_sample": surveyed["tokenizer_sample"],
        **({"read": reach} if args.max_documents or args.max_tokens else {}),
        **({"left_out": left_out} if args.clusters or sources.held_out or left_out else {}),
        "versions": versions("tokenizers", "transformers", "datasets", "numpy"),
        "commit": provenance()["commit"],
    }
    if args.clusters:
        documents = {split: counts[split]["documents"] for split in counts}
        clustered = {split: first_runs(runs, documents[split]) for split, runs in splitting.runs.items() if runs}
        write_clusters(folder, clustered)
        for split, runs in clustered.items():
            meta["splits"][split]["clusters"] = len({name for name, _ in runs})
            meta["splits"][split]["clusters_sha256"] = file_sha256(folder / CLUSTERS.format(split))
    write_json(folder / "meta.json", meta)
    sync(folder)
    folder.rename(final)
    shutil.rmtree(unfinished)
    print_counts(meta["splits"])
    print_left_out(args, left_out)
    print_limits(args, reach, meta["splits"]["train"]["tokens"], bool(beyond["documents"]))
    return meta
