"""What is tokenized, and how: the flags of tokenize_lang.py."""

from dataclasses import dataclass, field
from typing import Literal

from aot.base.cli import Grow, at_least
from aot.tokens.clusters import FLAG_HELP
from aot.tokens.data_folder import check_name

WHERE_AND_HOW = ("output_dir", "preprocessing_num_workers")  # arguments that do not change what is made
LEAST_VOCABULARY = {
    "bpe": (257, "256 bytes and <|endoftext|>"),
    "symmetric_bpe": (512, "256 bytes, <|endoftext|> and the characters of the text"),
}
MOST = {  # what would end the process without a word, or the machine
    "vocab_size": 2**24,
    "preprocessing_num_workers": 1024,
    **dict.fromkeys(("tokenizer_sample_bytes", "max_document_bytes", "document_length", "validation_tokens"), 2**62),
    **dict.fromkeys(("max_documents", "max_tokens"), 2**62),
}
OWN = "draws documents to hold out, and --validation_source and --validation_split give them; leave out one of both"


@dataclass
class TokenizeArguments:
    source: list[str] = field(
        metadata={
            "aliases": ["--train_file", "--dataset_name"],
            "help": "Files, folders, URLs or Hub data set ids; one data set of them all.",
            "action": Grow,
        }
    )
    name: str = field(metadata={"help": "Name of the data folder."})
    output_dir: str = field(default="data", metadata={"help": "Where the data folder is made."})
    language: str | None = field(default=None, metadata={"help": "Language tag to record, such as fr."})
    max_documents: int | None = field(
        default=None,
        metadata={
            "help": "Read no more than the first so many documents of --source, and so no further than these reach. "
            "What is held out of them is among them."
        },
    )
    max_tokens: int | None = field(
        default=None,
        metadata={
            "help": "Train on at most so many tokens: on the first documents of --source that fit. It is read about a "
            "tenth further than that takes, going by the bytes per token of its beginning."
        },
    )
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
    config: str | None = field(
        default=None, metadata={"aliases": ["--dataset_config_name"], "help": "Configuration of a Hub data set."}
    )
    split: str = field(default="train", metadata={"help": "Split of a Hub data set to read; see --validation_split."})
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
        default=None,
        metadata={
            "aliases": ["--tokenizer_name"],
            "help": "Use the tokenizer of this folder or Hub id, such as openai-community/gpt2; none is trained.",
        },
    )
    reverse_text: bool = field(
        default=False,
        metadata={
            "help": "Reverse each document by grapheme cluster before tokenizer training and encoding: the control "
            "for the direction in which the BPE merges. The split stays that of the text as it was."
        },
    )
    validation_source: list[str] = field(
        default_factory=list,
        metadata={
            "aliases": ["--validation_file"],
            "help": "Hold out this text, all of it and nothing of --source, of which no copies of its documents are "
            "then trained on. Files, folders, URLs or Hub data set ids. --clusters is then about its documents alone.",
            "action": Grow,
        },
    )
    validation_split: str | None = field(
        default=None,
        metadata={
            "help": "Hold out this split, as above: of the Hub data set of --validation_source, by default "
            "validation, or else of that of --source."
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
        if self.own_validation:
            for name in ("validation_tokens", "validation_clusters"):
                if getattr(self, name) is not None:
                    raise ValueError(f"--{name}: {OWN}")
        if self.validation_source and self.validation_split is None:
            self.validation_split = "validation"
        if None not in (self.validation_tokens, self.validation_clusters):
            raise ValueError("give one of --validation_tokens and --validation_clusters")
        for name in ("validation_clusters", "validation_documents_per_cluster"):
            if getattr(self, name) is not None and self.clusters is None:
                raise ValueError(f"--{name}: needs --clusters, which says what belongs together")
        sizes = ("tokenizer_sample_bytes", "max_document_bytes", "validation_tokens", "document_length")
        sizes += ("max_documents", "max_tokens")
        numbers = ("validation_clusters", "validation_documents_per_cluster", "preprocessing_num_workers")
        at_least(self, **dict.fromkeys((*sizes, *numbers), 1))

    @property
    def own_validation(self) -> bool:
        """Whether what is held out is given, and not drawn from --source."""
        return bool(self.validation_source or self.validation_split)


def reading(args: TokenizeArguments) -> dict:
    """The arguments that say how sources are read."""
    names = ("documents", "document_length", "column", "config", "split", "errors", "max_document_bytes")
    raw = args.level == "byte" and not args.reverse_text
    return {"raw": raw, **{name: getattr(args, name) for name in names}}
