"""The cluster of each document, such as the book of each chapter: what is held out whole, and what an interval counts.

Neighbouring chapters of a book are no independent samples of a language, and a model that has read some of a book
knows its names. So books, and not chapters, are held out and resampled, where it is known which chapters are whose.
"""

import csv
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from aot.base.messages import count
from aot.base.progress import Bar
from aot.tokens.text import cut, list_sources, read_documents

FLAG_HELP = (
    "What is a sample instead of a document, such as the book of a chapter: `file`, a column, or a table .tsv or .csv "
    "with first_doc and n_docs of each cluster, or with the cluster of each document."
)


def with_clusters(
    sources: Iterable[tuple[str, dict]], clusters: str | None, *, document_length: int | None = None, **reading
) -> Iterator[tuple[str | bytes, str | None]]:
    """Documents of `sources`, each with what else read_documents needs for it, and the cluster of each document.

    `clusters`: None; "file", where each file, URL or Hub id is a cluster; a .tsv or .csv file, as of cluster_runs; or
    the column of JSON lines, Parquet and Hub data sets that names the cluster. A table counts the documents of all
    sources as they are written: before they are cut, and without those of white space alone. ValueError where a
    document has no cluster, and at the end where documents of the table are left.
    """
    of_table = clusters is not None and clusters.endswith((".tsv", ".csv"))
    of_column = clusters not in (None, "file") and not of_table
    number, cluster = 0, None

    def note(row: dict) -> None:
        nonlocal cluster
        cluster = cluster_cell(row, clusters)

    if of_column:
        reading["note"] = note
    try:
        runs = cluster_runs(clusters) if of_table else []
    except (ValueError, OSError) as error:
        raise ValueError(f"--clusters {clusters}: {' '.join(str(error).split())}") from error
    names = itertools.chain.from_iterable(itertools.repeat(*run) for run in runs)
    for file, own in sources:
        cluster = file if clusters == "file" else None
        for document in read_documents(file, **reading, **own):
            number += 1
            if of_column and cluster is None:
                raise ValueError(
                    f"{file}: is read as text, which has no column {clusters!r}; give --clusters file, or a .tsv or "
                    ".csv file that tells the cluster of each document"
                )
            if of_table and (cluster := next(names, None)) is None:
                continue  # only counted, for the message
            for part in cut(document, document_length):
                if part and not part.isspace():
                    yield part, cluster
    if of_table and number and number != (total := sum(length for _, length in runs)):
        raise ValueError(
            f"--clusters {clusters}: has {count(total, 'document')}, but {number:,} were read, without those of white "
            "space alone; --documents must separate them as the table counts them"
        )


def read_clustered(
    sources: list[str], documents: str, clusters: str | None, **settings
) -> Iterator[tuple[str, str | None]]:
    """Documents of all sources with the cluster of each, as of with_clusters; SystemExit where these or the text
    cannot be read, and where there is no text."""
    found = None
    try:
        files = sources if sources == ["-"] else list_sources(sources, documents)
        for found in with_clusters(((file, {}) for file in files), clusters, documents=documents, **settings):
            yield found
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    if found is None:
        raise SystemExit(f"{' '.join(sources)}: no text in it, nothing to score")


def first_runs(runs: list[tuple[str, int]], documents: int) -> list[tuple[str, int]]:
    """The runs, cluster and number of documents, of the first so many documents."""
    ends = itertools.accumulate((length for _, length in runs), initial=0)
    cut = [(name, min(length, documents - begin)) for (name, length), begin in zip(runs, ends, strict=False)]
    return [(name, length) for name, length in cut if length > 0]


def read_all(
    sources: list[str],
    inputs: list[dict],
    bar: Bar,
    clusters: str | None,
    begin: Callable[[str], object] = lambda source: None,
    **reading,
) -> Iterator[tuple[bytes, str | None]]:
    """Documents of all sources in UTF-8 with the cluster of each, `bar` moving by bytes of the files.

    `begin` gets the name of each source before its first document.

    `inputs` describe the sources; ValueError when a file ends before the size it has there. Files as clusters have
    names without the folder that all of them are in, which do not depend on where they lie.
    """
    folder = os.path.commonpath([os.path.dirname(source) for source in sources]) if clusters == "file" else ""

    def one_after_the_other() -> Iterator[tuple[str, dict]]:
        for source, known in zip(sources, inputs, strict=True):
            begin(known["name"])
            start, size = bar.n, known.get("bytes") or 0
            yield source, {"revision": known.get("revision"), "watch": bar.update}
            if size and bar.n not in (start, start + size):  # Parquet files do not move it
                raise ValueError(f"{source}: {bar.n - start:,} bytes arrived of {size:,}; run the same command again")
            bar.update(start + size - bar.n)

    for document, cluster in with_clusters(one_after_the_other(), clusters, **reading):
        name = cluster[len(folder) :].lstrip("/") if folder else cluster
        yield document if isinstance(document, bytes) else document.encode(), name


def cluster_cell(row: dict, column: str) -> str:
    """The name of a cluster that a row has in a column; ValueError when there is none."""
    if column not in row:
        raise ValueError(f"no column {column!r}, its columns are {', '.join(row)}; choose one with --clusters")
    name = row[column]
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise ValueError(f"column {column!r} holds {type(name).__name__}, not text or an integer; see --clusters")
    if not str(name).strip():
        raise ValueError(f"column {column!r} is blank; --clusters needs the cluster of each document there")
    return str(name)


def cluster_runs(path: str) -> list[tuple[str, int]]:
    """Cluster and number of documents of each run of documents, in order, of a table in a .tsv or .csv file.

    Rows are runs, with `first_doc` (from 0), `n_docs`, and the cluster in `book_id` or else in the first column; or
    documents in order, with the `cluster`. ValueError for other tables, and where a document is in no row or in two.
    """
    import pandas as pd

    if not Path(path).is_file():
        raise ValueError("no such file; give one that is there, file, or a column of the text")
    # between tabs, a quotation mark is a letter like others: titles begin with one
    style = {"sep": "\t", "quoting": csv.QUOTE_NONE} if path.endswith(".tsv") else {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False, **style)
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first of too many fields for an index
        raise ValueError("row 1 has more fields than the header")
    of_runs = {"first_doc", "n_docs"} <= set(table)
    named = ["book_id", *table.drop(columns=["first_doc", "n_docs"])] if of_runs else ["cluster"]
    column = next((name for name in named if name in table), None)
    if column is None:
        raise ValueError(f"its columns are {', '.join(table)}, must be first_doc, n_docs and book_id, or cluster")
    if (blank := table[column].str.strip() == "").any():
        raise ValueError(f"row {blank.argmax() + 1:,} has no cluster in column {column!r}")
    if not of_runs:
        return [(name, 1) for name in table[column]]
    for name in ("first_doc", "n_docs"):
        if not (whole := table[name].str.fullmatch("[0-9]{1,15}")).all():
            row = whole.argmin()
            raise ValueError(f"row {row + 1:,} has {table[name][row]!r} as {name}, must be a whole number")
    table = table.astype({"first_doc": int, "n_docs": int})
    table = table[table["n_docs"] > 0].sort_values("first_doc", kind="stable")
    end = (table["first_doc"] + table["n_docs"]).shift(fill_value=0)
    if len(wrong := table.index[table["first_doc"] != end]):
        row = wrong[0]
        raise ValueError(
            f"row {row + 1:,} ({table[column][row]!r}) begins at document {table['first_doc'][row]:,}, must begin at "
            f"{end[row]:,}, after those of the rows before it: each document, from 0, is in one row"
        )
    return list(zip(table[column], table["n_docs"].tolist(), strict=True))
