"""Make a data folder from a rule whose entropy is known exactly: what an instrument is calibrated with.

    python make_synthetic.py --name linear --bits 10 --ones 10 --train_lines 100000

Linear languages over F₂ (Papadopoulos, Wenger & Hongler 2024, section 4): each line is `x:y` with x uniform in F₂^m
and y = A x, each bit of y flipped with probability `--noise`. A is the identity plus a few ones, so y is easy to
compute from x. Its inverse has more ones, so x is harder to compute from y. Both directions hold the same
m ln 2 + m H(noise) nats per line.

Writes data/NAME/{tokenizer files, train.bin, validation.bin, meta.json} as tokenize_lang.py does: one character per
token, one line per document. `meta.json` has the matrix and the entropy. Train with `--context` = tokens per line.
"""

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from aot.cli import parse_arguments
from aot.data import EOS_ID, read_meta, stream_dtype
from aot.runs import differences, provenance, write_json
from aot.streams import describe_streams
from aot.tokenizers import char_tokenizer, save_tokenizer

ALPHABET = "01:"


@dataclass
class SyntheticArguments:
    name: str = field(default="linear", metadata={"help": "Name of the data folder."})
    output_dir: str = field(default="data", metadata={"help": "Where the data folder is made."})
    bits: int = field(default=25, metadata={"help": "m, the bits of x and of y; the paper's is 25."})
    ones: int = field(default=10, metadata={"help": "Extra ones in A, each in a row of its own."})
    noise: float = field(default=0.0, metadata={"help": "Probability that a bit of y is flipped."})
    train_lines: int = field(default=1_000_000, metadata={"help": "Lines to train on."})
    validation_lines: int = field(default=2_000, metadata={"help": "Lines held out."})
    seed: int = field(default=0, metadata={"help": "Seed of the matrix and of the lines."})

    def __post_init__(self):
        for name, least in {"bits": 1, "train_lines": 1, "validation_lines": 0, "seed": 0}.items():
            if (value := getattr(self, name)) < least:
                raise ValueError(f"--{name} {value}: must be at least {least}")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"--noise {self.noise}: a probability lies between 0 and 1")
        if not self.name or Path(self.name).name != self.name:
            raise ValueError(f"--name {self.name!r}: must be the name of a folder; --output_dir says where it is")


def inverse(matrix: np.ndarray) -> np.ndarray | None:
    """Inverse over F₂ of a 0/1 matrix [m, m], by Gauss-Jordan elimination; None if it is singular."""
    size = len(matrix)
    rows = np.concatenate([matrix, np.eye(size, dtype=np.uint8)], axis=1)
    for column in range(size):
        pivots = column + np.flatnonzero(rows[column:, column])
        if not len(pivots):
            return None
        rows[[column, pivots[0]]] = rows[[pivots[0], column]]
        others = np.flatnonzero(rows[:, column] & (np.arange(size) != column))
        rows[others] ^= rows[column]
    return rows[:, size:]


def sparse_matrix(bits: int, ones: int, rng: np.random.Generator) -> np.ndarray:
    """Invertible identity [m, m] plus `ones` ones in different rows; SystemExit where there is none."""
    if not 0 <= ones < bits:  # with two ones in every row, the rows add up to zero
        raise SystemExit(f"--ones {ones}: must be from 0 to {bits - 1}, one less than --bits")
    while True:
        matrix = np.eye(bits, dtype=np.uint8)
        rows = rng.choice(bits, ones, replace=False)
        matrix[rows, (rows + rng.integers(1, bits, ones)) % bits] = 1
        if inverse(matrix) is not None:
            return matrix


def lines(matrix: np.ndarray, count: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Token ids [count, 2m + 2] of lines `x:y` and their end: 2 and 3 stand for the bits, 4 for the colon."""
    bits = len(matrix)
    x = rng.integers(0, 2, (count, bits), dtype=np.uint8)
    y = (x @ matrix.T) % 2 ^ (rng.random((count, bits)) < noise)
    colon, end = np.full((count, 1), 4, np.uint8), np.full((count, 1), EOS_ID, np.uint8)
    return np.concatenate([x + 2, colon, y + 2, end], axis=1)


def entropy(noise: float) -> float:
    """Entropy in nats of a bit that is 1 with probability `noise`."""
    return float(-sum(p * np.log(p) for p in (noise, 1 - noise) if p > 0))


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(SyntheticArguments, doc=__doc__, argv=argv)
    folder, arguments = Path(args.output_dir) / args.name, asdict(args)
    if folder.exists():
        before = read_meta(folder)["arguments"]
        if differ := differences(before, arguments):
            raise SystemExit(f"{folder}: has other arguments (there / now): {'; '.join(differ)}. Delete it first.")
        return print(f"{folder}: finished before, with the same arguments")

    rng = np.random.default_rng(args.seed)
    matrix = sparse_matrix(args.bits, args.ones, rng)
    tokenizer = char_tokenizer(ALPHABET)
    dtype = stream_dtype(len(tokenizer))
    partial = folder.with_name(f"{args.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_tokenizer(tokenizer, partial)
    counts = {}
    for split, count in (("train", args.train_lines), ("validation", args.validation_lines)):
        ids = lines(matrix, count, args.noise, rng).astype(dtype)
        ids.tofile(partial / f"{split}.bin")
        text = ids.size - count  # the end of a line is a token, but no character
        counts[split] = {"documents": count, "tokens": ids.size, "bytes": text, "characters": text}
    meta = {
        **describe_streams(partial, args.name, "char", tokenizer, dtype, counts),
        "arguments": arguments,
        "tokens_per_document": 2 * args.bits + 2,
        "entropy_per_document": args.bits * (np.log(2) + entropy(args.noise)),  # nats
        "matrix": matrix.tolist(),
        "ones": {"matrix": int(matrix.sum()), "inverse": int(inverse(matrix).sum())},
        **provenance(),
    }
    write_json(partial / "meta.json", meta)
    partial.rename(folder)
    print(f"{folder}: {args.train_lines:,} lines to train on, {args.validation_lines:,} held out")
    print(f"{meta['entropy_per_document']:.4f} nats a line; A has {meta['ones']['matrix']} ones, its inverse", end=" ")
    print(f"{meta['ones']['inverse']}; train with --context {meta['tokens_per_document']}")


if __name__ == "__main__":
    main()
