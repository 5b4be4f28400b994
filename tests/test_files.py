"""What is written is there whole or not at all, and what was changed since is not read as if it was not."""

import json
import os

import pytest
from conftest import one_line
from hypothesis import given
from hypothesis import strategies as st

from aot.base import files
from aot.base.files import (
    SEAL,
    check_hash,
    file_sha256,
    read_json,
    replacing,
    seal_of,
    sealed,
    try_json,
    unsealed,
    write_json,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)
json_objects = st.dictionaries(st.text().filter(lambda key: key != SEAL), json_values)


@given(json_objects)
def test_what_is_sealed_comes_back(content):
    written = json.loads(json.dumps(sealed(content)))
    assert unsealed(written) == content and list(sealed(content))[-1] == SEAL
    assert sealed(sealed(content)) == sealed(content)
    assert seal_of(dict(reversed(content.items()))) == seal_of(content)


@given(json_objects, json_objects)
def test_what_was_changed_is_no_longer_sealed(content, other):
    if seal_of(content) != seal_of(other):
        with pytest.raises(ValueError, match="it was changed after it was written"):
            unsealed(other | {SEAL: sealed(content)[SEAL]})
    assert unsealed({**other}) == other  # it never was


DAMAGED = {
    "": "Expecting value",
    "{": "Expecting property name",
    "[]": "it holds no object",
    "3": "it holds no object",
    "[" * 100_000: "it is nested too deep",
    "\ud800".encode("utf-8", "surrogatepass"): "codec can't decode",
}


@pytest.mark.parametrize("content", DAMAGED, ids=["empty", "half", "list", "number", "deep", "no text"])
def test_a_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = rf"a.json: is damaged \(.*{DAMAGED[content]}.*\); restore it from where there is a copy"
    with pytest.raises(SystemExit, match=said) as stopped:
        read_json(path)
    assert one_line(stopped) and try_json(path) is None and read_json(tmp_path / "b.json") is None
    path.rename(tmp_path / "aot.json")
    with pytest.raises(SystemExit, match=f"; delete {tmp_path} and measure again$"):
        read_json(tmp_path / "aot.json")
    with pytest.raises(SystemExit, match="; do this$"):
        read_json(tmp_path / "aot.json", "do this")


def test_what_has_to_be_there_is_asked_for(tmp_path):
    write_json(tmp_path / "results.json", {"step": 1, "data": "data/en"})
    with pytest.raises(SystemExit, match="results.json: is damaged .it has no 'eval_loss'.; fetch it again"):
        read_json(tmp_path / "results.json")


def test_what_cannot_be_read_is_not_damaged(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(SystemExit, match=r"a.json: cannot be read \(Is a directory\)$") as stopped:
        read_json(tmp_path / "a.json")
    with pytest.raises(IsADirectoryError):  # of which nobody knows whether it can be done without
        try_json(tmp_path / "a.json")
    assert one_line(stopped)


def test_what_fails_while_it_is_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(SystemExit, match="a.json: cannot be written .no room.") as stopped:
        with replacing(path) as partial:
            partial.write_text("half")
            raise OSError("no room")
    assert one_line(stopped) and read_json(path) == {"a": 1}
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}


def test_a_large_file_is_read_once_for_each_time_that_it_has(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(files, "LARGE", 3)
    monkeypatch.setattr(files, "file_sha256", lambda path: read.append(path.name) or file_sha256(path))
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(b"abc"), small.write_bytes(b"ab")
    hashes = {path: file_sha256(path) for path in (large, small)}

    def check(path):
        files.sha256_of.cache_clear()  # as in another process
        check_hash(path, hashes[path], "fetch it")

    for path in (large, small, large, small):
        check(path)
    assert read == ["large", "small", "small"]
    os.utime(large, ns=(1, 1))
    check(large)
    check(large)
    assert read[3:] == ["large"]
    large.write_bytes(b"abd")
    with pytest.raises(SystemExit, match="large: is damaged, its SHA-256 is another"):
        check(large)
    with pytest.raises(SystemExit, match="large: is damaged"):
        check_hash(large, "0", "fetch it")
