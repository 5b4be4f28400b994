"""The candidates of many prompts, sampled or given, ranked by a pair; those of an interrupted run are kept."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from aot.measure.generation import encode_beside, write_tokens, written_text
from aot.measure.reranking import Joined, joined_text, joined_tokens, log_probabilities, totals
from aot.measure.texts import keep_rows, locate_models, write_whole
from aot.tokens.tokenizers import checkpoint_tokenizer, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS
from aot.train.pairs import pair_configs, trained_context, weights_identity

ARROWS = {"forward": "→", "backward": "←"}  # who wrote a candidate


@dataclass(frozen=True)
class Place:
    """Where candidates stand: after a prompt, and before an `end` if there is one."""

    number: int  # of the prompt, from 1
    prompt: str
    end: str


@dataclass(frozen=True)
class Ranker:
    """Two models that read one another's tokens, and what is asked of them."""

    models: dict[str, PreTrainedModel]
    tokenizer: PreTrainedTokenizerBase
    context: int
    what: object  # the arguments of rerank.py
    how: object

    def check(self, place: Place, tokens: int, what: str) -> None:
        """SystemExit unless so many tokens are no more than the models have learned to read."""
        if tokens > self.context:
            raise SystemExit(
                f"prompt {place.number:,}: with {what} it has {tokens:,} tokens, more than the {self.context:,} that "
                "these models were trained on; shorten it, or see --max_new_tokens"
            )

    def given(self, place: Place, candidates: list[str]) -> Iterator[tuple[Joined, dict]]:
        """The candidates of the user."""
        for number, candidate in enumerate(candidates, start=1):
            text = joined_text(place.prompt, candidate, place.end, self.tokenizer)
            self.check(place, len(text.ids), f"candidate {number:,}")
            if text.begin == 0 or text.begin == text.end:
                part = "the prompt" if text.begin == 0 else f"candidate {number:,}"
                raise SystemExit(f"prompt {place.number:,}: {part} has no tokens of its own; is a space missing?")
            tokens = {"tokens": text.end - text.begin, "ended": False}
            yield text, {"text": candidate, "from": "given", **tokens}

    def sampled(self, place: Place) -> Iterator[tuple[Joined, dict]]:
        """What the forward model writes after the prompt and, where there is an end, the backward one before that."""
        sides = zip((place.prompt, place.end), DIRECTIONS, strict=True)
        prompt, end = (encode_beside(text, self.tokenizer, direction) for text, direction in sides)
        self.check(place, len(prompt) + self.how.max_new_tokens + len(end), f"{self.how.max_new_tokens:,} new ones")
        settings = self.how.settings()
        if place.end:  # before which no document ends
            settings["suppress_tokens"] = [self.tokenizer.eos_token_id]
        for direction, known in zip(DIRECTIONS, (prompt, end) if place.end else (prompt,), strict=False):
            self.how.seed_batch(2 * place.number + DIRECTIONS.index(direction))
            for new in write_tokens(self.models[direction], self.tokenizer, direction, [known], **settings):
                text = written_text(self.tokenizer, direction, known, new)
                yield joined_tokens(prompt, new, end), {"from": direction, **text}

    def rank(self, place: Place, candidates: list[str] | None) -> dict:
        """A prompt with its candidates, best first; what was written several times is there once."""
        found: dict[bytes, tuple[Joined, dict]] = {}
        for text, about in self.sampled(place) if candidates is None else self.given(place, candidates):
            _, first = found.setdefault(text.ids.tobytes(), (text, {"times": 0} | about))
            first["times"] += 1
        texts, rows = zip(*found.values(), strict=True)
        said, tokens = log_probabilities(self.models, texts, self.tokenizer.bos_token_id, self.what.batch_size)
        if not np.isfinite(said).all():
            raise SystemExit(f"prompt {place.number:,}: a model gives a candidate a probability that is no number")
        try:
            with np.errstate(over="raise", divide="raise"):
                total = totals(said, tokens, self.what.backward_weight, self.what.length_penalty)
        except FloatingPointError as error:
            raise SystemExit("--backward_weight or --length_penalty: too large for these candidates") from error
        ordered = [
            {"total": total[at], **dict(zip(DIRECTIONS, said[:, at], strict=True)), **rows[at]}
            for at in np.argsort(-total, kind="stable").tolist()
        ]
        return {"index": place.number - 1, "prompt": place.prompt, "end": place.end, "candidates": ordered}


def show(ranking: dict, heading: bool) -> None:
    """Print a prompt, its candidates as a table, and its end."""
    if heading:
        print(f"--- prompt {ranking['index'] + 1}")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("total", *DIRECTIONS):
        table.add_column(name + ARROWS.get(name, "").rjust(2), justify="right", no_wrap=True)
    by_both = bool(ranking["end"]) and ranking["candidates"][0]["from"] != "given"
    if by_both:
        table.add_column("by")
    table.add_column("text", overflow="fold")
    for row in ranking["candidates"]:
        times = f"  (×{row['times']})" if row["times"] > 1 else ""
        ended = "  (the document ends)" if row["ended"] else ""
        text = Text(row["text"].replace("\n", "⏎") + ended + times)
        by = [ARROWS[row["from"]]] if by_both else []
        table.add_row(*(f"{row[name]:.2f}" for name in ("total", *DIRECTIONS)), *by, text)
    print(ranking["prompt"])
    Console().print(table)
    if ranking["end"]:
        print(ranking["end"])


def open_ranker(which, what, how) -> tuple[Ranker, dict]:
    """The two models, and what identifies them; SystemExit unless both are there and read the same tokens."""
    paths = locate_models(which, "both")
    if len(paths) < len(DIRECTIONS):
        raise SystemExit("ranking takes both models: give --pair NAME, or --forward MODEL and --backward MODEL")
    configs = pair_configs([paths], which.revision, trusted=not which.pair, comparable=False)
    tokenizers = [checkpoint_tokenizer(path, which.revision) for path in paths.values()]
    if len({(tokenizer_sha256(each), each.bos_token_id, each.eos_token_id) for each in tokenizers}) > 1:
        named = " and ".join(paths.values())
        raise SystemExit(f"{named}: their tokenizers differ, so neither reads what the other writes")
    context = min(trained_context(configs[path]) for path in paths.values())
    weights = {direction: weights_identity(path, configs[path]) for direction, path in paths.items()}
    models = {direction: which.load(path) for direction, path in paths.items()}
    return Ranker(models, tokenizers[0], context, what, how), {"models": paths, "weights": weights}


def rank_all(prompts: list[str], candidates: list[str] | None, which, what, how) -> None:
    """Print the candidates of each prompt, best first, or write them to the file that `what` names."""
    ranker, made_by = open_ranker(which, what, how)
    places = [Place(number, prompt, what.end or "") for number, prompt in enumerate(prompts, start=1)]
    if not what.output:
        for place in places:
            show(ranker.rank(place, candidates), heading=len(places) > 1)
        return

    def rankings(before: list[dict]) -> Iterator[dict]:
        yield from before
        for place in places[len(before) :]:
            ranking = ranker.rank(place, candidates)
            keep_rows(what.output, [ranking])
            yield ranking

    settings = {"prompts": prompts, "end": what.end, "candidates": candidates, "batch_size": what.batch_size}
    settings |= {"backward_weight": what.backward_weight, "length_penalty": what.length_penalty}
    request = made_by | settings | (asdict(how) if candidates is None else {})
    write_whole(Path(what.output), request, rankings, "prompts")
