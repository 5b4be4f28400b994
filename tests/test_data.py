"""From streams to oriented batches: what is backward, and which tokens a window holds."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import one_line
from hypothesis import given
from hypothesis import strategies as st

from aot.tokens.data_folder import data_sha256, open_stream, read_meta, stream_dtype
from aot.tokens.windows import DIRECTIONS, ReverseTokenCollator, Windows, document_starts, orient

token_ids = st.lists(st.integers(0, 9), min_size=1, max_size=20)


@given(token_ids)
def test_backward_is_the_reverse_and_twice_is_the_identity(ids):
    for kind in (np.array, torch.tensor):
        assert orient(kind(ids), "forward").tolist() == ids
        assert orient(kind(ids), "backward").tolist() == ids[::-1]
        assert orient(orient(kind([ids, ids]), "backward"), "backward").tolist() == [ids, ids]


@pytest.mark.parametrize("direction", ["fw", "reverse", "Backward", None, True])
def test_no_other_word_for_a_direction(direction):
    with pytest.raises(ValueError, match=f"{direction!r}, must be one of .*forward.*backward"):
        orient(np.arange(3), direction)


def test_the_model_reads_bos_and_predicts_every_token():
    windows = [np.array([5, 6, 7, 8]), np.array([1, 2])]
    forward = ReverseTokenCollator("forward", bos=3)(windows)
    assert forward["labels"].tolist() == [[5, 6, 7, 8], [1, 2, -100, -100]]
    assert forward["input_ids"].tolist() == [[3, 5, 6, 7], [3, 1, 2, 3]]
    backward = ReverseTokenCollator("backward", bos=3)(windows)
    assert backward["labels"].tolist() == [[8, 7, 6, 5], [2, 1, -100, -100]]
    assert backward["input_ids"].tolist() == [[3, 8, 7, 6], [3, 2, 1, 3]]


@given(st.lists(token_ids, min_size=1, max_size=5))
def test_backward_batches_are_forward_batches_of_reversed_windows(rows):
    windows, mirrored = ([np.array(row[::step]) for row in rows] for step in (1, -1))
    backward, forward = ReverseTokenCollator("backward")(windows), ReverseTokenCollator("forward")(mirrored)
    assert all(torch.equal(backward[name], forward[name]) for name in ("input_ids", "labels"))


@given(n=st.integers(0, 60), context=st.integers(1, 12), stride=st.integers(1, 12) | st.none())
def test_windows_are_full_and_start_every_stride(n, context, stride):
    stride = stride and min(stride, context)
    stream = np.arange(n, dtype=np.uint16)
    windows = Windows(stream, context, stride)
    begins = range(0, n - context + 1, stride or context)
    assert [windows[index].tolist() for index in range(len(windows))] == [
        list(range(begin, begin + context)) for begin in begins
    ]


@given(n=st.integers(1, 60), context=st.integers(1, 12), stride=st.integers(1, 12), choose=st.randoms())
def test_a_batch_gathered_at_once_is_that_of_its_windows(n, context, stride, choose):
    windows = Windows(np.arange(n, dtype=np.uint16), context, min(stride, context), keep_tail=True)
    batch = choose.choices(range(len(windows)), k=5)
    for direction in DIRECTIONS:
        collate = ReverseTokenCollator(direction)
        at_once, one_by_one = collate(windows.__getitems__(batch)), collate([windows[index] for index in batch])
        assert all(torch.equal(at_once[name], one_by_one[name]) for name in ("input_ids", "labels"))


@given(n=st.integers(0, 60), context=st.integers(1, 12))
def test_with_the_tail_every_token_is_in_one_window(n, context):
    windows = Windows(np.arange(n, dtype=np.uint32), context, keep_tail=True)
    rows = [windows[index] for index in range(len(windows))]
    assert sum((row.tolist() for row in rows), []) == list(range(n))
    assert all(len(row) == context for row in rows[:-1])


@given(token_ids)
def test_a_document_starts_after_each_eos(ids):
    starts = [0] + [at for at in range(1, len(ids)) if ids[at - 1] == 0]
    assert document_starts(np.array(ids), eos=0).tolist() == starts


@pytest.mark.parametrize(("vocabulary", "size"), [(2, 2), (2**16, 2), (2**16 + 1, 4)])
def test_the_largest_id_fits_the_type(vocabulary, size):
    dtype = stream_dtype(vocabulary)
    assert dtype.itemsize == size and np.iinfo(dtype).max >= vocabulary - 1


def test_a_stream_is_what_was_written(data):
    meta = read_meta(data)
    for split in ("train", "validation"):
        ids = open_stream(data, split)
        assert isinstance(ids, np.memmap) and len(ids) == meta["splits"][split]["tokens"]
        assert ids.tobytes() == (data / f"{split}.bin").read_bytes()


@pytest.mark.parametrize("size", ["0", "39,999", "40,001"])
def test_a_stream_of_the_wrong_length_is_refused(data, tmp_path, size):
    folder = shutil.copytree(data, tmp_path / "copy")
    with (folder / "train.bin").open("r+b") as file:
        file.truncate(int(size.replace(",", "")))
    with pytest.raises(SystemExit, match=f"train.bin: {size} bytes, .* 20,000 tokens .*delete") as stopped:
        open_stream(folder, "train")
    assert one_line(stopped)


def test_a_folder_without_meta_is_no_data_folder(tmp_path):
    with pytest.raises(SystemExit, match="no meta.json.*tokenize_lang.py") as stopped:
        read_meta(tmp_path)
    assert one_line(stopped)


def test_the_hash_of_the_data_depends_on_all_of_it(data):
    meta = json.loads((data / "meta.json").read_text())
    splits, dtype, tokenizer = meta["splits"], meta["dtype"], meta["tokenizer_sha256"]
    assert data_sha256(splits, dtype, tokenizer) == meta["data_sha256"]
    others = [(splits | {split: {"sha256": "other"}}, dtype, tokenizer) for split in splits]
    others += [(splits, "uint32", tokenizer), (splits, dtype, "other")]
    assert meta["data_sha256"] not in [data_sha256(*other) for other in others]
