"""Which models and which text: what flags say, and what they stand for."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from aot.base.cli import Grow, at_least
from aot.measure.checks import COUNTED
from aot.statistics.samples import samples_of
from aot.tokens.clusters import FLAG_HELP, read_clustered
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import chunks, load_stream, read_clusters
from aot.tokens.text import reverse_graphemes
from aot.tokens.tokenizers import encode, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.models import load_model
from aot.train.pairs import locate_pair, pair_configs


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
    dataset: str | None = field(default=None, metadata={"aliases": ["--dataset_name"], "help": "Data set on the Hub."})
    dataset_config: str | None = field(
        default=None,
        metadata={"aliases": ["--dataset_config_name"], "help": "Its configuration, such as a language."},
    )
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
