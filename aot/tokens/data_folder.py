"""Data folders: the files of a tokenizer, a stream of token ids for each split, and `meta.json`: what they are.

A stream, `train.bin` or `validation.bin`, is flat: ids of one type, one EOS after each document.
"""

import hashlib
from pathlib import Path

import numpy as np

from aot.base.files import check_hash, opened


def stream_dtype(vocab_size: int) -> np.dtype:
    """Smallest unsigned integer type that holds every id: 2 bytes up to a vocabulary of 65,536, then 4."""
    return np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)


def check_name(name: str) -> None:
    """ValueError unless a data folder can have this name."""
    if name in ("", "..") or Path(name).name != name or name.endswith(".partial"):
        raise ValueError(f"--name {name!r}: must be the name of a folder; --output_dir says where it is")


def read_meta(folder: str | Path) -> dict:
    """`meta.json` of a data folder; SystemExit when the folder is not a finished one."""
    path = Path(folder) / "meta.json"
    if not path.is_file():
        raise SystemExit(
            f"{folder}: not a data folder (no meta.json in it). Make one with tokenize_lang.py or make_synthetic.py; "
            "an interrupted one is completed by running the same command again."
        )
    try:
        meta = opened(path)
        dtype, whole = np.dtype(meta["dtype"]), {"vocab_size", "tokenizer_sha256", "data_sha256"} <= meta.keys()
        tokens = [meta["splits"][split]["tokens"] for split in ("train", "validation")]
        if not (whole and dtype.kind == "u" and all(isinstance(each, int) and each >= 0 for each in tokens)):
            raise ValueError("what a data folder has to say is not in it")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        cause = f"it has no {error}" if isinstance(error, KeyError) else error
        raise SystemExit(f"{path}: is damaged ({cause}); delete {folder} and make it again") from error
    return meta


def data_sha256(splits: dict, dtype: np.dtype, tokenizer_sha256: str) -> str:
    """One hash that identifies a data set: both streams (`sha256` of each split), their type and the tokenizer."""
    parts = [splits[split]["sha256"] for split in ("train", "validation")] + [np.dtype(dtype).name, tokenizer_sha256]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def open_stream(folder: str | Path, split: str) -> np.ndarray:
    """Token ids [n] of one split, memory-mapped; SystemExit when the file is not what `meta.json` says."""
    meta, path = read_meta(folder), Path(folder) / f"{split}.bin"
    dtype, tokens = np.dtype(meta["dtype"]), meta["splits"][split]["tokens"]
    size = path.stat().st_size if path.is_file() else 0
    if size != tokens * dtype.itemsize:
        raise SystemExit(
            f"{path}: {size:,} bytes, but meta.json says {tokens:,} tokens of {dtype.itemsize} bytes = "
            f"{tokens * dtype.itemsize:,}. The file is damaged: delete {folder} and make it again."
        )
    check_hash(path, meta["splits"][split].get("sha256"), f"delete {folder} and make it again")
    return np.memmap(path, dtype=dtype, mode="r") if tokens else np.empty(0, dtype)
