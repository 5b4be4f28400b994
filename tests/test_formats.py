"""What a source is: its name and its first bytes agree, and what is no text is not taken for text."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from conftest import one_line

import tokenize_lang
from aot.tokens.text import list_sources, read_documents

TEXT = "first document\n\nsecond, with ∂\n"
DOCUMENTS = ["first document", "second, with ∂"]
PACKED = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}


def read(path, **how) -> list:
    return list(read_documents(str(path), **how))


def archive(kind: str) -> bytes:
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w") as file:
            file.writestr("a.txt", TEXT)
    else:
        with tarfile.open(fileobj=content, mode=kind) as file:
            file.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    return content.getvalue()


def array() -> bytes:
    content = io.BytesIO()
    np.save(content, np.zeros(9))
    return content.getvalue()


@pytest.mark.parametrize("ending", PACKED)
def test_compressed_text_is_read_whatever_its_name(tmp_path, ending):
    packed = PACKED[ending](TEXT.encode())
    for name in (f"a{ending}", f"a.txt{ending}", f"a{ending.upper()}", f"A.TXT{ending.upper()}", "a", "a.txt"):
        (tmp_path / name).write_bytes(packed)
        assert read(tmp_path / name) == DOCUMENTS
    (tmp_path / f"b{ending}").write_text(TEXT)
    with pytest.raises(ValueError, match=f"b{ending}: is no {ending} file, going by its first bytes; name it so"):
        read(tmp_path / f"b{ending}")
    (tmp_path / f"empty{ending}").write_bytes(PACKED[ending](b""))
    assert read(tmp_path / f"empty{ending}") == []
    other = next(each for each in PACKED if each != ending)
    (tmp_path / f"c{other}").write_bytes(packed)
    with pytest.raises(ValueError, match=f"is no {other} file, going by its first bytes, but {ending}; name it so"):
        read(tmp_path / f"c{other}")


@pytest.mark.parametrize("word", ["BZhang wrote", "PAR1 is", "Rar! said", "PK", "ustar", "ARROW1", "SQLite format 3"])
def test_text_may_begin_like_something_else(tmp_path, word):
    (tmp_path / "a.txt").write_text(f"{word} a text\n")
    assert read(tmp_path / "a.txt") == [f"{word} a text"]


OTHERS = {  # how it is made, when a test runs: archives hold the time
    "a.zip": (lambda: archive("zip"), "a .zip archive"),
    "a.txt": (lambda: archive("w"), "a .tar archive"),
    "a.tgz": (lambda: archive("w:gz"), "a .tar archive"),
    "a.tar.gz": (lambda: archive("w:gz"), "a .tar archive"),
    "a.tar.xz": (lambda: archive("w:xz"), "a .tar archive"),
    "a.jsonl": (lambda: b"%PDF-1.7 and so on", "a PDF"),
    "b.txt": (lambda: TEXT.encode("utf-16"), "text in UTF-16; iconv"),
    "a.csv": (lambda: b"text\n\0\n", "binary, it has a NUL byte"),
    "a.npy": (array, "a NumPy array"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_text_is_refused_but_as_bytes(tmp_path, name):
    content, what = OTHERS[name]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(ValueError, match=f"{name}: is no text, but {what}.*--level byte --documents file takes any"):
        read(tmp_path / name)
    assert b"".join(read(tmp_path / name, documents="file", raw=True))
    flags = ["--source", tmp_path / name, "--output_dir", tmp_path / "data", "--name", "new"]
    with pytest.raises(SystemExit, match=what) as stopped:
        tokenize_lang.main([*map(str, flags)])
    assert one_line(stopped) and not (tmp_path / "data").exists()


def test_columns_of_csv_and_tsv(tmp_path):
    (tmp_path / "a.CSV").write_text('id,text\n1,"one, two\nand ""three"""\n2,\n\n3,four\n')
    assert read(tmp_path / "a.CSV") == ['one, two\nand "three"', "four"]
    (tmp_path / "a.tsv").write_text("body\tid\none, two\t1\n")
    assert read(tmp_path / "a.tsv", column="body") == ["one, two"]
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(b"text\nword\n"))
    assert read(tmp_path / "packed.csv.gz") == ["word"]


@pytest.mark.parametrize("content, message", [
    ("id,body\n1,word\n", "line 2: no column 'text', its columns are id, body; choose one with --column"),
    ("id,text\n1,word\n2,one,two\n", "line 3: has not as many cells as there are columns \\(2\\)"),
    ("id,text\n1,word\n2\n", "line 3: has not as many cells as there are columns \\(2\\)"),
    ('id,text\n1,"word', "line 1: unexpected end of data"),
])  # fmt: skip
def test_a_table_that_is_none_is_named_by_its_line(tmp_path, content, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.ndjson", "a.JSONL", "a.Json"])
def test_json_lines_by_any_of_their_names(tmp_path, name):
    (tmp_path / name).write_text("".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS))
    assert read(tmp_path / name) == DOCUMENTS and list_sources([str(tmp_path)], "paragraph") == [f"{tmp_path}/{name}"]


def test_json_nested_deep_is_one_message(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "word"}\n' + "[" * 100_000 + "]" * 100_000 + "\n")
    with pytest.raises(ValueError, match="a.jsonl: line 2: JSON nested too deep"):
        read(tmp_path / "a.jsonl")


def write_parquet(path, texts: list[str]) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array(texts, pyarrow.string())}), path)


PATTERNS = ["data[1].parquet", "data*.parquet", "a::b.parquet", "zip::x.parquet", "{a,b}.PARQUET"]


@pytest.mark.parametrize("name", PATTERNS)
def test_a_path_is_no_pattern(tmp_path, name):
    write_parquet(tmp_path / "data1.parquet", ["another file"])
    write_parquet(tmp_path / name, DOCUMENTS)
    assert read(tmp_path / name) == DOCUMENTS


def test_an_empty_shard_is_one(tmp_path):
    write_parquet(tmp_path / "0.parquet", [])
    write_parquet(tmp_path / "1.parquet", DOCUMENTS)
    assert sum(map(read, list_sources([str(tmp_path)], "paragraph")), []) == DOCUMENTS
    (tmp_path / "2.parquet").write_bytes((tmp_path / "1.parquet").read_bytes()[:-9])
    with pytest.raises(ValueError, match="2.parquet: cannot be read after row 0") as stopped:
        read(tmp_path / "2.parquet")
    assert "\n" not in str(stopped.value)


def test_what_a_folder_leaves_out_is_said(tmp_path, capsys):
    (tmp_path / "texts" / "inner").mkdir(parents=True)
    (tmp_path / "texts" / "inner" / "a.txt").write_text(TEXT)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "texts" / "link").symlink_to(tmp_path / "elsewhere")
    assert list_sources([f"{tmp_path}/texts"], "paragraph") == [f"{tmp_path}/texts/inner/a.txt"]
    assert capsys.readouterr().err == f"{tmp_path}/texts: 1 link to other folders left out; give those as sources\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "inner").chmod(0)
    with pytest.raises(SystemExit, match="inner: cannot be read") as stopped:
        list_sources([str(tmp_path)], "paragraph")
    assert one_line(stopped)
