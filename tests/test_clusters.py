"""The cluster of each document, such as its book: from files, columns and tables, and what is said without one."""

import io
import json
import lzma
import sys
from itertools import groupby
from pathlib import Path

import pytest
from conftest import one_line
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aot.tokens import blocks
from aot.tokens.clusters import read_clustered

CHAPTERS = ["a one", "a two\nof a", "b one", "c one", "c two", "c three"]
BOOKS = ["a", "a", "b", "c", "c", "c"]
RUNS = "author\tbook_id\tfirst_doc\tn_docs\nX\ta\t0\t2\nX\tb\t2\t1\nY\tc\t3\t3\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder with chapters in it, and a blank one among them."""
    monkeypatch.chdir(tmp_path)
    Path("books.txt.xz").write_bytes(lzma.compress("\n\n".join([*CHAPTERS[:2], " ", *CHAPTERS[2:]]).encode()))
    return tmp_path


def write_rows(path: str, books: list, column: str = "book") -> None:
    rows = [{"text": chapter, column: book} for chapter, book in zip(CHAPTERS, books, strict=True)]
    if path.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=2)
    else:
        Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def refused(message: str, clusters: str, *sources: str, documents: str = "paragraph") -> None:
    with pytest.raises(SystemExit, match=message) as stopped:
        list(read_clustered([*sources] or ["books.txt.xz"], documents, clusters))
    assert one_line(stopped) and "--clusters" in stopped.value.code


def test_without_clusters_documents_are_as_ever(here):
    assert list(read_clustered(["books.txt.xz"], "paragraph", None)) == [(chapter, None) for chapter in CHAPTERS]
    lines = list(read_clustered(["books.txt.xz"], "line", None))
    assert lines == [(line, None) for chapter in CHAPTERS for line in chapter.split("\n")]


def test_each_file_is_a_cluster(here):
    Path("folder").mkdir()
    Path("folder/b.txt").write_text("b one\n\nb two")
    Path("folder/a.jsonl").write_text('{"text": "a one", "file": "not this"}\n')
    Path("folder/blank.txt").write_text(" \n")
    found = list(read_clustered(["folder", "books.txt.xz"], "paragraph", "file"))
    listed = [("a one", "folder/a.jsonl"), ("b one", "folder/b.txt"), ("b two", "folder/b.txt")]
    assert found == listed + [(chapter, "books.txt.xz") for chapter in CHAPTERS]
    assert list(read_clustered(["folder/b.txt"], "file", "file")) == [("b one\n\nb two", "folder/b.txt")]


def test_standard_input_is_one_cluster(here, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n\ntwo")))
    assert list(read_clustered(["-"], "paragraph", "file")) == [("one", "-"), ("two", "-")]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("books", [BOOKS, [7, 7, 0, -1, -1, -1]], ids=["text", "integers"])
def test_a_column_names_clusters(here, kind, books):
    write_rows(f"books.{kind}", books)
    expected = list(zip(CHAPTERS, map(str, books), strict=True))
    assert list(read_clustered([f"books.{kind}"], "paragraph", "book")) == expected


def test_a_file_of_the_name_of_a_column_is_no_table(here):
    write_rows("books.jsonl", BOOKS)
    Path("book").write_text(RUNS)
    assert [book for _, book in read_clustered(["books.jsonl"], "paragraph", "book")] == BOOKS
    write_rows("books.jsonl", [*"uvwxyz"], column="book.tsv")
    Path("book").rename("book.tsv")
    assert [book for _, book in read_clustered(["books.jsonl"], "paragraph", "book.tsv")] == BOOKS


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_column_without_the_name_of_a_cluster_is_one_line(here, kind):
    place = {"jsonl": "line", "parquet": "row"}[kind]
    for books, message in [
        ([*BOOKS[:3], None, *BOOKS[4:]], f"books.{kind}: {place} 4: column 'book' holds NoneType, not text"),
        ([*BOOKS[:5], " "], f"books.{kind}: {place} 6: column 'book' is blank"),
        ([0.5] * 6, f"books.{kind}: {place} 1: column 'book' holds float, not text or an integer"),
        ([True] * 6, f"{place} 1: column 'book' holds bool"),
        ([["a"]] * 6, f"{place} 1: column 'book' holds list"),
    ]:
        write_rows(f"books.{kind}", books)
        refused(message, "book", f"books.{kind}")
    refused(f"{place} 1: no column 'author', its columns are text, book", "author", f"books.{kind}")


def test_text_has_no_columns(here):
    write_rows("books.jsonl", BOOKS)
    refused("^books.txt.xz: is read as text, .* no column 'book'; give --clusters file, or a .tsv", "book")
    refused("^books.txt.xz: is read as text", "book", "books.jsonl", "books.txt.xz")  # nor that of the file before
    refused("^books.jsonl: is read as text", "book", "books.jsonl", documents="file")
    Path("books.txt").write_text(RUNS)
    refused("no column 'books.txt'", "books.txt")


TABLES = {
    "book_id, wherever it is": ("t.tsv", RUNS),
    "rows in any order": ("t.tsv", "book_id\tfirst_doc\tn_docs\nc\t3\t3\nb\t2\t1\na\t0\t2\n"),
    "an empty book": ("t.tsv", "book_id\tfirst_doc\tn_docs\na\t0\t2\nb\t2\t1\nblank\t3\t0\nc\t3\t3\nin\t1\t0\n"),
    "two runs of a book": ("t.tsv", "book_id\tfirst_doc\tn_docs\na\t0\t1\na\t1\t1\nb\t2\t1\nc\t3\t3\n"),
    "first column": ("t.csv", "id,title,first_doc,n_docs\na,A,0,2\nb,B,2,1\nc,C,3,3\n"),
    "first column with a name": ("t.csv", "first_doc,n_docs,id,title\n0,2,a,A\n2,1,b,B\n3,3,c,C\n"),
    "quotes and a comma in a title": ("t.csv", 'id,title,first_doc,n_docs\na,"A, ""1""",0,2\nb,,2,1\nc,C,3,3\n'),
    "a lone quotation mark": ("t.tsv", 'id\ttitle\tfirst_doc\tn_docs\na\t"A\t0\t2\nb\t"\t2\t1\nc\tC\t3\t3\n'),
    "a row per document": ("t.tsv", "n\tcluster\n" + "".join(f"1\t{book}\n" for book in BOOKS)),
    "one column": ("t.csv", "\ufeffcluster\n" + "\r\n".join(BOOKS)),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_tells_clusters(here, case):
    name, table = TABLES[case]
    Path(name).write_text(table, encoding="utf-8", newline="")
    assert list(read_clustered(["books.txt.xz"], "paragraph", name)) == list(zip(CHAPTERS, BOOKS, strict=True))


def test_names_of_a_table_stay_as_they_are_written(here):
    names = ["007", "NA", "None", '"1', "1.0", "é\u2028"]
    Path("t.tsv").write_text("cluster\n" + "\n".join(names), encoding="utf-8")
    assert [name for _, name in read_clustered(["books.txt.xz"], "paragraph", "t.tsv")] == names


def test_a_table_goes_on_from_file_to_file(here):
    Path("more.txt").write_text("d one\n\nd two")
    Path("t.tsv").write_text(RUNS + "Z\td\t6\t2\n")
    found = list(read_clustered(["books.txt.xz", "more.txt"], "paragraph", "t.tsv"))
    assert found == list(zip([*CHAPTERS, "d one", "d two"], [*BOOKS, "d", "d"], strict=True))


HEAD = "book_id\tfirst_doc\tn_docs\n"
NO_TABLE = {
    "gap": (HEAD + "a\t0\t2\nc\t3\t3\n", r"row 2 \('c'\) begins at document 3, must begin at 2, .*each document"),
    "gap at the beginning": (HEAD + "b\t1\t5\n", r"row 1 \('b'\) begins at document 1, must begin at 0"),
    "overlap": (HEAD + "c\t2\t4\na\t0\t3\n", r"row 1 \('c'\) begins at document 2, must begin at 3"),
    "twice the same": (HEAD + "a\t0\t6\nb\t0\t6\n", r"row 2 \('b'\) begins at document 0, must begin at 6"),
    "too few": (HEAD + "a\t0\t4\n", "has 4 documents, but 6 were read, without those of white space alone; --doc"),
    "too many": (HEAD + "a\t0\t1234\n", "has 1,234 documents, but 6 were read"),
    "too few rows": ("cluster\na\n", "has 1 document, but 6 were read"),
    "too many rows": ("cluster\n" + "a\n" * 7, "has 7 documents, but 6 were read"),
    "no rows": (HEAD, "has 0 documents, but 6 were read"),
    "no numbers": (HEAD + "a\t0\t2\nb\t2.0\t4\n", "row 2 has '2.0' as first_doc, must be a whole number"),
    "negative": (HEAD + "a\t0\t-6\n", "row 1 has '-6' as n_docs, must be a whole number"),
    "no number": (HEAD + "a\t0\n", "row 1 has '' as n_docs, must be a whole number"),
    "no name": (HEAD + "a\t0\t2\n \t2\t4\n", "row 2 has no cluster in column 'book_id'"),
    "no name of a document": ("n\tcluster\n1\ta\n2\t\n", "row 2 has no cluster in column 'cluster'"),
    "other columns": ("book_id\tn_docs\na\t6\n", "its columns are book_id, n_docs, must be first_doc, n_docs and"),
    "no column of names": ("first_doc\tn_docs\n0\t6\n", "its columns are first_doc, n_docs, must be"),
    "more fields than columns": (HEAD + "a\t0\t6\tA\n", "row 1 has more fields than the header"),
    "more fields below": (HEAD + "a\t0\t6\na\t6\t6\tA\n", "Expected 3 fields in line 3, saw 4"),
    "nothing": ("", "No columns"),
}


@pytest.mark.parametrize("case", NO_TABLE)
def test_a_table_without_each_document_once_is_one_line(here, case):
    content, message = NO_TABLE[case]
    Path("t.tsv").write_text(content)
    refused(f"^--clusters t.tsv: .*{message}", "t.tsv")


def test_a_table_that_cannot_be_read_is_one_line(here):
    refused("^--clusters absent.tsv: no such file; give one that is there, file, or a column", "absent.tsv")
    Path("t.csv").write_bytes(b"cluster\n\xff\n")
    refused("^--clusters t.csv: 'utf-8' codec can't decode", "t.csv")


def test_what_is_wrong_with_the_text_is_said_as_without_clusters(here):
    Path("t.tsv").write_text(RUNS)
    Path("blank.txt").write_text(" \n\n ")
    Path("bad.txt").write_bytes(b"na\xefve")
    Path("books.jsonl").write_text('{"txt": "a"}\n')
    for source in ("absent.txt", "blank.txt", "bad.txt", "books.jsonl"):
        said = []
        for documents in (
            *(read_clustered([source], "paragraph", clusters) for clusters in (None, "file", "book", "t.tsv")),
        ):
            with pytest.raises(SystemExit) as stopped:
                list(documents)
            assert one_line(stopped)
            said.append(stopped.value.code)
        assert len(set(said)) == 1


def test_documents_come_while_their_file_is_read(here):
    paragraph, read = "x" * 999 + "\n\n", []
    Path("long.txt").write_text(paragraph * 5000)
    Path("t.tsv").write_text("book_id\tfirst_doc\tn_docs\na\t0\t5000\n")
    for clusters in (None, "file", "t.tsv"):
        documents = read_clustered(["long.txt"], "paragraph", clusters, watch=read.append)
        next(documents)
        assert read == [blocks.BLOCK]
        documents.close()
        read.clear()


names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=3).filter(str.strip)
books = st.lists(st.tuples(names, st.integers(0, 4)), min_size=1, max_size=6)


def as_table(runs: list[tuple[str, int, int]]) -> str:
    return "book_id\tfirst_doc\tn_docs\n" + "".join(f"{name}\t{begin}\t{count}\n" for name, begin, count in runs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("clusters")


@settings(max_examples=60, deadline=None)
@given(books=books, length=st.none() | st.integers(1, 9), data=st.data())
def test_both_tables_and_a_column_agree_and_pieces_stay_in_their_cluster(folder, books, length, data):
    clusters = [name for name, count in books for _ in range(count)]
    assume(clusters)
    written = [f"chapter {number}" for number in range(len(clusters))]
    begins = [sum(count for _, count in books[:number]) for number in range(len(books))]
    runs = [(name, begin, count) for (name, count), begin in zip(books, begins, strict=True)]
    (folder / "runs.tsv").write_text(as_table(data.draw(st.permutations(runs))), encoding="utf-8")
    (folder / "rows.tsv").write_text("cluster\n" + "\n".join(clusters), encoding="utf-8")
    rows = [{"text": document, "book": name} for document, name in zip(written, clusters, strict=True)]
    (folder / "books.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for way in ("book", str(folder / "runs.tsv"), str(folder / "rows.tsv")):
        pieces = list(read_clustered([str(folder / "books.jsonl")], "paragraph", way, document_length=length))
        assert length is None or all(len(piece) <= length for piece, _ in pieces)
        begin = 0
        for document, name in zip(written, clusters, strict=True):
            parts = [document[at : at + length] for at in range(0, len(document), length)] if length else [document]
            parts = [part for part in parts if part.strip()]
            assert pieces[begin : begin + len(parts)] == [(part, name) for part in parts]
            begin += len(parts)
        assert begin == len(pieces)


@settings(max_examples=60, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=4),
    documents=st.integers(1, 8),
)
def test_a_table_is_taken_only_if_each_document_is_in_one_row(folder, runs, documents):
    (folder / "some.txt").write_text("\n\n".join(f"chapter {number}" for number in range(documents)))
    (folder / "some.tsv").write_text(as_table([(f"b{row}", *run) for row, run in enumerate(runs)]))
    rows = [row for row, (begin, count) in enumerate(runs) for _ in range(begin, begin + count)]
    covered = [number for begin, count in runs for number in range(begin, begin + count)]
    found = read_clustered([str(folder / "some.txt")], "paragraph", str(folder / "some.tsv"))
    if sorted(covered) == list(range(documents)):
        expected = [f"b{row}" for _, row in sorted(zip(covered, rows, strict=True))]
        assert [name for _, name in found] == expected
        assert len(list(groupby(expected))) == sum(count > 0 for _, count in runs)
    else:
        with pytest.raises(SystemExit, match="--clusters .*some.tsv: ") as stopped:
            list(found)
        assert one_line(stopped)
