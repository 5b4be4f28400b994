"""Data folders as Parquet: rows are documents, in few tokens of memory at a time, and made once."""

from pathlib import Path

import numpy as np
import pytest
from conftest import one_line
from datasets import load_dataset
from pyarrow.parquet import ParquetFile
from test_tokenize_lang import paragraphs

import make_synthetic
import tokenize_lang
from aot.base.files import read_json
from aot.publish import parquet
from aot.publish.parquet import configs, groups, make_parquet
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import read_clusters
from aot.tokens.windows import document_starts


@pytest.fixture
def books(tmp_path, monkeypatch) -> str:
    """A data folder with clusters."""
    monkeypatch.chdir(tmp_path)
    Path("fr.txt").write_text("\n\n".join(paragraphs()), encoding="utf-8")
    Path("books.csv").write_text("cluster\n" + "".join(f"book {number // 10}\n" for number in range(300)))
    flags = "--level byte --clusters books.csv --validation_fraction 0.2".split()
    tokenize_lang.main(["--source", "fr.txt", "--name", "fr", *flags])
    return "data/fr"


def test_rows_are_the_documents_with_their_clusters(books, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "SHARD_TOKENS", 12_000)
    monkeypatch.setattr(parquet, "GROUP_TOKENS", 1_000)
    make_parquet(books)
    files = {each["split"]: f"{books}/{each['path']}" for each in configs(read_meta(books))[0]["data_files"]}
    for split, rows in load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache")).items():
        ids = open_stream(books, split)
        lengths = np.diff(document_starts(ids), append=len(ids))
        assert np.array_equal(np.concatenate(rows["input_ids"]), ids)
        assert [len(each) for each in rows["input_ids"]] == lengths.tolist()
        assert [*rows["cluster"]] == read_clusters(books, split)
    shards = sorted(Path(books, "parquet").glob("train-*"))
    assert [path.name for path in shards] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    for path in shards:  # of like size, in groups that memory can hold
        file = ParquetFile(path)
        sizes = [
            sum(map(len, group["input_ids"].to_pylist()))
            for group in map(file.read_row_group, range(99)[: file.num_row_groups])
        ]
        assert 8_000 < sum(sizes) < 13_000 and 500 < max(sizes) <= 1_000


def test_they_are_made_once_and_seen_to_be_whole(books, monkeypatch):
    make_parquet(books)
    files = [*Path(books, "parquet").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in files}
    make_parquet(books)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    train = next(path for path in files if path.name.startswith("train"))
    whole = train.read_bytes()
    train.write_bytes(whole[:-9] + bytes(9))
    with pytest.raises(SystemExit, match="is damaged, .*; delete data/fr/parquet, it is made again") as stopped:
        make_parquet(books)
    assert one_line(stopped)
    Path(books, "parquet", parquet.MADE).unlink()  # as where it was stopped
    make_parquet(books)
    assert train.read_bytes() == whole and read_json(Path(books, "parquet", parquet.MADE))


def test_a_line_may_have_its_end_elsewhere_and_a_split_may_be_empty(tmp_path):
    lines = "--source palindromes --train_lines 64 --validation_lines 0".split()
    make_synthetic.main([*lines, "--output_dir", str(tmp_path)])
    folder = str(tmp_path / "palindromes")
    make_parquet(folder)
    (made,) = Path(folder, "parquet").glob("*.parquet")
    rows = ParquetFile(made).read()["input_ids"].to_pylist()
    assert len(rows) == 64 and {len(each) for each in rows} == {read_meta(folder)["tokens_per_document"]}
    assert [each["split"] for each in configs(read_meta(folder))[0]["data_files"]] == ["train"]


def test_a_document_longer_than_a_group_is_one(monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_TOKENS", 10)
    bounds = np.array([0, 4, 10, 35, 36, 46])
    assert [*groups(bounds, 0, 5)] == [slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5)]
    assert [*groups(bounds, 1, 2)] == [slice(1, 2)]
