"""Candidates after a beginning, and perhaps before an end, by what a forward and a backward model say of them.

Of a beginning x, a candidate y and an end z the forward model says log P→(y z | x). Without an end the backward one
says log P←(x | y), how well the candidate tells what stood before it: the noisy channel (Li et al., 2016, there MMI;
Yee et al., 2019). With an end it says log P←(x y | z). Ranked is by forward + λ · backward.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from aot.measure.scoring import score_alone
from aot.tokens.tokenizers import encode
from aot.tokens.windows import DIRECTIONS


@dataclass(frozen=True)
class Joined:
    """Token `ids` [n] of a beginning, a candidate and an end, in text order: the candidate is `ids[begin:end]`."""

    ids: np.ndarray
    begin: int
    end: int


def joined_tokens(beginning: np.ndarray, candidate: np.ndarray, end: np.ndarray) -> Joined:
    """What a model wrote, in the tokens that it wrote, between those [n] that it was given."""
    ids = np.concatenate([beginning, candidate, end]).astype(np.int64)
    return Joined(ids, len(beginning), len(beginning) + len(candidate))


def joined_text(beginning: str, candidate: str, end: str, tokenizer: PreTrainedTokenizerBase) -> Joined:
    """A text, in the tokens that it has as a whole. A token on a boundary belongs to the part in which it begins.

    ValueError where the tokenizer has no ids for the text.
    """
    whole = beginning + candidate + end
    ids = encode([whole], tokenizer.backend_tokenizer, tokenizer.eos_token_id)[:-1].astype(np.int64)
    begins = [first for first, _ in tokenizer.backend_tokenizer.encode(whole, add_special_tokens=False).offsets]
    parts = np.searchsorted(begins, [len(beginning), len(beginning) + len(candidate)])
    return Joined(ids, *map(int, parts))


def shared(rows: Sequence[np.ndarray]) -> int:
    """How many tokens all rows [n] have in common from their first one on."""
    least = min(map(len, rows))
    apart = [np.flatnonzero(row[:least] != rows[0][:least]) for row in rows]
    return min((int(each[0]) for each in apart if len(each)), default=least)


def judged(texts: Sequence[Joined]) -> dict[str, list[slice]]:
    """Which tokens of each text count in a direction; the others are read before, or are the same in all texts.

    Forward, all after what the beginnings have in common: tokens on the boundary may differ between candidates.
    Backward, those of the beginning; with an end, all before what the ends have in common.
    """
    known = shared([text.ids[: text.begin] for text in texts])
    if not any(len(text.ids) > text.end for text in texts):
        backward = [slice(0, text.begin) for text in texts]
    else:
        ends = shared([text.ids[text.end :][::-1] for text in texts])
        backward = [slice(0, len(text.ids) - ends) for text in texts]
    return dict(zip(DIRECTIONS, ([slice(known, len(text.ids)) for text in texts], backward), strict=True))


def log_probabilities(
    models: dict[str, PreTrainedModel], texts: Sequence[Joined], bos: int, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """What each direction says [2, n] of candidates for one place, in nats, and of how many tokens [2, n]."""
    counted = judged(texts)
    said, tokens = np.zeros((2, 2, len(texts)))
    for number, direction in enumerate(DIRECTIONS):
        losses = score_alone(models[direction], [text.ids for text in texts], direction, bos, batch_size)
        for at, part in enumerate(counted[direction]):
            said[number, at], tokens[number, at] = -losses[at][part].sum(dtype=float), len(losses[at][part])
    return said, tokens


def totals(said: np.ndarray, tokens: np.ndarray, weight: float, length_penalty: float = 0) -> np.ndarray:
    """forward + `weight` · backward [n], each over its number of tokens to the power of `length_penalty`."""
    forward, backward = said / np.maximum(tokens, 1) ** length_penalty
    return forward + weight * backward
