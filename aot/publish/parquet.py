"""The documents of a data folder as Parquet, which `datasets.load_dataset` opens: a row for each, with its token ids.

The ids and not the text, which they can be decoded to: rows one after the other are the stream, and nothing of the
text is published that the streams do not have.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aot.base.files import check_hash, file_sha256, try_json, write_json, writing
from aot.base.folders import alone
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import read_clusters
from aot.tokens.windows import EOS_ID, document_starts

FOLDER = "parquet"  # in the data folder, and in the repository
MADE = ".made.json"  # there: of what, and hashes; hidden, it is not published
SHARD_TOKENS = 2**28  # tokens of a file: about half a gigabyte
GROUP_TOKENS = 2**22  # tokens of a row group, which is what memory has to hold


def configs(meta: dict) -> list[dict]:
    """What the card of a data set says of its files: which of them are which split."""
    splits = [split for split, counts in meta["splits"].items() if counts["tokens"]]
    files = [{"split": split, "path": f"{FOLDER}/{split}-*.parquet"} for split in splits]
    return [{"config_name": "default", "data_files": files}]


def make_parquet(folder: str) -> None:
    """Have the documents of a data folder in its `parquet/`; what was made before, of the same streams, stays.

    SystemExit where the disk is full or a file is not as it was written.
    """
    meta, place = read_meta(folder), Path(folder, FOLDER)
    clusters = {split: counts.get("clusters_sha256") for split, counts in meta["splits"].items()}
    made_from = {"data_sha256": meta["data_sha256"], "clusters_sha256": clusters}
    made = try_json(place / MADE) or {}
    if made.get("made_from") == made_from:
        for name, sha256 in made["sha256"].items():
            check_hash(place / name, sha256, f"delete {place}, it is made again")
        return
    if others := [each.name for each in place.glob("*") if each.suffix != ".parquet" and each.name != MADE]:
        raise SystemExit(f"{place}: holds {others[0]}, which was not made here, and Parquet files go there")
    with alone(place, beside=True), writing(place):
        shutil.rmtree(place, ignore_errors=True)  # of a run that was killed
        place.mkdir()
        for split, counts in meta["splits"].items():
            if counts["tokens"]:
                write_split(folder, split, place)
        files = sorted(path.name for path in place.glob("*.parquet"))
        hashes = {name: file_sha256(place / name) for name in files}
        write_json(place / MADE, {"made_from": made_from, "sha256": hashes})


def write_split(folder: str, split: str, place: Path) -> None:
    """Write the files of a split, `SPLIT-00000-of-0000N.parquet`."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    meta, ids, clusters = read_meta(folder), open_stream(folder, split), read_clusters(folder, split)
    starts = document_starts(ids, meta.get("eos_token_id", EOS_ID), meta.get("tokens_per_document"))
    bounds = np.append(starts, len(ids))  # document d is ids[bounds[d] : bounds[d + 1]]
    fields = [("input_ids", pa.list_(pa.int32()))] + ([("cluster", pa.string())] if clusters else [])
    number = -(-len(ids) // SHARD_TOKENS)
    for shard in range(number):
        first, end = np.searchsorted(starts, [len(ids) * each // number for each in (shard, shard + 1)])
        path = place / f"{split}-{shard:05}-of-{number:05}.parquet"
        with ParquetWriter(path, pa.schema(fields), compression="zstd") as writer:
            for group in groups(bounds, int(first), int(end)):
                inside = bounds[group.start : group.stop + 1]
                tokens = pa.array(np.asarray(ids[inside[0] : inside[-1]], np.int32))
                columns = [pa.ListArray.from_arrays(pa.array((inside - inside[0]).astype(np.int32)), tokens)]
                columns += [pa.array(clusters[group], pa.string())] if clusters else []
                writer.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)))


def groups(bounds: np.ndarray, first: int, end: int) -> Iterator[slice]:
    """Documents `first` to `end` in successive slices of at most GROUP_TOKENS tokens, or of one that is longer."""
    while first < end:
        last = int(np.searchsorted(bounds, bounds[first] + GROUP_TOKENS, side="right")) - 1
        last = min(end, max(first + 1, last))
        yield slice(first, last)
        first = last
