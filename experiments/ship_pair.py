"""A trained pair as a folder to ship: weights in bfloat16, what they were made from, and then cards with their ∂.

    python -m experiments.ship_pair --pair runs/pairs-fr-seed1 --output_dir pairs/fr-books
    python compute_aot.py --pair pairs/fr-books --data data/books-fr --output_dir scores/pairs-fr-books
    python -m experiments.ship_pair --output_dir pairs/fr-books --scores scores/pairs-fr-books --license apache-2.0

The first command makes OUTPUT_DIR/{forward,backward}, whole or not at all: what a checkpoint needs, with recipe.json
and results.json; and held_out.txt.xz with held_out.csv, the chapters that the pair has not read and their books.
Weights rounded to bfloat16 are half as large, and other models than those that were trained, so it is they that are
scored. The last command adds the cards and `aot.json`. Figures are left out, to keep the folder small.
"""

import json
import lzma
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from aot.base.cli import command, parse_arguments
from aot.base.files import file_sha256, read_json, sync, write_json, writing
from aot.base.folders import RESULTS
from aot.publish.cards import pair_cards
from aot.publish.contents import checkpoint_files
from aot.publish.hub import finished_pair
from aot.tokens.data_folder import open_stream
from aot.tokens.streams import CLUSTERS, read_clusters
from aot.tokens.tokenizers import load_tokenizer
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.models import load_model
from aot.train.runs import RECIPE


@dataclass
class ShipArguments:
    output_dir: str = field(metadata={"help": "The folder that ships."})
    pair: str | None = field(default=None, metadata={"help": "Run folder of the pair, trained to the end."})
    scores: str | None = field(default=None, metadata={"help": "Folder of compute_aot.py with ∂ of OUTPUT_DIR."})
    license: str | None = field(default=None, metadata={"help": "Licence of the models."})

    def __post_init__(self):
        if bool(self.pair) == bool(self.scores):
            raise ValueError("give either --pair, to make the folder, or --scores, to add cards to it")


def write(files: dict[str, bytes | Path], folder: Path) -> None:
    """Write files, given by name as their content or as where it is, into a folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())


def make(pair: str, final: Path) -> None:
    """The folder, with the weights of `pair` in bfloat16."""
    if final.exists():
        raise SystemExit(f"{final}: is there already; delete it to make it anew")
    partial = final.with_name(f"{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with writing(partial):
        for direction, path in finished_pair(pair).items():
            folder = partial / direction
            folder.mkdir(parents=True)
            load_model(path, fast=False).to(torch.bfloat16).save_pretrained(folder)
            files = checkpoint_files(Path(path), direction)
            kept = {name: content for name, content in files.items() if not name.endswith(".safetensors")}
            config = json.loads(kept["config.json"] if direction == "backward" else kept["config.json"].read_bytes())
            kept["config.json"] = json.dumps(config | {"dtype": "bfloat16"}, indent=2).encode() + b"\n"
            write(kept | {RECIPE: Path(path, RECIPE)}, folder)
            results = read_json(Path(path, RESULTS))
            there = (name for name in results.get("sha256", ()) if (folder / name).exists())
            write_json(folder / RESULTS, results | {"sha256": {name: file_sha256(folder / name) for name in there}})
        write_held_out(read_json(Path(path, RESULTS))["data"], partial)
        sync(partial)
        partial.rename(final)
    size = sum(path.stat().st_size for path in final.rglob("*") if path.is_file())
    print(f"{final}: {size / 1e6:.2f} MB")


def write_held_out(data: str, folder: Path) -> None:
    """The documents held out of a data folder as a text, and the table of their clusters."""
    ids, tokenizer = np.asarray(open_stream(data, "validation")), load_tokenizer(data)
    documents = np.split(ids, document_starts(ids)[1:])
    text = "\n\n".join(tokenizer.decode(each[:-1]) for each in documents)
    (folder / "held_out.txt.xz").write_bytes(lzma.compress(text.encode(), preset=9))
    if read_clusters(data, "validation"):
        shutil.copyfile(Path(data, CLUSTERS.format("validation")), folder / "held_out.csv")


def describe(final: Path, scores: str, licence: str | None) -> None:
    """Add the cards and the report to the folder."""
    folders = {direction: str(final / direction) for direction in DIRECTIONS}
    cards, report = pair_cards(str(final), folders, scores, None, {}, licence, None, folders)
    for direction, card in cards.items():
        write({"README.md": card.encode()}, final / direction)
    write_json(final / "aot.json", report)
    print(f"{final}: {report['verdict']}")


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(ShipArguments, doc=__doc__, argv=argv)
    if args.pair:
        make(args.pair, Path(args.output_dir))
    else:
        describe(Path(args.output_dir), args.scores, args.license)


if __name__ == "__main__":
    command(main)
