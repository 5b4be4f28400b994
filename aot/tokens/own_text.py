"""A text in the place of a data folder, named with the flags of the run_clm example."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from aot.base.cli import Grow, parse_arguments
from aot.tokens.arguments import TokenizeArguments
from aot.tokens.formats import suffixes
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
            "help": "Text, JSON lines, CSV or Parquet, files or folders, to train on. A blank line ends a "
            "document. The data folder is data/FILE, or --data.",
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

    def __post_init__(self):
        if not 0 < self.validation_split_percentage < 100:
            raise ValueError(f"--validation_split_percentage {self.validation_split_percentage}: must lie below 100")
        if self.train_file and self.dataset_name:
            raise ValueError("give one of --train_file and --dataset_name")

    @property
    def folder(self) -> str:
        """The data folder, where none is named."""
        name = short_name(self.source[0])
        if self.train_file and not Path(self.source[0]).is_dir():
            name = name[: len(name) - len("".join(suffixes(name)))]
        elif self.dataset_config_name:
            name += f"-{self.dataset_config_name}"
        return f"data/{name}"

    def flags(self) -> list[str]:
        """What was given, as tokenize_lang.py takes it."""
        given = {name: getattr(self, name) for name in HERE if name in self.given}
        if self.validation_file and "validation_split_percentage" in given:
            raise SystemExit("--validation_split_percentage: has no effect with --validation_file; leave out one")
        if not self.validation_file:
            given["validation_split_percentage"] = self.validation_split_percentage / 100
        flags = []
        for name, value in given.items():
            flags += [HERE[name], *map(str, value if isinstance(value, list) else [value])]
        return flags

    def tokenize(self, folder: str) -> None:
        """Make the data folder, or find it made from the same text and flags; SystemExit where it is of others."""
        from aot.tokens.making import make_data_folder  # takes seconds, which --help need not wait for

        where = ["--name", Path(folder).name, "--output_dir", str(Path(folder).parent)]
        try:
            (args,) = parse_arguments(TokenizeArguments, doc="", argv=[*where, *self.flags()])
            make_data_folder(args)
        except SystemExit as refused:
            if not isinstance(refused.code, str):
                raise
            raise SystemExit(self.in_flags_here(refused.code)) from refused
        print(f"{folder}: the data folder; --data {folder} trains on it, too")

    def in_flags_here(self, message: str) -> str:
        """A message of tokenize_lang.py with the names that its flags have here, where they have one."""
        names = {flag: f"--{name}" for name, flag in HERE.items() if flag != "--source" or name in self.given}
        message = re.sub(r"--\w+", lambda flag: names.get(flag[0], flag[0]), message)
        known = {*names.values(), "--data"}
        others = [flag for flag in dict.fromkeys(re.findall(r"--\w+", message)) if flag not in known]
        return message + f" ({', '.join(others)}: of tokenize_lang.py)" * bool(others)
