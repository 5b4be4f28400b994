"""Documents out of rows: one cell of each, of JSON lines, CSV, Parquet and data sets on the Hub."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator

from aot.base.remote import cause_of
from aot.tokens.formats import library, suffixes

Rows = Iterator[tuple[str, object]]  # where a row is, for a message, and what it holds


def rows_of(source: str, kind: str, lines: Iterable[str], **of_hub) -> Rows:
    """The rows of a source of a kind, as `formats.KINDS` and "hub" name them; `lines` are those of its text."""
    if kind == "json":
        return json_rows(lines)
    if kind == "csv":
        return csv_rows(lines, "\t" if suffixes(source)[0] == ".tsv" else ",")
    if kind == "parquet" and "://" not in source:  # by its name, which datasets would take for a pattern
        return parquet_rows(source)
    if kind == "parquet":
        return streamed_rows("parquet", data_files=source, split="train")
    return streamed_rows(source, **of_hub)


def column_of(rows: Rows, column: str, errors: str, note: Callable[[dict], object]) -> Iterator[str | None]:
    """One cell of each row, just after `note` has seen it; ValueError, with the row, for one that has no text there.

    Half a surrogate pair, which JSON can have, is an error, or with errors="replace" U+FFFD.
    """
    for place, row in rows:
        try:
            text = cell(row, column)
            note(row)
            if text and errors == "replace":
                text = re.sub("[\ud800-\udfff]", "\ufffd", text)
            (text or "").encode()
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        yield text


def cell(row: object, column: str) -> str | None:
    """What a row has in a column; ValueError when there is no such column, or no text in it."""
    if not isinstance(row, dict) or column not in row:
        there = f"its columns are {', '.join(row)}" if isinstance(row, dict) else "it is no JSON object"
        raise ValueError(f"no column {column!r}, {there}; choose one with --column")
    if not isinstance(row[column], str | None):
        raise ValueError(f"column {column!r} holds {type(row[column]).__name__}, not text; see --column")
    return row[column]


def json_rows(lines: Iterable[str]) -> Rows:
    """What each line holds that is not blank; ValueError for what is no JSON."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number:,}: invalid JSON: {error.msg}, column {error.colno}") from error
            except RecursionError as error:
                raise ValueError(f"line {number:,}: JSON nested too deep to be read") from error
            yield f"line {number:,}", row


def csv_rows(lines: Iterable[str], delimiter: str) -> Rows:
    """The rows below the first one, which names the columns; ValueError for a row of another length."""
    csv.field_size_limit(sys.maxsize)  # how long a document may be is said elsewhere
    rows = csv.DictReader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    try:
        for row in rows:
            if None in row or None in row.values():
                columns = len(rows.fieldnames)
                raise ValueError(f"line {rows.line_num:,}: has not as many cells as there are columns ({columns})")
            yield f"line {rows.line_num:,}", row
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num:,}: {error}") from error


def parquet_rows(path: str) -> Rows:
    """The rows of a Parquet file."""
    pyarrow, parquet, number = library("pyarrow"), library("pyarrow.parquet"), 0
    try:
        batches = parquet.ParquetFile(path).iter_batches(batch_size=256)
        for number, row in enumerate((row for batch in batches for row in batch.to_pylist()), start=1):
            yield f"row {number:,}", row
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"cannot be read after row {number:,}: {' '.join(str(error).split())}") from error


def streamed_rows(path: str, **load) -> Rows:
    """The rows of a Hub data set, or of Parquet at a URL."""
    datasets, pyarrow, number = library("datasets"), library("pyarrow"), 0
    try:
        for number, row in enumerate(datasets.load_dataset(path, streaming=True, **load), start=1):
            yield f"row {number:,}", row
    except (datasets.exceptions.DatasetsError, pyarrow.ArrowException, OSError) as error:
        cause = str(error) if "data_files" in load else cause_of(error, path, load.get("revision"), "datasets/")
        raise ValueError(f"cannot be read after row {number:,}: {cause}") from error
