"""Does a backward model help to find what really comes next? With the pairs that ship, in their held-out novels.

    python -m experiments.rerank
    python -m experiments.rerank --passages 16 --candidates 32 --name rerank_full

Of passages of each book, what comes next, or what stands in the middle, is to be told from other candidates: texts
that the models write, or that stand elsewhere in the same book. Writes what both models say of each candidate to
scores/NAME/, from which it goes on, and results/NAME.csv.
"""

import aot.base.process  # isort: skip  # noqa: F401  before all others

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from transformers import set_seed

from aot.arrow_of_time.gap import holm
from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import file_sha256, read_json, replacing, write_json
from aot.base.folders import differences
from aot.base.machine import provenance
from aot.base.progress import Bar
from aot.measure.generation import write_tokens
from aot.measure.reranking import joined_tokens, log_probabilities
from aot.measure.scoring import batched, score_alone
from aot.statistics.ranks import chosen_elsewhere, gain, mixed, ranks
from aot.tokens.clusters import read_clustered
from aot.tokens.tokenizers import checkpoint_tokenizer, encode
from aot.tokens.windows import DIRECTIONS
from aot.train.models import load_model
from aot.train.pairs import locate_pair

TASKS = {  # what is to be found, and among what
    "next_written": "what comes next, among texts of the forward model",
    "next_elsewhere": "what comes next, among texts from elsewhere in the book",
    "middle_written": "a middle, among texts of both models",
    "middle_elsewhere": "a middle, among texts from elsewhere in the book",
}
GAINS = {  # of one order over another, by their names
    "forward": ("both", "forward"),
    "better": ("both", "better"),
    "information": ("information_both", "information"),
}


@dataclass
class ExperimentArguments:
    pairs: list[str] = field(
        default_factory=lambda: ["pairs/fr-books", "pairs/en-books"], metadata={"help": "Pairs with held-out texts."}
    )
    passages: int = field(default=8, metadata={"help": "Of each book, or as many as it has room for."})
    candidates: int = field(default=16, metadata={"help": "With the true one."})
    tokens: int = field(default=24, metadata={"help": "Of a candidate."})
    around: int = field(default=40, metadata={"help": "Tokens before it, and as many after a middle."})
    batch_size: int = field(default=256, metadata={"help": "Texts at once."})
    seed: int = field(default=1, metadata={"help": "Of what is sampled."})
    name: str = field(default="rerank", metadata={"help": "Of the folder of scores, and of the table."})
    scores: str = field(default="scores", metadata={"help": "Where NAME/ goes."})
    results: str = field(default="results", metadata={"help": "Where NAME.csv goes."})

    def __post_init__(self):
        at_least(self, passages=1, candidates=3, tokens=1, around=1, batch_size=1, seed=0)


@dataclass(frozen=True)
class Passage:
    """What stands in a book [n]: before, the true candidate, after; and candidates from elsewhere."""

    book: str
    before: np.ndarray
    true: np.ndarray
    after: np.ndarray
    elsewhere: list[np.ndarray]


def word_starts(text: str, begins: list[int], ends: list[int]) -> np.ndarray:
    """Whether a word starts in each token [n], by where each begins and ends in the text; a space may be in it."""
    pieces = [(begin, text[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    letters = [(begin + len(piece) - len(piece.lstrip()), piece.strip()) for begin, piece in pieces]
    return np.array([bool(piece) and at > 0 and text[at - 1].isspace() for at, piece in letters])


def passages_of(
    book: str, ids: np.ndarray, starts: np.ndarray, args: ExperimentArguments, rng: np.random.Generator
) -> Iterator[Passage]:
    """Passages of a book, spread evenly over it; candidates from elsewhere begin anywhere outside of the passage.

    All candidates begin with a word and end with one, by `starts` [n]: half a word would tell the true one.
    """
    length = 2 * args.around + args.tokens
    whole = np.flatnonzero(starts[: -args.tokens] & starts[args.tokens :])
    inside = whole[(whole >= args.around) & (whole <= len(ids) - args.tokens - args.around)]
    for place in inside[np.linspace(0, len(inside) - 1, min(args.passages, len(ids) // length)).astype(int)]:
        begin, end = place - args.around, place + args.tokens + args.around
        outside = whole[(whole + args.tokens <= begin) | (whole >= end)]
        if len(outside) < args.candidates - 1:
            continue
        before, true, after = np.split(ids[begin:end], [args.around, args.around + args.tokens])
        at = rng.choice(outside, args.candidates - 1, replace=False)
        yield Passage(book, before, true, after, [ids[each : each + args.tokens] for each in at])


@dataclass(frozen=True)
class Task:
    """A pair and the passages of its held-out books."""

    models: dict
    tokenizer: object
    passages: list[Passage]
    args: ExperimentArguments

    def written(self, direction: str, known: list[np.ndarray], texts: int) -> list[list[np.ndarray]]:
        """For each of the passages, whose `known` tokens [n] are given, what the model writes beside them."""
        settings = {"do_sample": True, "top_k": 0, "max_new_tokens": self.args.tokens, "num_return_sequences": texts}
        settings["suppress_tokens"] = [self.tokenizer.eos_token_id]  # the true ones do not end there, either
        found = []
        with Bar(total=len(known), unit="passage", desc=f"writing {direction}") as bar:
            for some in batched(known, max(1, self.args.batch_size // texts)):
                new = write_tokens(self.models[direction], self.tokenizer, direction, some, **settings)
                found += batched(new, texts)
                bar.update(len(some))
        return found

    def candidates(self, name: str) -> list[list[np.ndarray]]:
        """For each passage the true candidate and then the others."""
        if name.endswith("elsewhere"):
            return [[each.true, *each.elsewhere] for each in self.passages]
        set_seed(self.args.seed)
        others = self.args.candidates - 1
        sides = {"forward": [each.before for each in self.passages]}
        if name.startswith("middle"):
            sides["backward"] = [each.after for each in self.passages]
        share = -(-others // len(sides))
        found = [self.written(direction, known, share) for direction, known in sides.items()]
        return [
            [passage.true, *sum(texts, [])[:others]]
            for passage, *texts in zip(self.passages, *found, strict=True)
        ]

    def said(self, name: str) -> dict[str, list]:
        """What is said of the candidates of each passage [P, n]: by each direction, and forward of them alone."""
        nothing, batch, bos = np.empty(0, np.int64), self.args.batch_size, self.tokenizer.bos_token_id
        found: dict[str, list] = {key: [] for key in (*DIRECTIONS, "alone")}
        all_candidates = self.candidates(name)
        with Bar(total=len(self.passages), unit="passage", desc=name) as bar:
            for passage, candidates in zip(self.passages, all_candidates, strict=True):
                after = passage.after if name.startswith("middle") else nothing
                texts = [joined_tokens(passage.before, each, after) for each in candidates]
                both, _ = log_probabilities(self.models, texts, bos, batch)
                losses = score_alone(self.models["forward"], candidates, "forward", bos, batch)
                alone = [-each.sum(dtype=float) for each in losses]
                for key, row in zip(found, [*both, alone], strict=True):
                    found[key].append([float(each) for each in row])
                bar.update()
        return found


def tasks_of(pair: str, args: ExperimentArguments) -> Iterator[tuple[str, dict]]:
    """What is said in each task of a pair, by its name; what is in the folder of scores is not computed again."""
    folder, language = Path(args.scores, args.name), Path(pair).name
    paths, text = locate_pair(pair), Path(pair, "held_out.txt.xz")
    made_from = {each: file_sha256(Path(path, "model.safetensors")) for each, path in paths.items()}
    made_from |= {key: value for key, value in asdict(args).items() if key in ("passages", "candidates", "tokens")}
    made_from |= {"text": file_sha256(text), "around": args.around, "seed": args.seed, "batch_size": args.batch_size}
    task = None
    for name in TASKS:
        path = folder / f"{language}-{name}.json"
        kept = read_json(path, f"delete {path} and start again")
        if kept and (differ := differences(kept["made_from"], made_from)):
            raise SystemExit(f"{path}: was made otherwise (there / now): {'; '.join(differ)}. Choose another --name.")
        if not kept:
            task = task or open_task(pair, paths, text, args)
            folder.mkdir(parents=True, exist_ok=True)
            books = [each.book for each in task.passages]
            kept = {"made_from": made_from, "books": books, **task.said(name), **provenance()}
            write_json(path, kept)
        yield name, kept


def open_task(pair: str, paths: dict[str, str], text: Path, args: ExperimentArguments) -> Task:
    """The models of a pair, and passages of its held-out books."""
    tokenizer = checkpoint_tokenizer(paths["forward"])
    rng, passages = np.random.default_rng(args.seed), []
    for document, book in read_clustered([str(text)], "paragraph", str(Path(pair, "held_out.csv"))):
        ids = encode([document], tokenizer.backend_tokenizer, tokenizer.eos_token_id)[:-1].astype(np.int64)
        offsets = tokenizer.backend_tokenizer.encode(document, add_special_tokens=False).offsets
        passages += passages_of(book, ids, word_starts(document, *zip(*offsets, strict=True)), args, rng)
    if len({each.book for each in passages}) < 2:
        raise SystemExit(f"{text}: too short for passages of two books; lower --around and --tokens")
    return Task({name: load_model(path) for name, path in paths.items()}, tokenizer, passages, args)


def row_of(language: str, name: str, kept: dict) -> dict:
    """A row of the table: how well each order finds the true candidate, and what the backward model adds."""
    forward, backward, alone = (np.array(kept[key]) for key in (*DIRECTIONS, "alone"))
    books = np.array(kept["books"])
    weights = chosen_elsewhere(forward, backward, books)
    information = forward - alone  # of what is next, ideal models would say this backward, too, but for a constant
    of_backward = backward - alone if name.startswith("middle") else backward
    orders = {
        "forward": forward,
        "backward": backward,
        "sum": forward + backward,
        "both": mixed(forward, backward, weights[:, None]),
        "information": information,
        "information_both": information + of_backward,
    }
    found = {key: 1 / ranks(scores) for key, scores in orders.items()}
    row = {"row": f"{language}-{name}", "language": language, "task": name, "passages": len(books)}
    row |= {"books": len(set(books)), "candidates": forward.shape[1], "weight": float(np.median(weights))}
    row |= {f"mrr_{key}": values.mean() for key, values in found.items()}
    row |= {f"first_{key}": (ranks(scores) == 1).mean() for key, scores in orders.items()}
    row["better"] = max(DIRECTIONS, key=lambda each: found[each].mean())
    for gained, (one, other) in GAINS.items():
        of = gain(found[one], found[row["better"] if other == "better" else other], books)
        row |= {f"{key}_{gained}": value for key, value in of.items()}
    return row


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(ExperimentArguments, doc=__doc__, argv=argv)
    rows = []
    for pair in args.pairs:
        language = Path(pair).name.partition("-")[0]
        rows += [row_of(language, name, kept) for name, kept in tasks_of(pair, args)]
    table, path = pd.DataFrame(rows), Path(args.results, f"{args.name}.csv")
    columns = [f"p_{gained}" for gained in GAINS]
    p_values = table[columns].to_numpy(float)
    table[columns] = holm(p_values.ravel()).reshape(p_values.shape)  # for all that the table compares
    table["commit"] = provenance()["commit"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.5g")
    print(table.drop(columns="commit").to_string(index=False))


if __name__ == "__main__":
    command(main)
