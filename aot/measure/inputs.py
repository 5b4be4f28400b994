"""Which models and which text: what the flags stand for."""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from aot.measure.arguments import PairArguments, TextArguments
from aot.measure.checks import COUNTED
from aot.statistics.samples import samples_of
from aot.tokens.clusters import read_clustered
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import chunks, load_stream, read_clusters
from aot.tokens.text import reverse_graphemes
from aot.tokens.tokenizers import encode, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.pairs import locate_pair, pair_configs


def load_pairs(args: PairArguments, how) -> tuple[list[dict[str, str]], dict]:
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
