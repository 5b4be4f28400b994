"""What a data folder is made of: documents to train on and, where these are given apart, documents to hold out."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from aot.base.progress import Bar
from aot.tokens.arguments import TokenizeArguments, reading
from aot.tokens.clusters import read_all
from aot.tokens.text import describe, kind_of, list_sources


class Sources(NamedTuple):
    """Files, URLs and ids of Hub data sets."""

    train: list[str]
    held_out: list[str]  # none, where a hash of the documents of `train` says which of them are held out


def sources_of(args: TokenizeArguments) -> Sources:
    """What the flags name; ValueError where they ask for another split of what has none."""
    train = list_sources(args.source, args.documents)
    if args.validation_source:
        return Sources(train, list_sources(args.validation_source, args.documents))
    if args.validation_split and (files := [source for source in train if kind_of(source) != "hub"]):
        raise ValueError(
            f"--validation_split {args.validation_split}: {files[0]} is no data set on the Hub and has no splits; "
            "--validation_source names what is to be held out"
        )
    return Sources(train, train if args.validation_split else [])


def describe_all(args: TokenizeArguments, sources: Sources) -> dict[str, list[dict]]:
    """What identifies the content of all sources; of large files only the beginning, where no more may be read."""
    whole = args.max_documents is args.max_tokens is None
    described = {"inputs": [describe(source, args.config, args.split, whole) for source in sources.train]}
    if sources.held_out:
        own = [describe(source, args.config, args.validation_split) for source in sources.held_out]
        described["validation_inputs"] = own
    return described


def to_train_on(
    args: TokenizeArguments,
    sources: Sources,
    made_from: dict,
    bar: Bar,
    begin: Callable[[str], object] = lambda source: None,
) -> Iterator[tuple[bytes, str | None]]:
    """Documents of --source with the cluster of each, as of read_all."""
    clusters = None if sources.held_out else args.clusters
    return read_all(sources.train, made_from["inputs"], bar, clusters, begin, **reading(args))


def to_hold_out(
    args: TokenizeArguments, sources: Sources, made_from: dict, bar: Bar
) -> Iterator[tuple[bytes, str | None]]:
    """Documents that are given to be held out with the cluster of each, as of read_all."""
    own = reading(args) | {"split": args.validation_split}
    return read_all(sources.held_out, made_from["validation_inputs"], bar, args.clusters, **own)


@dataclass
class Beginning:
    """The first documents of sources: at most `most`, and none after those that have `most_bytes` together."""

    most: int | None = None
    most_bytes: float | None = None
    documents: int = 0
    bytes: int = 0
    source: str = ""  # where the last one stands
    next_source: str = ""
    cut: bool = False  # whether there are more

    def begin(self, source: str) -> None:
        """The next document is of this source."""
        self.next_source = source

    def of(self, documents: Iterator[tuple[bytes, str | None]]) -> Iterator[tuple[bytes, str | None]]:
        """Those of `documents` that are read, the last of which is followed by one that is not, if there is any."""
        with closing(documents):
            for document, cluster in documents:
                full = self.most_bytes is not None and self.bytes >= self.most_bytes
                if full or self.documents == self.most:
                    self.cut = True
                    return
                self.documents += 1
                self.bytes += len(document)
                self.source = self.next_source
                yield document, cluster

    def description(self) -> dict:
        """What the data folder keeps of it."""
        return {"documents": self.documents, "bytes": self.bytes, "cut": self.cut, "last_source": self.source}
