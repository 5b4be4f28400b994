"""How far a quick ∂ depends on the decisions that name a symbol, and on the sample that they were made from.

    python -m experiments.quick_codes
    python -m experiments.quick_codes --text corpora/de.txt data/manuals/fr.txt

Reads each text with four kinds of code: `blocks` (that of compute_aot.py --quick), `frequency` (Huffman's, of the
symbols themselves), `bits` (of the code point) and `random` (blocks of 32 symbols drawn anew each time). Each kind is
made from the frequencies in ten samples of the documents, drawn with replacement: the text that is read stays the
same, and ∂ should. Writes results/quick_codes.csv: the mean of ∂ and how it varies, and bits per character.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from aot.base.cli import command, parse_arguments
from aot.base.files import replacing
from aot.base.machine import provenance
from aot.quick.learners import Learner
from aot.quick.profiles import Documents, Text, prepare, read_both_ways
from aot.quick.symbols import BLOCK, Code, code_of
from aot.tokens.clusters import read_clustered
from aot.tokens.windows import DIRECTIONS

KINDS = {"blocks": BLOCK, "frequency": 1, "bits": 2**21, "random": BLOCK}  # symbols in a block


@dataclass
class CodeArguments:
    text: list[str] = field(default_factory=lambda: ["corpora/de.txt", "corpora/en.txt"], metadata={"help": "Texts."})
    learners: list[str] = field(
        default_factory=lambda: ["2", "6", "12", "6+words"], metadata={"help": "As for compute_aot.py --quick."}
    )
    max_symbols: int | None = field(default=600_000, metadata={"help": "Characters of each text."})
    samples: int = field(default=10, metadata={"help": "Samples of the documents."})
    output_dir: str = field(default="results", metadata={"help": "Where quick_codes.csv goes."})

    def __post_init__(self):
        if self.samples < 2:
            raise ValueError(f"--samples {self.samples}: must be at least 2, for a spread")


def code_from(text: Text, kind: str, rng: np.random.Generator) -> Code:
    """A code of a kind for the frequencies in a sample of the documents, in which no symbol is missing."""
    drawn = rng.integers(len(text.order), size=len(text.order))
    counts = np.ones(len(text.symbols.values))
    for each in drawn:
        counts += np.bincount(text.symbols.document(each), minlength=len(counts))
    values = text.symbols.values if kind != "random" else rng.permutation(len(counts))
    return code_of(values, counts, text.symbols.code.letter, KINDS[kind])


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(CodeArguments, doc=__doc__, argv=argv)
    learners, rows = [*map(Learner.parse, args.learners)], []
    with tqdm(total=len(args.text) * len(KINDS) * args.samples, unit="code") as bar:
        for file in args.text:
            content = [text for text, _ in read_clustered([file], "paragraph", None)]
            text = prepare(Documents(content, None, np.ones(len(content), bool)), most=args.max_symbols)
            for kind in KINDS:
                rng, found = np.random.default_rng(0), []
                for _ in range(args.samples):
                    symbols = replace(text.symbols, code=code_from(text, kind, rng))
                    nats, _ = read_both_ways(replace(text, symbols=symbols), learners, null=False)
                    found.append([nats[each].sum(1) for each in DIRECTIONS])
                    bar.update()
                forward, backward = np.moveaxis(found, 1, 0)
                aot = 2 * (backward - forward) / (forward + backward)
                bits = (forward + backward).mean(0) / 2 / np.log(2) / len(text.symbols.ids)
                rows += [
                    {
                        "text": Path(file).name.split(".")[0],
                        "code": kind,
                        "learner": learner.name,
                        "aot": aot[:, number].mean(),
                        "spread": aot[:, number].std(ddof=1),
                        "bits_per_character": bits[number],
                        "commit": provenance()["commit"],
                    }
                    for number, learner in enumerate(learners)
                ]
    table, path = pd.DataFrame(rows), Path(args.output_dir, "quick_codes.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.4g")
    print(table.drop(columns="commit").to_string(index=False))


if __name__ == "__main__":
    command(main)
