"""Which models and which text, and how they are scored: the flags of compute_aot.py but for --quick.

What needs torch is imported where it is used: --help need not wait for it.
"""

from dataclasses import dataclass, field
from typing import Literal

from aot.base.cli import Grow, at_least
from aot.tokens.clusters import FLAG_HELP


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
    permuted: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Beside the pairs: models of run_clm_reverse.py --direction permuted, trained like them, one for "
            "each pair. What does reading in no order cost, and what share of that is ∂? Can be asked for later.",
            "action": Grow,
        },
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of the Hub ids."})
    pickled_weights: bool = field(
        default=False, metadata={"help": "Read pytorch_model.bin where there are no safetensors: its tensors alone."}
    )

    def load(self, path: str):
        """One of the models."""
        from aot.train.models import load_model

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


@dataclass
class ScoreArguments:
    """How it is scored and where the result goes."""

    context: int | None = field(
        default=None, metadata={"aliases": ["--block_size"], "help": "Tokens per window. Default: as trained."}
    )
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
        from aot.train.models import find_device

        self.device = find_device(self.device)
        self.by_text |= self.reverse_text

    def reads(self, direction: str) -> str:
        """The direction in which the model of a direction reads its text."""
        return "forward" if self.reverse_text else direction
