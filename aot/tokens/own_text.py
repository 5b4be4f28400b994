"""A text in the place of a data folder, named with the flags of the run_clm example."""

from dataclasses import dataclass, field
from pathlib import Path

from aot.base.cli import Grow, parse_arguments
from aot.tokens.arguments import TokenizeArguments
from aot.tokens.text import short_name

HERE = {  # the flags, and those of tokenize_lang.py that they are
    "train_file": "--source",
    "dataset_name": "--source",
    "dataset_config_name": "--config",
    "validation_file": "--validation_source",
    "validation_split_percentage": "--validation_fraction",
    "tokenizer_name": "--tokenizer",
    "max_train_samples": "--max_documents",
    "vocab_size": "--vocab_size",
}


@dataclass
class OwnText:
    """In the place of a data folder: a text, which is tokenized into one first. tokenize_lang.py can do more."""

    train_file: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Text, JSON lines, CSV or Parquet, files or folders, to train on. Documents are parted by blank "
            "lines. The data folder is data/FILE, or --data.",
            "action": Grow,
        },
    )
    dataset_name: str | None = field(default=None, metadata={"help": "Instead: a data set on the Hub."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    validation_file: list[str] = field(
        default_factory=list, metadata={"help": "What is held out. Default: a part of the text.", "action": Grow}
    )
    validation_split_percentage: float = field(
        default=5.0, metadata={"help": "How much of the text is held out where no --validation_file is given."}
    )
    tokenizer_name: str | None = field(
        default=None, metadata={"help": "A tokenizer on the Hub or in a folder. Default: one is trained on the text."}
    )
    max_train_samples: int | None = field(default=None, metadata={"help": "Read so many documents at most."})
    vocab_size: int = field(default=50257, metadata={"help": "Of the tokenizer that is trained on the text."})

    @property
    def source(self) -> list[str]:
        """What is tokenized, if anything."""
        return [*self.train_file, *([self.dataset_name] if self.dataset_name else [])]

    @property
    def folder(self) -> str:
        """The data folder, where none is named."""
        name = short_name(self.source[0])
        name = Path(name).stem if self.train_file else name + f"-{self.dataset_config_name or ''}".rstrip("-")
        return f"data/{name}"

    def tokenize(self, folder: str) -> None:
        """Make the data folder, or find it made from the same text and flags; SystemExit where it is of others."""
        flags = ["--name", Path(folder).name, "--output_dir", str(Path(folder).parent)]
        for name, flag in HERE.items():
            value = getattr(self, name)
            if name == "validation_split_percentage":
                value = None if self.validation_file and name not in self.given else value / 100
            if name == "vocab_size" and name not in self.given:
                continue
            if value:
                flags += [flag, *map(str, value if isinstance(value, list) else [value])]
        (args,) = parse_arguments(TokenizeArguments, doc="", argv=flags)
        from aot.tokens.making import make_data_folder  # takes seconds, which --help need not wait for

        make_data_folder(args)
        print(f"{folder}: the data folder; --data {folder} trains on it, too")
